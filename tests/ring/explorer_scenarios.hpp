// What the explorer runs: producers that each push a few messages and a consumer that takes them
// all, with every promise of the ring checked on the way.
#pragma once

#include "explored_platform.hpp"
#include "support.hpp"

#include <rondo/ring/run.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <set>
#include <string>

namespace rondo::test {

#if defined(RONDO_TEST_ASAN) || defined(RONDO_TEST_TSAN)
inline constexpr bool is_slow_build = true;
#else
inline constexpr bool is_slow_build = false;
#endif
#if defined(__OPTIMIZE__)
inline constexpr bool is_fast_build = !is_slow_build;
#else
inline constexpr bool is_fast_build = false;
#endif

struct scenario {
  ring_shape shape;
  unsigned producers = 1;
  std::uint64_t messages = 1;    // per producer
  std::uint64_t start = 0;       // first sequence
  bool abandons = false;         // every producer gives its first claim up
  bool batches = false;          // the consumer frees all it can see at once
  bool claims_alone = false;     // the only producer claims without an exchange
  bool commits_batches = false;  // a producer claims and commits all that it can at once
  bool drops = false;            // a producer that finds the ring full drops the oldest
  bool sees_dropped = false;     // the consumer looks at what was dropped before it goes on
  bool in_runs = false;          // all go through runs, as far as those serve the ring
};

inline std::ostream& operator<<(std::ostream& out, const scenario& s) {
  return out << s.producers << " producers × " << s.messages << ", " << s.shape << ", from "
             << s.start << (s.abandons ? ", abandoning" : "") << (s.batches ? ", in batches" : "")
             << (s.commits_batches ? ", committed in batches" : "") << (s.drops ? ", dropping" : "")
             << (s.sees_dropped ? " before its eyes" : "")
             << (s.claims_alone ? ", claiming alone" : "") << (s.in_runs ? ", in runs" : "");
}

inline void share(explorer& e, const ring::view& v) {
  e.share(v.slots, v.shape.slots_bytes());
  e.share(v.producer, sizeof *v.producer);
  e.share(v.consumer, sizeof *v.consumer);
  e.share(v.claim, sizeof *v.claim);
  if (v.ready != nullptr) e.share(v.ready, v.shape.capacity * sizeof *v.ready);
}

// For platforms that break a promise only where a thread is inside of a run.
template <class P>
class inside_a_run {
 public:
  explicit inside_a_run(const explorer& e) : thread_(e.self()) { set(true); }
  ~inside_a_run() { set(false); }
  inside_a_run(const inside_a_run&) = delete;
  inside_a_run& operator=(const inside_a_run&) = delete;

 private:
  void set(bool is_inside) {
    if constexpr (requires { P::is_inside; }) P::is_inside.at(thread_) = is_inside;
  }
  const unsigned thread_;
};

// One run's ring and threads. P is explored_platform or a broken kin of it.
template <class P>
class ring_run {
 public:
  ring_run(explorer& e, const scenario& s)
      : explorer_(e), scenario_(s), memory_(make_ring(s.shape)), view_(memory_.view()) {
    view_.claims_alone = s.claims_alone;
    start_at(view_, s.start);
    producer_ = ring::producer<P>(view_);
    ring::view seen = view_;
    seen.drops_oldest = view_.drops_oldest && !s.sees_dropped;
    consumer_ = ring::consumer<P>(seen);
    share(e, view_);
    if constexpr (requires { P::broken; }) P::broken = view_;
  }

  void produce(unsigned number) {
    if (scenario_.in_runs && ring::producer_run<P>::serves(producer_)) return produce_alone();
    if (scenario_.commits_batches || scenario_.in_runs) return produce_batches(number);
    for (std::uint64_t i = 0; i < scenario_.messages; ++i) {
      explorer_.knows_only(i);
      ring::claim c;
      reserve(c);
      if (scenario_.abandons && i == 0) {
        producer_.abandon(c);
        continue;
      }
      const std::uint64_t id = number * 100 + i;
      fill_payload(c.payload, id, length_of(id));
      producer_.commit(c, envelope_for(id, length_of(id)));
    }
  }

  void produce_batches(unsigned number) {
    for (std::uint64_t i = 0; i < scenario_.messages;) {
      explorer_.knows_only(i);
      const auto seen = explorer_.seen();
      std::uint64_t first = 0;
      const std::uint64_t got = producer_.try_reserve_batch(scenario_.messages - i, first);
      if (got == 0) {
        explorer_.wait(seen);
        continue;
      }
      if (scenario_.in_runs) {
        fill_in_run(number * 100 + i, first, got);
      } else {
        fill(number * 100 + i, first, got);
        producer_.commit_batch(first, got);
      }
      i += got;
    }
  }

  void produce_alone() {
    ring::producer_run<P> run(producer_);
    ring::claim c;
    for (std::uint64_t id = 0; id < scenario_.messages;) {
      const auto seen = explorer_.seen();
      const inside_a_run<P> inside(explorer_);
      if (!run.claim_next(c)) {
        explorer_.wait(seen);
        continue;
      }
      explorer_.plain_write(slot(c.sequence));
      fill_payload(c.payload, id, length_of(id));
      run.commit(c, envelope_for(id, length_of(id)));
      ++id;
    }
  }

  void consume() {
    if (scenario_.in_runs) return consume_in_runs();
    while (consumer_.next_sequence() != end()) {
      const auto seen = explorer_.seen();
      const std::uint64_t first = consumer_.next_sequence();
      ring::message m;
      bool found = false;
      rondo_status status = consumer_.peek(m);
      for (; status == RONDO_OK; status = consumer_.peek(m)) {
        if (scenario_.sees_dropped && consumer_.is_given_up(m.sequence)) ++given_up_;
        else check(m);
        consumer_.advance();
        found = true;
        if (!scenario_.batches || consumer_.next_sequence() == end()) break;
      }
      explorer_.require(status == RONDO_OK || status == RONDO_EMPTY, "the ring looks broken");
      if (found) consumer_.publish_head();
      else if (consumer_.next_sequence() == first) explorer_.wait(seen);
    }
  }

  void consume_in_runs() {
    while (consumer_.next_sequence() != end()) {
      const auto seen = explorer_.seen();
      const std::uint64_t first = consumer_.next_sequence();
      take_run();
      if (consumer_.next_sequence() != first) continue;
      ring::message m;  // what a run does not take
      if (consumer_.peek(m) == RONDO_OK) {
        check(m);
        consumer_.release();
      } else if (consumer_.next_sequence() == first) {
        explorer_.wait(seen);
      }
    }
  }

  void check_end() {
    ring::message m;
    explorer_.require(consumer_.peek(m) == RONDO_EMPTY, "a message too many");
    explorer_.require(view_.consumer->head == end(), "the head is not at the end");
    explorer_.require(producer_.depth() == 0, "a slot stays taken");
    explorer_.require(view_.consumer->skipped + given_up_ + delivered_ == all(),
                      "a message is not accounted for");
    // Only for a message that finds no room is one given up.
    if (scenario_.drops)
      explorer_.require(delivered_ >= std::min(all(), scenario_.shape.capacity),
                        "more was dropped than there were messages in need of room");
    const std::uint64_t given_up = scenario_.abandons ? scenario_.producers : 0;
    if (!scenario_.drops)
      explorer_.require(view_.consumer->skipped == given_up, "skipped slots are miscounted");
  }

  // What this order of operations has come to.
  std::string outcome() const {
    return order_ + std::to_string(view_.consumer->skipped) + ' ' + std::to_string(given_up_);
  }

 private:
  std::uint64_t all() const { return scenario_.producers * scenario_.messages; }
  std::uint64_t end() const { return scenario_.start + all(); }
  // Long and short ones, so that chunks of one lap lie behind those of the next. All the same where
  // those that are alike share a header.
  std::uint32_t length_of(std::uint64_t id) const {
    if (scenario_.shape.how == publication::apart) return 16;
    return (id / 100 + id) % 2 == 0 ? 16 : 1;
  }

  void fill(std::uint64_t id, std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t s = first; s != first + count; ++s, ++id) {
      ring::claim c;
      producer_.take(s, c);
      if (is_plain_memory()) explorer_.plain_write(slot(s));
      fill_payload(c.payload, id, length_of(id));
      producer_.fill(c, envelope_for(id, length_of(id)));
    }
  }
  void fill_in_run(std::uint64_t id, std::uint64_t first, std::uint64_t count) {
    if (scenario_.shape.how == publication::word)
      fill_in_run_by<publication::word>(id, first, count);
    else if (scenario_.shape.how == publication::apart)
      fill_in_run_by<publication::apart>(id, first, count);
    else fill_in_run_by<publication::counted>(id, first, count);
  }
  template <publication How>
  void fill_in_run_by(std::uint64_t id, std::uint64_t first, std::uint64_t count) {
    const inside_a_run<P> inside(explorer_);
    ring::filling_run<How, P> run(producer_, first);
    for (; run.sequence() != first + count; ++id) {
      explorer_.plain_write(slot(run.sequence()));
      fill_payload(run.payload(), id, length_of(id));
      run.finish(envelope_for(id, length_of(id)));
    }
    run.publish();
  }
  void take_run() {
    if (scenario_.shape.how == publication::word) take_run_by<publication::word>();
    else if (scenario_.shape.how == publication::apart) take_run_by<publication::apart>();
    else take_run_by<publication::counted>();
  }
  template <publication How>
  void take_run_by() {
    const inside_a_run<P> inside(explorer_);
    ring::consumer_run<How, P> run(consumer_);
    const std::uint64_t first = run.next_sequence();
    ring::message m;
    while (run.next_sequence() != end() && run.peek(m)) {
      check(m);
      run.advance();
      if (!scenario_.batches) run.publish_head();
    }
    if (scenario_.batches && run.next_sequence() != first) run.publish_head();
  }

  void reserve(ring::claim& c) {
    for (;;) {
      const auto seen = explorer_.seen();
      if (producer_.try_reserve(1, c) == RONDO_OK) break;
      if (scenario_.drops)
        explorer_.require(producer_.drop_oldest(1), "an open ring says that it is closed");
      explorer_.wait(seen);
    }
    if (is_plain_memory()) explorer_.plain_write(slot(c.sequence));
  }

  void check(const ring::message& m) {
    if (is_plain_memory()) explorer_.plain_read(slot(m.sequence));
    const std::uint64_t id = m.header->message_id;
    explorer_.learn(id);
    order_ += std::to_string(id) + ' ';
    const std::uint64_t number = id / 100;
    explorer_.require(number < scenario_.producers, "no producer has this id");
    auto& next = next_[number];
    if (scenario_.abandons && next == 0) next = 1;
    if (scenario_.drops && id % 100 > next) next = id % 100;  // older ones were given up
    explorer_.require(id % 100 == next, "out of order, lost or repeated");
    ++next;
    ++delivered_;
    explorer_.require(static_cast<bool>(is_message(m, id, length_of(id))), "a torn message");
  }

  // A chunked message is copied in 16-byte operations; the others lie in plain memory.
  bool is_plain_memory() const { return scenario_.shape.how != publication::chunked; }
  std::uint64_t slot(std::uint64_t sequence) const { return sequence % scenario_.shape.capacity; }

  explorer& explorer_;
  scenario scenario_;
  backend::ring_memory memory_;
  ring::view view_;
  ring::producer<P> producer_;
  ring::consumer<P> consumer_;
  std::array<std::uint64_t, max_threads> next_{};
  std::uint64_t delivered_ = 0;
  std::uint64_t given_up_ = 0;
  std::string order_;  // the ids that were delivered
};

// Every order at all; with weak memory, every one in which so many reads come too early.
inline exploration_limits every_order(memory_model memory = memory_model::sequential,
                                      unsigned delays = 0) {
  return {no_limit, memory, delays, 3'000'000, true};
}

inline void print_total(std::uint64_t runs) {
  std::printf("             %llu orders tried\n", static_cast<unsigned long long>(runs));
  ::testing::Test::RecordProperty("orders", std::to_string(runs));
}
inline void print_total(std::uint64_t runs, std::uint64_t states) {
  print_total(runs);
  std::printf("             %llu states\n", static_cast<unsigned long long>(states));
}

template <class P>
exploration_result explore(const scenario& s, const exploration_limits& limits,
                           std::set<std::string>* outcomes = nullptr) {
  explorer e(limits);
  std::shared_ptr<ring_run<P>> run;
  return e.explore([&](explorer& each) {
    run = std::make_shared<ring_run<P>>(each, s);
    for (unsigned p = 0; p < s.producers; ++p) each.thread([&run, p] { run->produce(p); });
    each.thread([&run] { run->consume(); });
    each.at_end([&run, outcomes] {
      run->check_end();
      if (outcomes != nullptr) outcomes->insert(run->outcome());
    });
  });
}

}  // namespace rondo::test
