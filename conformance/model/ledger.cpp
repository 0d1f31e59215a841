// Order, and what is given up.
#include "ledger.hpp"

#include <algorithm>

namespace rondo::conformance::model {

std::uint64_t ledger::size(lane of) const {
  return static_cast<std::uint64_t>(
      std::count_if(open_.begin(), open_.end(), [&](const entry& one) { return one.in == of; }));
}

bool ledger::take(std::uint64_t nonce, entry& out) {
  const auto found = std::find_if(open_.begin(), open_.end(),
                                  [&](const entry& one) { return one.nonce == nonce; });
  if (found == open_.end()) return false;
  out = *found;
  open_.erase(found);
  return true;
}

void ledger::runs(std::uint64_t now) {
  for (entry& one : open_)
    if (one.takeable == not_yet) one.takeable = now;
}

bool ledger::is_ordered() const {
  for (std::size_t i = 1; i < open_.size(); ++i)
    if (open_[i].begin <= open_[i - 1].end || open_[i].in != open_[0].in) return false;
  return true;
}

bool ledger::comes_before(const entry& other, const entry& one) {
  const bool same_thread = other.begin == one.begin && other.end == one.end &&
                           other.stream == one.stream && other.nonce < one.nonce;
  return other.in == one.in && (other.end < one.begin || same_thread);
}

bool ledger::overtakes(const entry& other, const entry& one) {
  return one.in == lane::normal && other.in == lane::urgent && other.end < one.takeable;
}

bool ledger::is_next(const entry& one) const {
  return std::none_of(open_.begin(), open_.end(),
                      [&](const entry& other) { return comes_before(other, one); });
}

bool ledger::is_overtaken(const entry& one) const {
  return std::any_of(open_.begin(), open_.end(),
                     [&](const entry& other) { return overtakes(other, one); });
}

void ledger::ask_for_room(lane of) {
  const std::uint64_t wanted = next_[index(of)] + 1;
  std::uint64_t& below = given_up_below_[index(of)];
  if (wanted > slots_) below = std::max(below, wanted - slots_);
}

std::uint64_t ledger::asked_for() const {
  return static_cast<std::uint64_t>(std::count_if(
      open_.begin(), open_.end(), [&](const entry& one) { return may_be_given_up(one); }));
}

std::uint64_t ledger::untouched() const {
  return static_cast<std::uint64_t>(std::count_if(
      open_.begin(), open_.end(), [](const entry& one) { return one.takeable == not_yet; }));
}

void ledger::note_given_up(lane of) {
  for (entry& one : open_)
    if (one.in == of && one.takeable == not_yet && one.last_place + slots_ < next_[index(of)])
      one.is_given_up = true;
}

}  // namespace rondo::conformance::model
