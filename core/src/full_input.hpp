// What a sender does who found the input full: what the launch said, and waiting. Off the way of a
// message that finds room.
#pragma once

#include "instance.hpp"

namespace rondo::detail {

// While there is no room: soon at first, then as a sleeper.
class patience {
 public:
  void rest() {
    if (!spinner_.idle()) return;
    const timespec t{0, 50'000};
    nanosleep(&t, nullptr);
  }
  void found_work() { spinner_.found_work(); }

 private:
  ring::spinner spinner_{20'000};
};

// How long a send without a timeout waits for the kernel to let go of its oldest request. It needs
// some microseconds for that if no handler keeps it.
inline constexpr std::int64_t oldest_patience_ns = 1'000'000;

template <class Try, class Moving>
status instance::wait_for_place(const send_port::extras& with, deadline& until, Try&& again,
                                Moving&& moving) {
  const bool waits_briefly = until.is_zero() && plan_.options.input_full == when_full::drop_oldest;
  deadline brief(oldest_patience_ns);
  deadline& end = waits_briefly ? brief : until;
  end.at();
  keep_for(until);
  for (patience waiting;; waiting.rest()) {
    if (end.passed()) {
      if (closed_.load(std::memory_order_acquire)) return refusal();  // SYNC: closed
      return until.is_zero() ? RONDO_FULL : RONDO_TIMEOUT;
    }
    if (with.deadline_ns != 0 && ring::now_ns() >= with.deadline_ns) {
      expired_.fetch_add(1, std::memory_order_relaxed);
      return RONDO_EXPIRED;
    }
    status now = health();
    if (now != RONDO_OK) return now;
    if (closed_.load(std::memory_order_acquire)) return refusal();  // SYNC: closed
    const status code = again();
    if (code != RONDO_FULL) return code;
    now = when_input_full(with.urgent, 1);
    if (now != RONDO_OK) return now;
    moving();
  }
}

}  // namespace rondo::detail
