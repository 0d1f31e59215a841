// Random sends, with all that a single request can ask for, against a model of what the input then
// holds. The kernel is not active while it is sent requests, deadlines have passed at once or are
// hours away, so that each answer is certain. A seed that fails is in the test's name.
#include "stream_kernels.hpp"
#include "ways.hpp"

#include <deque>
#include <random>

namespace {

using namespace core_test;
using rondo::send_options;
using rondo::when_full;

constexpr std::size_t slots = 4, window = 4;

struct how {
  way by;
  when_full policy;
  std::uint64_t seed;
};
void PrintTo(const how& it, std::ostream* out) { *out << it.by.name << ' ' << it.seed; }

// What waits in the kernel's input, what is known of keys, and what was counted.
struct expectation {
  struct request {
    std::uint64_t nonce = 0, id = 0;
    bool is_late = false;
  };
  std::deque<request> lanes[2], told;  // told: given up, and answered so
  std::deque<std::uint64_t> keys;
  std::uint64_t handled = 0, sent = 0, oldest = 0, newest = 0, expired = 0, repeated = 0;

  bool knows(std::uint64_t key) const {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  }
  void accept(const request& one, const send_options& with) {
    ++sent;
    lanes[with.urgent ? 1 : 0].push_back(one);
    if (!with.key) return;
    keys.push_back(*with.key);
    if (keys.size() > window) keys.pop_front();
  }
  std::size_t waiting() const { return lanes[0].size() + lanes[1].size(); }
};

class when_full_model : public testing::TestWithParam<how> {
 protected:
  void SetUp() override {
    auto options = GetParam().by.options(slots, 256);
    options.input_full = GetParam().policy;
    options.urgent_lane = true;
    options.timed = is_timed();
    options.duplicate_window = window;
    kernel_ = runtime_.launch<oracle>(options);
  }
  static bool is_timed() { return !GetParam().by.avoid_mapped; }

  void step() {
    switch (random_() % 12) {
      case 0: return answer_all();
      case 1: return start_anew();
      case 2: return check_counts();
      default: return send();
    }
  }

  void send() {
    send_options with;
    with.urgent = random_() % 3 == 0;
    if (random_() % 3 == 0) with.key = random_() % 8;
    const bool has_room = due_.lanes[with.urgent ? 1 : 0].size() < slots;
    // What is too old when it finds no room may be told so at once, or wait: that is a race.
    const bool is_late = is_timed() && has_room && random_() % 4 == 0;
    if (is_late) with.ttl = 1ns;
    else if (is_timed() && random_() % 2 == 0) with.ttl = 1h;
    const std::uint64_t nonce = ++nonce_;
    const auto sent = kernel_->send({.nonce = nonce}, timeout(has_room), with);
    ASSERT_EQ(sent.code(), code_for(with, has_room)) << "request " << nonce;
    if (sent) due_.accept({nonce, *sent, is_late}, with);
  }
  // Only what must be refused waits for nothing.
  std::chrono::nanoseconds timeout(bool has_room) const {
    return has_room || GetParam().policy != when_full::block ? patience : 1us;
  }

  rondo::status code_for(const send_options& with, bool has_room) {
    if (with.key && due_.knows(*with.key)) return ++due_.repeated, RONDO_REPEATED;
    if (has_room) return RONDO_OK;
    auto& lane = due_.lanes[with.urgent ? 1 : 0];
    switch (GetParam().policy) {
      case when_full::block: return RONDO_TIMEOUT;
      case when_full::reject: return RONDO_FULL;
      case when_full::drop_newest: return ++due_.newest, RONDO_DROPPED;
      case when_full::drop_oldest: break;
    }
    ++due_.oldest;
    due_.told.push_back(lane.front());
    lane.pop_front();
    return RONDO_OK;
  }

  void expect_reply(const expectation::request& one, rondo_status code) {
    const auto reply = kernel_->receive(patience);
    ASSERT_TRUE(reply) << reply.failure().text();
    EXPECT_EQ(reply->correlation_id, one.id) << "request " << one.nonce;
    ASSERT_EQ(reply->outcome.code(), code) << "request " << one.nonce;
    if (code != RONDO_OK) return;
    EXPECT_TRUE(answers(*reply->outcome, one.nonce)) << one.nonce;
    EXPECT_EQ(reply->outcome->count, ++due_.handled);
  }
  // First what was given up while nothing was handled, then the lanes, the urgent one first.
  void answer_all() {
    kernel_->activate();
    for (; !due_.told.empty(); due_.told.pop_front())
      expect_reply(due_.told.front(), RONDO_DROPPED);
    for (auto* lane : {&due_.lanes[1], &due_.lanes[0]})
      for (; !lane->empty(); lane->pop_front()) {
        if (lane->front().is_late) ++due_.expired;
        expect_reply(lane->front(), lane->front().is_late ? RONDO_EXPIRED : RONDO_OK);
      }
    EXPECT_EQ(kernel_->try_receive().code(), RONDO_EMPTY);
    kernel_->deactivate();
  }

  // Keys outlive that, and what was given up has been told.
  void start_anew() {
    const auto report = kernel_->terminate({.mode = rondo::terminate_mode::discard});
    EXPECT_EQ(report.discarded, due_.waiting());
    for (auto& lane : due_.lanes) lane.clear();
    kernel_->relaunch();
  }

  void check_counts() {
    const auto now = kernel_->snapshot();
    EXPECT_EQ(now.sent, due_.sent);
    EXPECT_EQ(now.input_depth, due_.waiting());
    EXPECT_EQ(now.messages_in, due_.handled);
    EXPECT_EQ(now.dropped_oldest, due_.oldest);
    EXPECT_EQ(now.dropped_newest, due_.newest);
    EXPECT_EQ(now.expired, due_.expired);
    EXPECT_EQ(now.duplicates, due_.repeated);
  }

  rondo::runtime runtime_ = open_runtime();
  std::optional<rondo::kernel<oracle>> kernel_;
  std::mt19937_64 random_{GetParam().seed};
  std::uint64_t nonce_ = 0;
  expectation due_;
};

TEST_P(when_full_model, says_what_becomes_of_each_request) {
  for (int i = 0; i < 400 && !HasFailure(); ++i) step();
  answer_all();
  check_counts();
  EXPECT_GT(due_.handled, 50u);
  EXPECT_GT(due_.repeated, 5u);
}

std::vector<how> each_way_and_policy() {
  std::vector<how> all;
  std::uint64_t seed = 0;
  for (const way& by : all_ways)
    for (const auto policy :
         {when_full::block, when_full::reject, when_full::drop_newest, when_full::drop_oldest})
      if (!by.is_pumped) all.push_back({by, policy, ++seed});
  return all;
}
INSTANTIATE_TEST_SUITE_P(ways, when_full_model, testing::ValuesIn(each_way_and_policy()),
                         [](const auto& it) {
                           return std::string(it.param.by.name) + "_seed_" +
                                  std::to_string(it.param.seed);
                         });

}  // namespace
