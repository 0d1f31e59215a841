// Two lanes under every order of their operations, within limits: what is urgent and visible when
// the consumer looks is taken before anything else, each lane keeps its order, nothing is lost. And
// a pair that looks at the lanes the other way round is found out.
#include "explored_platform.hpp"
#include "support.hpp"

#include <rondo/ring/lanes.hpp>

#include <gtest/gtest.h>

#include <array>
#include <memory>

namespace rondo::test {
namespace {

constexpr publication publications[] = {publication::word, publication::counted,
                                        publication::chunked};
constexpr std::uint64_t each = 2;  // messages in each lane

#if defined(RONDO_TEST_ASAN) || defined(RONDO_TEST_TSAN)
constexpr unsigned preemptions = 1;
#else
constexpr unsigned preemptions = 2;
#endif

using explored_consumer = ring::consumer<explored_platform>;

// One producer for each lane, and a consumer of both.
template <class Pair>
class lanes_run {
 public:
  lanes_run(explorer& e, publication how, std::uint64_t capacity) : explorer_(e) {
    auto params = params_of({how, capacity, 16, true});
    params.lanes = 2;
    EXPECT_EQ(backend::ring_memory::create(params, memory_, backend::ring_memory::poisoned),
              RONDO_OK);
    for (std::uint32_t lane : {ring::normal_lane, ring::urgent_lane}) {
      producers_[lane] = ring::producer<explored_platform>(memory_.view(lane));
      consumers_[lane] = explored_consumer(memory_.view(lane));
    }
  }

  void produce(std::uint32_t lane) {
    for (std::uint64_t i = 0; i < each; ++i) {
      for (;;) {
        const auto seen = explorer_.seen();
        if (push_id(producers_[lane], lane * 100 + i, 16) == RONDO_OK) break;
        explorer_.wait(seen);
      }
      ++published_[lane];  // no operation lies between: nobody else has run
    }
  }

  void consume() {
    Pair pair(consumers_[ring::normal_lane], consumers_[ring::urgent_lane]);
    while (taken_[0] + taken_[1] < 2 * each) {
      const auto seen = explorer_.seen();
      const bool is_urgent_waiting = published_[1] > taken_[1];
      ring::message m;
      explored_consumer* from = nullptr;
      const rondo_status status = pair.peek(m, from);
      if (status == RONDO_EMPTY) {
        explorer_.require(!is_urgent_waiting, "an urgent message is overlooked");
        explorer_.wait(seen);
        continue;
      }
      const std::uint64_t id = m.header->message_id;
      const std::uint64_t lane = id / 100;
      explorer_.require(status == RONDO_OK && lane < 2 && from == &consumers_[lane],
                        "the message is not the lane's");
      explorer_.require(lane == 1 || !is_urgent_waiting, "an urgent message has to wait");
      explorer_.require(id % 100 == taken_[lane], "out of order, lost or repeated");
      explorer_.require(static_cast<bool>(is_message(m, id, 16)), "a torn message");
      from->release();
      ++taken_[lane];
    }
  }

  void check_end() {
    for (std::uint32_t lane : {ring::normal_lane, ring::urgent_lane})
      explorer_.require(producers_[lane].depth() == 0, "a slot stays taken");
  }

 private:
  explorer& explorer_;
  backend::ring_memory memory_;
  std::array<ring::producer<explored_platform>, 2> producers_;
  std::array<explored_consumer, 2> consumers_;
  std::array<std::uint64_t, 2> published_{};
  std::array<std::uint64_t, 2> taken_{};
};

template <class Pair>
exploration_result explore_lanes(publication how, std::uint64_t capacity, unsigned most) {
  explorer e(exploration_limits{most});
  std::shared_ptr<lanes_run<Pair>> run;
  return e.explore([&](explorer& all) {
    run = std::make_shared<lanes_run<Pair>>(all, how, capacity);
    for (std::uint32_t lane : {ring::normal_lane, ring::urgent_lane})
      all.thread([&run, lane] { run->produce(lane); });
    all.thread([&run] { run->consume(); });
    all.at_end([&run] { run->check_end(); });
  });
}

TEST(explorer, finds_that_urgent_messages_never_wait_for_others) {
  std::uint64_t runs = 0;
  for (auto how : publications)
    for (std::uint64_t capacity : {1u, 2u}) {
      const auto r = explore_lanes<ring::lane_pair<explored_platform>>(how, capacity, preemptions);
      EXPECT_EQ(r.violation, "") << name_of(how) << ", capacity " << capacity;
      EXPECT_TRUE(r.complete);
      runs += r.runs;
    }
  std::printf("             %llu orders tried\n", static_cast<unsigned long long>(runs));
  EXPECT_GT(runs, preemptions == 1 ? 1'000u : 100'000u);
}

struct lanes_in_the_wrong_order {
  ring::lane_pair<explored_platform> swapped;
  lanes_in_the_wrong_order(explored_consumer& normal, explored_consumer& urgent)
      : swapped(urgent, normal) {}
  rondo_status peek(ring::message& out, explored_consumer*& from) {
    return swapped.peek(out, from);
  }
};

TEST(explorer_sees, lanes_that_are_looked_at_in_the_wrong_order) {
  for (auto how : publications)
    EXPECT_NE(explore_lanes<lanes_in_the_wrong_order>(how, 2, 1).violation, "") << name_of(how);
}

}  // namespace
}  // namespace rondo::test
