// The keys of the last requests that a kernel's input accepted. Any thread. A key is looked up and
// remembered under the lock that the sending itself is done under, so that of two senders with one
// key exactly one is accepted, and keys are forgotten in the order of acceptance.
#pragma once

#include <rondo/abi.h>

#include <cstdint>
#include <mutex>
#include <unordered_set>
#include <vector>

namespace rondo::detail {

class duplicate_window {
 public:
  explicit duplicate_window(std::uint32_t size) : order_(size) { known_.reserve(size); }

  // `send` must not wait. REPEATED if the key is known; else what it says, and the key is known if
  // that is OK.
  template <class Send>
  rondo_status admit(std::uint64_t key, Send&& send) {
    const std::lock_guard lock(mutex_);
    if (known_.contains(key)) return ++duplicates_, RONDO_REPEATED;
    const rondo_status code = send();
    if (code == RONDO_OK) remember(key);
    return code;
  }
  std::uint64_t duplicates() const {
    const std::lock_guard lock(mutex_);
    return duplicates_;
  }

 private:
  // Once the window is full the oldest key's node becomes the newest's: nothing is allocated.
  void remember(std::uint64_t key) {
    std::uint64_t& place = order_[count_++ % order_.size()];
    if (count_ <= order_.size()) {
      known_.insert(key);
    } else {
      auto node = known_.extract(place);
      node.value() = key;
      known_.insert(std::move(node));
    }
    place = key;
  }

  mutable std::mutex mutex_;
  std::unordered_set<std::uint64_t> known_;
  std::vector<std::uint64_t> order_;  // the n-th key that was accepted is at n modulo its size
  std::uint64_t count_ = 0;
  std::uint64_t duplicates_ = 0;
};

}  // namespace rondo::detail
