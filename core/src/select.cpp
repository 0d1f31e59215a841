// Looking at several kernels' replies in turn.
#include <rondo/select.hpp>

#include "instance.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rondo::detail {

namespace {

constexpr std::uint64_t look_ns = 50'000;
constexpr std::uint64_t first_nap_ns = 50'000;
constexpr std::uint64_t longest_nap_ns = 500'000;

void nap(std::uint64_t ns) {
  const timespec t{0, static_cast<long>(ns)};
  nanosleep(&t, nullptr);
}

}  // namespace

status instance::look(bool check_health) {
  const bool is_over = router_->is_over(router_->life());  // before the queue
  status why = RONDO_OK;
  switch (router_->look(why)) {
    case reply_router::sight::reply: return RONDO_OK;
    case reply_router::sight::broken: return why;
    case reply_router::sight::led_by_another: return RONDO_EMPTY;
    default: break;
  }
  if (is_over) return RONDO_TERMINATED;
  if (const status now = check_health ? health() : RONDO_OK; now != RONDO_OK) return now;
  return RONDO_EMPTY;
}

std::size_t& next_of_thread() noexcept {
  thread_local std::size_t next = 0;
  return next;
}

result<std::size_t> select(std::span<const std::shared_ptr<instance>> from, std::size_t first,
                           nanoseconds timeout) {
  deadline until(timeout.count());
  ring::spinner spinner(look_ns);
  std::uint64_t nap_ns = first_nap_ns;
  bool naps = until.is_zero();  // from then on the kernels' health is looked at as well
  for (;;) {
    std::size_t ended = from.size();
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::size_t at = (first + i) % from.size();
      if (from[at] == nullptr) continue;
      const status seen = from[at]->look(naps);
      if (seen == RONDO_OK) return at;
      if (seen != RONDO_EMPTY && ended == from.size()) ended = at;
    }
    if (ended != from.size()) return ended;
    if (until.is_zero())
      return result<std::size_t>(error_info{RONDO_EMPTY, "select", "no receiver has a reply", {}});
    if (until.passed())
      return result<std::size_t>(error_info{RONDO_TIMEOUT, "select",
                                            fmt::format("no receiver had a reply within {} ms",
                                                        static_cast<double>(timeout.count()) / 1e6),
                                            "Wait longer, or see what the kernels are doing"});
    if (!spinner.idle()) continue;
    naps = true;
    const std::uint64_t now = ring::now_ns();
    nap(std::min(nap_ns, until.at() - std::min(now, until.at())));
    nap_ns = std::min(2 * nap_ns, longest_nap_ns);
  }
}

}  // namespace rondo::detail
