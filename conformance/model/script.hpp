// A sequence of operations on several kernels, as text that can be run again:
// "b{urgent} launch push=3 b:launch b:push_urgent pop". What a kernel has beyond the plain comes
// first, see traits.hpp. An operation is on kernel a unless a letter says otherwise; a number
// behind
// "=" says how many messages it is about.
#pragma once

#include "traits.hpp"

#include <array>
#include <vector>

namespace rondo::conformance::model {

enum class op : unsigned {
  launch,
  activate,
  deactivate,
  drain,
  discard,
  push,
  push_batch,
  push_threads,  // two threads at once, each so many
  push_bad,      // of a version that the handler does not take
  push_large,    // a byte more than fits
  push_urgent,   // in the second lane, if there is one
  push_late,     // with a deadline that has passed, if they can have one
  push_early,    // with one that is far away
  reserve,
  commit,
  abandon,
  pop,
  pop_batch,
  peek,  // twice, then release
  await,
  ask,
  counters,
  hold,         // inactive for longer than timers take
  timer,        // asks for a timer that is soon due
  timer_often,  // for many, one after the other, that all fail
  timer_far,    // for one that never comes
  tick,         // waits for the timers that must come
  count
};

struct step {
  op what = op::launch;
  unsigned kernel = 0;  // 0 = a
  unsigned number = 1;
};

inline constexpr unsigned kernel_count = 3, most_at_once = 6;

struct script {
  std::array<traits, kernel_count> kernels{};
  std::vector<step> steps;
};

std::string_view name_of(op what);
std::string to_text(const script& all);
// Throws std::invalid_argument with what is wrong.
script parse_script(std::string_view text);

script random_script(std::mt19937_64& random, std::size_t length,
                     const std::function<bool(trait)>& offered);

// Leaves out what is not needed, as long as `fails` returns how many steps it took to fail; 0: it
// did not. Ends when nothing more can be left out or `goes_on` is false.
script shrink(script all, const std::function<std::size_t(const script&)>& fails,
              const std::function<bool()>& goes_on);

}  // namespace rondo::conformance::model
