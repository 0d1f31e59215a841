// Grids of several blocks. The first receives; the others wait for a message's number in the resume
// block, and all meet there at a barrier.
#pragma once

#include <rondo/device/replying.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class grid_blocks : protected replying<H, X, P, K> {
  using base = replying<H, X, P, K>;

 protected:
  using base::base;
  RONDO_AT_THE_DESK(base);

  RONDO_DEVICE team grid_team() {
    return {x_.block() * x_.threads() + x_.thread(), x_.blocks() * x_.threads(), &sync_grid, this};
  }

  RONDO_DEVICE void wait_for_grid() {
    x_.sync_block();
    ++rounds_;
    if (x_.thread() == 0 && x_.blocks() > 1) {
      const std::uint64_t everyone = rounds_ * x_.blocks();
      x_.add_release(&resume_.arrived, 1);  // SYNC: grid
      std::uint32_t looks = 0;
      // SYNC: grid
      while (x_.load_acquire(&resume_.arrived) < everyone && !is_aborted()) {
        x_.nap(follower_nap_ns);
        // Seldom: asking the host takes as long as many naps.
        if (x_.block() == 0 && ++looks % looks_per_order == 0 && lead_.must_leave_team())
          x_.store_release(&resume_.aborted, 1);
      }
    }
    x_.sync_block();
  }

  RONDO_DEVICE bool is_aborted() const { return x_.load_acquire(&resume_.aborted) != 0; }

  // By block 0: the others shall run the handler on the message in hand; they shall end.
  RONDO_DEVICE void call_others() {
    if (x_.thread() != 0 || x_.blocks() == 1) return;
    std::uint64_t number = sequence();
    if constexpr (K::has_rules) number = calls_++;     // two lanes may have one sequence
    x_.store_release(&resume_.go, (number + 1) << 1);  // SYNC: go
  }
  RONDO_DEVICE void send_others_home() {
    if (x_.thread() == 0 && x_.blocks() > 1) x_.store_release(&resume_.go, leave_mark);  // SYNC: go
  }
  // By the others: false if they shall end. `last` is what they were called with before.
  RONDO_DEVICE bool wait_for_call(std::uint64_t& last) {
    if (x_.thread() == 0) {
      std::uint64_t go;
      while ((go = x_.load_acquire(&resume_.go)) == last) x_.nap(follower_nap_ns);  // SYNC: go
      m_.go = go;
    }
    x_.sync_block();
    last = m_.go;
    return last != leave_mark;
  }

 private:
  static constexpr std::uint64_t leave_mark = 1;
  static constexpr std::uint32_t follower_nap_ns = 100;
  static constexpr std::uint32_t looks_per_order = 256;

  RONDO_DEVICE static void sync_grid(void* self) {
    static_cast<grid_blocks*>(self)->wait_for_grid();
  }

  std::uint64_t rounds_ = 0;
  std::uint64_t calls_ = 0;  // where the queues have rules
};

}  // namespace rondo::device
