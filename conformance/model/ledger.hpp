// The messages that a kernel of the model has accepted and that are open: neither answered nor
// discarded. Says which may be answered next, and how.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <limits>

namespace rondo::conformance::model {

enum class lane : unsigned { normal, urgent };
inline constexpr std::uint64_t not_yet = std::numeric_limits<std::uint64_t>::max();

struct entry {
  std::uint64_t nonce = 0;
  // It has its place in the order from `begin` to `end` of the model's clock: one that was claimed
  // and committed later may lie anywhere between the two.
  std::uint64_t begin = 0, end = 0;
  unsigned stream = 0;  // of messages with one time: those of one thread keep their order
  lane in = lane::normal;
  bool is_bad = false;     // of a version that the handler does not take
  bool is_late = false;    // its deadline had passed when it was sent
  std::uint64_t life = 0;  // the launch in which it is handled
  // Its place in its lane, as far as it is known: several threads send in any order.
  std::uint64_t first_place = 0, last_place = 0;
  // What was urgent before then has to be handled before this: from then on it could be taken. 0:
  // at once, in a race with what came at that time. not_yet: the kernel has not been active since.
  std::uint64_t takeable = 0;
  bool is_given_up = false;           // for sure, for newer ones
  bool is_awaited = false;            // its requester would wait in vain
  std::uint64_t answered_before = 0;  // replies that had been popped when it was sent
};

class ledger {
 public:
  explicit ledger(std::uint64_t slots) : slots_(slots) {}

  bool empty() const { return open_.empty(); }
  std::uint64_t size() const { return open_.size(); }
  std::uint64_t size(lane of) const;
  const std::deque<entry>& all() const { return open_; }

  // A place in the lane is taken; as an entry later, or never.
  std::uint64_t claim(lane of) { return next_[index(of)]++; }
  std::uint64_t next_place(lane of) const { return next_[index(of)]; }
  void add(const entry& one) { open_.push_back(one); }
  // Taken out, if it is there.
  bool take(std::uint64_t nonce, entry& out);
  void clear() { open_.clear(); }
  // The last ones are gone.
  void cut(std::uint64_t count) { open_.resize(open_.size() - count); }

  // The kernel takes messages from now on.
  void runs(std::uint64_t now);

  // Whether the order that they were accepted in is the order that they are answered in.
  bool is_ordered() const;
  // Whether it has to be answered before, in its lane.
  static bool comes_before(const entry& other, const entry& one);
  // Whether it is urgent and has to be handled before.
  static bool overtakes(const entry& other, const entry& one);
  // Whether nothing that is open comes before, or overtakes.
  bool is_next(const entry& one) const;
  bool is_overtaken(const entry& one) const;

  // A sender found the lane full, and the kernel is asked for room for one more.
  void ask_for_room(lane of);
  // How many the kernel has not come to for sure.
  std::uint64_t untouched() const;
  // How many may be given up at any time, also by a kernel that is not active.
  std::uint64_t asked_for() const;
  bool may_be_given_up(const entry& one) const {
    return one.first_place < given_up_below_[index(one.in)];
  }
  // All places that are taken are in the queue or have left it: those that have, and could not be
  // handled, were given up.
  void note_given_up(lane of);

 private:
  static constexpr std::size_t index(lane of) { return static_cast<std::size_t>(of); }

  const std::uint64_t slots_;
  std::deque<entry> open_;  // by `end`
  std::array<std::uint64_t, 2> next_{}, given_up_below_{};
};

}  // namespace rondo::conformance::model
