// Real threads on small rings: every message arrives once, whole, and in the order of its producer,
// whichever way it was pushed and popped. The messages are counted; the clock only ends a test that
// hangs.
#include "support.hpp"

#include <rondo/ring/wait.hpp>

#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace rondo::test {
namespace {

constexpr std::uint64_t deadline_ns = 60'000'000'000;
// A ring of a few slots is full and wraps with every message, and waits each time.
constexpr std::uint64_t messages_in_all(std::uint64_t capacity) {
  return capacity <= 4 ? 3'000 : 12'000;
}
constexpr std::uint32_t payload_bytes = 200;

struct stress_case {
  ring_shape shape;
  unsigned producers;
};

std::ostream& operator<<(std::ostream& out, const stress_case& c) {
  return out << c.producers << " × " << c.shape;
}

// Shared by the threads of one run; a thread that sees something wrong stops all of them.
class run_state {
 public:
  bool stopped() const { return stop_.load(std::memory_order_relaxed); }
  void fail(const std::string& why) {
    if (!stop_.exchange(true)) ADD_FAILURE() << why;
  }
  // After a full or an empty ring: let the others run, also on a single processor.
  void wait() {
    std::this_thread::yield();
    if (ring::now_ns() - begin_ > deadline_ns) fail("the deadline passed");
  }

 private:
  std::atomic<bool> stop_{false};
  std::uint64_t begin_ = ring::now_ns();
};

class stressed_producer {
 public:
  stressed_producer(ring::producer<>& ring, run_state& state, unsigned number, std::uint64_t count)
      : ring_(ring), state_(state), random_(number + 1), number_(number), count_(count) {}

  void run() {
    while (sent_ < count_ && !state_.stopped()) {
      switch (random_() % 8) {
        case 0: abandon_one(); break;
        case 1:
        case 2: push_batch(); break;
        case 3:
        case 4: reserve_one(); break;
        default: push_one(); break;
      }
    }
  }
  std::uint64_t abandoned() const { return abandoned_; }

 private:
  std::uint64_t id() const { return std::uint64_t{number_} << 32 | sent_; }
  std::uint32_t length() { return static_cast<std::uint32_t>(random_() % (payload_bytes + 1)); }

  void push_one() {
    const rondo_status status = push_id(ring_, id(), length());
    if (status == RONDO_OK) ++sent_;
    else state_.wait();
  }
  void reserve_one() {
    ring::claim c;
    const std::uint32_t bytes = length();
    if (ring_.try_reserve(bytes, c) != RONDO_OK) return state_.wait();
    fill_payload(c.payload, id(), bytes);
    ring_.commit(c, envelope_for(id(), bytes));
    ++sent_;
  }
  void abandon_one() {
    ring::claim c;
    if (ring_.try_reserve(1, c) != RONDO_OK) return state_.wait();
    ring_.abandon(c);
    ++abandoned_;
  }
  void push_batch() {
    std::uint64_t first = 0;
    const std::uint64_t got =
        ring_.try_reserve_batch(std::min<std::uint64_t>(3, count_ - sent_), first);
    if (got == 0) return state_.wait();
    const bool at_once = random_() % 2 == 0;
    for (std::uint64_t i = 0; i < got; ++i) {
      ring::claim c;
      ring_.take(first + i, c);
      const std::uint32_t bytes = length();
      fill_payload(c.payload, id(), bytes);
      if (at_once) ring_.fill(c, envelope_for(id(), bytes));
      else ring_.commit(c, envelope_for(id(), bytes));
      ++sent_;
    }
    if (at_once) ring_.commit_batch(first, got);
  }

  ring::producer<>& ring_;
  run_state& state_;
  std::minstd_rand random_;
  unsigned number_;
  std::uint64_t count_;
  std::uint64_t sent_ = 0;
  std::uint64_t abandoned_ = 0;
};

class stressed_consumer {
 public:
  stressed_consumer(const ring::view& v, run_state& state, unsigned producers, std::uint64_t count)
      : ring_(v), state_(state), next_(producers, 0), left_(count) {}

  void run() {
    while (left_ > 0 && !state_.stopped()) {
      switch (random_() % 3) {
        case 0: pop_one(); break;
        case 1: peek_one(); break;
        default: peek_batch(); break;
      }
    }
  }
  ring::consumer<>& ring() { return ring_; }

 private:
  void pop_one() {
    ring::envelope header{};
    alignas(16) std::byte payload[payload_bytes];
    const rondo_status status = ring_.try_pop(header, payload, sizeof payload);
    if (status == RONDO_OK) return check({&header, nullptr, payload, 0});
    look_again(status);
  }
  void peek_one() {
    ring::message m;
    const rondo_status status = ring_.peek(m);
    if (status != RONDO_OK) return look_again(status);
    check(m);
    ring_.release();
  }
  void peek_batch() {
    ring::message m;
    rondo_status status = RONDO_OK;
    std::uint64_t taken = 0;
    for (; taken < 3 && left_ > 0 && (status = ring_.peek(m)) == RONDO_OK; ++taken) {
      check(m);
      ring_.advance();
    }
    if (taken > 0) ring_.publish_head();
    if (status != RONDO_OK) look_again(status);
  }
  void look_again(rondo_status status) {
    if (status != RONDO_EMPTY) return state_.fail("status " + std::to_string(status));
    state_.wait();
  }
  void check(const ring::message& m) {
    const std::uint64_t id = m.header->message_id;
    const std::uint64_t producer = id >> 32;
    if (producer >= next_.size()) return state_.fail("no producer has this id");
    if ((id & 0xffffffff) != next_[producer]++)
      state_.fail("producer " + std::to_string(producer) + ": out of order, lost or repeated");
    const auto whole = is_message(m, id, m.header->length);
    if (!whole) state_.fail(whole.message());
    --left_;
  }

  ring::consumer<> ring_;
  run_state& state_;
  std::minstd_rand random_{99};
  std::vector<std::uint64_t> next_;
  std::uint64_t left_;
};

class stress : public ::testing::TestWithParam<stress_case> {};

TEST_P(stress, every_message_arrives_once_whole_and_in_order) {  // RING-05
  const stress_case& c = GetParam();
  const auto memory = make_ring(c.shape);
  ring::producer<> shared(memory.view());
  run_state state;
  const std::uint64_t each = messages_in_all(c.shape.capacity) / c.producers;
  std::vector<std::unique_ptr<stressed_producer>> producers;
  for (unsigned i = 0; i < c.producers; ++i)
    producers.push_back(std::make_unique<stressed_producer>(shared, state, i, each));
  std::vector<std::thread> threads;
  for (auto& p : producers) threads.emplace_back([&p] { p->run(); });
  stressed_consumer consumer(memory.view(), state, c.producers, each * c.producers);
  consumer.run();
  for (auto& t : threads) t.join();
  ring::message m;
  EXPECT_EQ(consumer.ring().peek(m), RONDO_EMPTY) << "a message too many";
  std::uint64_t abandoned = 0;
  for (auto& p : producers) abandoned += p->abandoned();
  EXPECT_EQ(consumer.ring().skipped(), abandoned);
  EXPECT_EQ(consumer.ring().next_sequence(), each * c.producers + abandoned);
  EXPECT_EQ(shared.depth(), 0u);
}

std::vector<stress_case> all_cases() {
  std::vector<stress_case> out;
  for (auto how :
       {publication::word, publication::counted, publication::apart, publication::chunked})
    for (std::uint64_t capacity : {1u, 2u, 4u, 64u}) {
      out.push_back({{how, capacity, payload_bytes, true}, 1});
      for (unsigned producers : {1u, 2u, 4u})
        out.push_back({{how, capacity, payload_bytes, false}, producers});
    }
  return out;
}

std::string case_name(const ::testing::TestParamInfo<stress_case>& info) {
  const stress_case& c = info.param;
  return name_of(c.shape.how) + "_" + std::to_string(c.shape.capacity) + "_slots_" +
         (c.shape.one_producer ? "the_only_producer" : std::to_string(c.producers) + "_producers");
}

INSTANTIATE_TEST_SUITE_P(real_threads, stress, ::testing::ValuesIn(all_cases()), case_name);

}  // namespace
}  // namespace rondo::test
