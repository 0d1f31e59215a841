// Nothing is missed where orders that lead to one state are followed only once: small programs,
// made up at random, and rings come to the same ends in both ways of exploring; each broken
// platform is found out; and a thread that does not say what it knows is found out too.
#include "explorer_faults.hpp"
#include "explorer_scenarios.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rondo::test {
namespace {

using ::testing::HasSubstr;
using ends = std::set<std::string>;

// ---- programs made up at random -----------------------------------------------------------------

class dice {
 public:
  explicit dice(std::uint64_t seed) : state_(mixed(seed, 1)) {}
  unsigned roll(unsigned sides) {
    state_ = mixed(state_, 2);
    return static_cast<unsigned>(state_ >> 33) % sides;
  }

 private:
  std::uint64_t state_;
};

struct operation {
  enum kind : unsigned { load, store, compare, exchange, await, plain_read, plain_write, kinds };
  kind what;
  unsigned word;
  bool ordered;  // acquire or release
  std::uint64_t value;
};
using program = std::vector<std::vector<operation>>;  // of each thread

program make_program(std::uint64_t seed, unsigned threads, unsigned length) {
  dice d(seed);
  program p(threads);
  for (auto& thread : p)
    for (unsigned i = 0; i < length; ++i)
      thread.push_back({static_cast<operation::kind>(d.roll(operation::kinds)), d.roll(2),
                        d.roll(2) == 0, 1 + d.roll(2)});
  return p;
}

class program_run {
 public:
  program_run(explorer& e, const program& what) : explorer_(e), program_(what) {
    e.share(words_, sizeof words_);
    for (unsigned t = 0; t < what.size(); ++t)
      e.thread([this, t] {
        for (const operation& o : program_[t]) execute(o, found_[t]);
      });
  }
  std::string end() const {
    std::string text = std::to_string(words_[0]) + std::to_string(words_[1]);
    for (const std::string& thread : found_) text += ' ' + thread;
    return text;
  }

 private:
  using p = explored_platform;

  void execute(const operation& o, std::string& found) {
    std::uint64_t* const word = &words_[o.word];
    std::uint64_t value = 0;
    switch (o.what) {
      case operation::store:
        return o.ordered ? p::store_release(word, o.value) : p::store_relaxed(word, o.value);
      case operation::plain_read: return explorer_.plain_read(o.word);
      case operation::plain_write: return explorer_.plain_write(o.word);
      case operation::exchange: value = p::exchange_acq_rel(word, o.value); break;
      case operation::compare: p::compare_exchange(word, value, o.value); break;
      case operation::await:
        for (;;) {
          const auto seen = explorer_.seen();
          if (p::load_acquire(word) == o.value) return;
          explorer_.wait(seen);
        }
      default: value = o.ordered ? p::load_acquire(word) : p::load_relaxed(word);
    }
    found += std::to_string(value);
  }

  explorer& explorer_;
  const program& program_;
  std::uint64_t words_[2]{};
  std::array<std::string, max_threads> found_;
};

exploration_result explore(const program& p, const exploration_limits& limits, ends& all) {
  explorer e(limits);
  std::shared_ptr<program_run> run;
  return e.explore([&](explorer& each) {
    run = std::make_shared<program_run>(each, p);
    each.at_end([&] { all.insert(run->end()); });
  });
}

struct comparison {
  std::uint64_t runs = 0, merged_runs = 0, sound = 0, faulty = 0;
  std::size_t most_ends = 0;

  // A program that cannot end, or has a race, must show it either way; the others come to the same
  // ends.
  void compare(const program& p, memory_model memory, unsigned delays,
               unsigned preemptions = no_limit) {
    ends all, merged;
    exploration_limits limits = every_order(memory, delays);
    limits.preemptions = preemptions;
    const exploration_result short_way = explore(p, limits, merged);
    limits.merges = false;
    const exploration_result r = explore(p, limits, all);
    EXPECT_EQ(r.violation.empty(), short_way.violation.empty()) << r.violation << "\n"
                                                                << short_way.violation;
    if (!r.violation.empty()) return void(++faulty);
    EXPECT_TRUE(r.complete && short_way.complete);
    EXPECT_EQ(all, merged);
    EXPECT_LE(short_way.runs, r.runs);
    ++sound;
    runs += r.runs;
    merged_runs += short_way.runs;
    most_ends = std::max(most_ends, all.size());
  }
};

TEST(explorer_states, lead_to_every_end_of_programs_made_up_at_random) {
  comparison c;
  for (std::uint64_t seed = 0; seed < (is_fast_build ? 80 : 40); ++seed) {
    SCOPED_TRACE(seed);
    c.compare(make_program(seed, 3, 3), memory_model::sequential, 0);
  }
  std::printf("             %llu orders, %llu where states are merged; up to %zu ends\n",
              static_cast<unsigned long long>(c.runs),
              static_cast<unsigned long long>(c.merged_runs), c.most_ends);
  EXPECT_GT(c.sound, 5u);
  EXPECT_GT(c.faulty, 5u);
  EXPECT_GT(c.most_ends, 10u);
  EXPECT_LT(2 * c.merged_runs, c.runs);
}

TEST(explorer_states, lead_to_every_end_that_some_preemptions_lead_to) {
  comparison c;
  for (std::uint64_t seed = 0; seed < (is_slow_build ? 40 : 200); ++seed) {
    SCOPED_TRACE(seed);
    c.compare(make_program(seed, 3, 4), memory_model::buffered, 1, static_cast<unsigned>(seed) % 3);
  }
  EXPECT_GT(c.sound, 5u);
  EXPECT_GT(c.faulty, 5u);
  EXPECT_GT(c.most_ends, 5u);
}

TEST(explorer_states, lead_to_every_end_where_reads_come_too_early) {
  comparison c;
  for (auto memory : {memory_model::buffered, memory_model::unordered})
    for (std::uint64_t seed = 0; seed < (is_slow_build ? 60 : 400); ++seed) {
      SCOPED_TRACE(seed);
      c.compare(make_program(seed, 2, 4), memory, 1 + static_cast<unsigned>(seed) % 2);
    }
  EXPECT_GT(c.sound, 5u);
  EXPECT_GT(c.faulty, 5u);
  EXPECT_GT(c.most_ends, 5u);
}

// ---- rings --------------------------------------------------------------------------------------

scenario ring_of(publication how, std::uint64_t capacity, unsigned producers,
                 std::uint64_t messages) {
  scenario s;
  s.shape = {how, capacity, 16, producers == 1};
  s.producers = producers;
  s.messages = messages;
  return s;
}

constexpr publication publications[] = {publication::word, publication::counted,
                                        publication::chunked};

// What a few preemptions lead to, all of them lead to.
TEST(explorer_states, lead_to_every_end_of_a_ring_that_drops) {
  for (auto how : publications)
    for (bool sees : {false, true}) {
      scenario s = ring_of(how, 1, 1, 2);
      s.shape.drop_oldest = s.drops = true;
      s.sees_dropped = sees;
      SCOPED_TRACE(::testing::Message() << s);
      ends some, all;
      const auto r = explore<explored_platform>(s, {is_slow_build ? 2u : 4u}, &some);
      EXPECT_TRUE(r.complete) << r.violation;
      const auto merged = explore<explored_platform>(s, every_order(), &all);
      EXPECT_TRUE(merged.complete) << merged.violation;
      EXPECT_EQ(all, some) << "both messages, or the second alone";
      EXPECT_EQ(all.size(), 2u);
      EXPECT_LT(merged.runs, r.runs);
    }
}

TEST(explorer_states, lead_to_every_end_of_two_producers) {
  for (auto how : publications) {
    const std::uint64_t messages = how == publication::counted ? 1 : 2;
    const scenario s = ring_of(how, 1, 2, messages);
    ends some, all;
    EXPECT_TRUE(explore<explored_platform>(s, {1}, &some).complete);
    EXPECT_TRUE(explore<explored_platform>(s, every_order(), &all).complete);
    EXPECT_EQ(all.size(), messages == 1 ? 2u : 6u) << "the messages of both, in any order";
    EXPECT_THAT(all, ::testing::IsSupersetOf(some));
  }
}

template <class P>
std::string violation_of(const scenario& s, const exploration_limits& limits = every_order()) {
  return explore<P>(s, limits).violation;
}

TEST(explorer_states, hide_no_broken_platform) {
  for (auto how : publications) {
    SCOPED_TRACE(name_of(how));
    EXPECT_NE(violation_of<claim_in_two_steps>(ring_of(how, 2, 2, 1)), "");
    if (how == publication::chunked) continue;  // its copies are not plain memory
    EXPECT_THAT(violation_of<publication_without_release>(ring_of(how, 1, 1, 1)),
                HasSubstr("a slot is"));
    EXPECT_THAT(violation_of<look_without_acquire>(ring_of(how, 1, 1, 1)), HasSubstr("a slot is"));
  }
  EXPECT_NE(violation_of<exchange_in_two_steps>(ring_of(publication::counted, 4, 3, 1)), "");
  EXPECT_THAT(violation_of<mark_without_order>(ring_of(publication::counted, 4, 2, 1)),
              HasSubstr("a slot is read"));
  EXPECT_NE(violation_of<chunk_in_halves>(ring_of(publication::chunked, 1, 1, 1)), "");
  const scenario s = ring_of(publication::counted, 2, 2, 1);
  EXPECT_EQ(violation_of<mark_dropped_by_a_plain_store>(s), "");
  for (auto memory : {memory_model::buffered, memory_model::unordered})
    EXPECT_THAT(violation_of<mark_dropped_by_a_plain_store>(s, every_order(memory, 1)),
                HasSubstr("somebody still waits"));
}

// ---- what the explorer has to be told -----------------------------------------------------------

TEST(explorer_states, are_told_apart_by_what_a_thread_has_to_say_it_knows) {
  std::uint64_t words[2]{};
  bool told = false;
  const auto set_up = [&](explorer& each) {
    words[0] = words[1] = 0;
    each.share(words, sizeof words);
    auto plain = std::make_shared<int>(0);
    each.thread([plain, &words] {
      *plain = 1;
      explored_platform::load_relaxed(&words[0]);
    });
    each.thread([plain, &words, &each, &told] {
      explored_platform::load_relaxed(&words[0]);
      const int which = *plain;
      if (told) each.learn(static_cast<std::uint64_t>(which));
      explored_platform::load_relaxed(&words[which]);
    });
  };
  explorer e(every_order());
  EXPECT_THAT(e.explore(set_up).violation, HasSubstr("was not told"));
  told = true;
  const auto r = e.explore(set_up);
  EXPECT_EQ(r.violation, "");
  EXPECT_TRUE(r.complete);
}

TEST(explorer_states, are_only_of_memory_that_is_said_to_be_shared) {
  std::uint64_t word = 0;
  explorer e(every_order());
  const auto r = e.explore(
      [&](explorer& each) { each.thread([&] { explored_platform::load_relaxed(&word); }); });
  EXPECT_THAT(r.violation, HasSubstr("not said to be shared"));
}

}  // namespace
}  // namespace rondo::test
