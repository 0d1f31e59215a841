// The tests of the loop, tested: kernels with one thing broken, in the memory they reach or in the
// threads that run them, and each is noticed.
#include "test_clock.hpp"
#include "traffic.hpp"

#include <gmock/gmock.h>

namespace rondo::test {
namespace {

using message = sized<20>;
using echo = answering<message, message>;
using each_for_itself = answering<message, message, execution::independent>;

// What is waited for in vain: the faults that are to be seen by that.
constexpr std::uint64_t short_patience_ns = 400'000'000;
// Where the wait is not in vain, on a loaded machine under a sanitizer.
constexpr std::uint64_t long_patience_ns = 20'000'000'000;

template <class H, class P, class X>
std::vector<std::string> complaints(publication in, publication out,
                                    std::uint64_t patience_ns = short_patience_ns) {
  kernel_options o;
  o.input = {in, 8, sizeof(message)};
  o.output = {out, 8, sizeof(rondo_failure)};
  o.grid = {1, 4, 4};
  o.patience_ns = patience_ns;
  host_kernel<H, P, X> k(o);
  k.launch_and_run();
  conversation<H, P, X> talk(k, {60, 1, pace::bursts});
  talk.run();
  k.until([&] { return k.input_head() == k.in().next_sequence(); }, "the input to be read");
  k.stop();
  talk.check_counters();
  return k.complaints();
}

void expect_noticed(const std::vector<std::string>& all, const std::string& what) {
  for (const std::string& c : all)
    if (c.find(what) != std::string::npos) return;
  ADD_FAILURE() << "nobody said '" << what << "', but " << testing::PrintToString(all);
}

// ---- memory

struct drops_a_piece : ring::platform {
  static void store_chunk(ring::chunk* p, const ring::chunk& c) {
    const bool is_reply = c.tag == ring::chunk_tag(40);
    if (!is_reply || c.content[0] == 0) platform::store_chunk(p, c);
    else if ((reinterpret_cast<std::uintptr_t>(p) / 16) % 4 != 2) platform::store_chunk(p, c);
  }
};
struct forgets_the_tail : ring::platform {
  static void store_release(std::uint64_t* p, std::uint64_t v) {
    const bool is_tail = v >= 30 && v < 1u << 31;  // the words of these orders are less, or more
    if (!is_tail) platform::store_release(p, v);
  }
};
struct flips_a_bit : ring::platform {
  static ring::chunk load_chunk(const ring::chunk* p) {
    ring::chunk c = platform::load_chunk(p);
    if (c.tag == ring::chunk_tag(30)) c.content[1] ^= 1;
    return c;
  }
};
struct frees_nothing : ring::platform {
  static void store_after_loads(std::uint64_t*, std::uint64_t) {}
};

// ---- threads

struct forgets_a_lane : host_threads {
  using host_threads::host_threads;
  std::uint32_t any_of_warp(std::uint32_t bits) const {
    return host_threads::any_of_warp(thread() == 1 ? 0 : bits);
  }
  bool all_of_warp(bool mine) const { return host_threads::all_of_warp(thread() != 1 && mine); }
};
struct believes_all_is_there : host_threads {
  using host_threads::host_threads;
  std::uint32_t any_of_warp(std::uint32_t bits) const {
    return host_threads::any_of_warp(bits) | 0xffffffff;
  }
  bool all_of_warp(bool mine) const { return host_threads::all_of_warp(mine) || true; }
};
struct loses_what_it_adds : host_threads {
  using host_threads::host_threads;
  void add_in_block(std::uint64_t*, std::uint64_t) const {}
};
struct takes_every_request : host_threads {
  using host_threads::host_threads;
  void min_in_block(std::uint32_t*, std::uint32_t) const {}
};

constexpr auto chunked = publication::chunked;
constexpr auto counted = publication::counted;

TEST(faults, none_is_noticed_in_a_sound_kernel) {
  constexpr std::uint64_t long_enough = 20'000'000'000;
  for (auto in : {chunked, counted})
    for (auto out : {chunked, counted}) {
      EXPECT_THAT((complaints<echo, ring::platform, host_threads>(in, out, long_enough)),
                  testing::IsEmpty());
      EXPECT_THAT((complaints<each_for_itself, ring::platform, host_threads>(in, out, long_enough)),
                  testing::IsEmpty());
    }
}
TEST(faults, a_piece_of_a_reply_that_is_not_written_is_noticed) {
  expect_noticed(complaints<echo, drops_a_piece, host_threads>(chunked, chunked), "too long for");
}
TEST(faults, a_tail_that_is_not_published_is_noticed) {
  expect_noticed(complaints<echo, forgets_the_tail, host_threads>(chunked, counted),
                 "too long for");
}
TEST(faults, a_request_that_is_torn_is_noticed) {
  expect_noticed(complaints<echo, flips_a_bit, host_threads>(chunked, counted, long_patience_ns),
                 "reply to");
}
TEST(faults, slots_that_are_not_freed_are_noticed) {
  expect_noticed(complaints<echo, frees_nothing, host_threads>(chunked, counted), "too long for");
}
TEST(faults, a_vote_that_forgets_a_lane_is_noticed) {
  expect_noticed(complaints<echo, ring::platform, forgets_a_lane>(chunked, counted),
                 "too long for");
}
TEST(faults, a_vote_that_is_too_hopeful_is_noticed) {
  EXPECT_FALSE((complaints<echo, ring::platform, believes_all_is_there>(chunked, chunked)).empty());
}
TEST(faults, a_counter_that_loses_an_addition_is_noticed) {
  expect_noticed(complaints<each_for_itself, ring::platform, loses_what_it_adds>(counted, counted,
                                                                                 long_patience_ns),
                 "messages_failed");
}
TEST(faults, a_batch_that_takes_what_is_no_request_is_noticed) {
  EXPECT_FALSE(
      (complaints<each_for_itself, ring::platform, takes_every_request>(counted, counted)).empty());
}

// The shim's own: a thread that leaves lets the others go, and they say where they were.
struct leaves_early : host_threads {
  using host_threads::host_threads;
  void sync_block() const {
    if (thread() == 3) throw left_behind{};
    host_threads::sync_block();
  }
};
TEST(faults, a_thread_that_leaves_is_noticed_and_nobody_hangs) {
  const auto all = complaints<echo, ring::platform, leaves_early>(chunked, counted, 3'000'000'000);
  expect_noticed(all, "block 0 thread 3: aborted");
  expect_noticed(all, "sync_block");
}

}  // namespace
}  // namespace rondo::test
