// What a pump changes about the end of a kernel: nothing that was accepted may be forgotten on its
// way to the backend.
#include "full_input.hpp"

#include <rondo/host_services.hpp>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace rondo::detail {

namespace {

// A push of the backend never blocks; whoever is in one longer than that will not come back.
constexpr std::chrono::milliseconds push_patience{250};

std::uint64_t handled(const backend_api& api, rondo_kernel* kernel) {
  rondo_kernel_counters c{};
  c.struct_size = sizeof c;
  const host_call_guard guard;
  return api.kernel.counters(kernel, &c) == RONDO_OK ? c.messages_in : 0;
}

}  // namespace

std::uint64_t instance::begin_end(terminate_mode mode, deadline& until) {
  if (!pump_) return 0;
  pump_->close();
  if (mode != terminate_mode::drain || pump_->staged() == 0) return 0;
  const std::uint64_t before = handled(api(), handle_);
  drain_staged(until);
  return handled(api(), handle_) - before;
}

// A kernel that is not active makes no room. Where the backend has none for all that was accepted,
// draining begins here: what is staged is as much part of it as what the backend has.
void instance::drain_staged(deadline& until) {
  for (patience waiting; pump_->staged() > 0 && !pump_->is_stalled(); waiting.rest()) {
    if (until.passed()) return;
    const kernel_state now = state();
    if (now == kernel_state::failed || now == kernel_state::terminated) return;
    if (now == kernel_state::active || !pump_->is_blocked()) continue;
    const host_call_guard guard;
    if (api().kernel.activate(handle_, until.left(), nullptr) != RONDO_OK) return;
  }
}

pump::hold instance::hold_pump() {
  if (!pump_) return {};
  return pump_->hold_still(std::chrono::steady_clock::now() + push_patience);
}

// What the backend refuses from now on, and what it was never given.
std::uint64_t instance::end_staging() {
  if (!pump_) return 0;
  std::uint64_t count = 0;
  if (pump_->discard(std::chrono::steady_clock::now() + push_patience, count) != RONDO_OK)
    log()->error("{}: the backend does not return from a push; {} requests are staged for it",
                 plan_.id, pump_->staged());
  return count;
}

void instance::require_ended(status code, terminate_mode mode, std::uint64_t given_up,
                             const explanation& why) const {
  if (given_up == 0 || (code == RONDO_OK && mode != terminate_mode::drain))
    return why.require(code, plan_.id);
  if (const status refused = pump_->trouble(); code == RONDO_OK && refused != RONDO_OK)
    throw error(refused, plan_.id,
                fmt::format("the backend refused what was staged for it: "
                            "{} requests were discarded",
                            given_up),
                "Report this to the backend's author");
  if (code == RONDO_OK)
    throw error(RONDO_TIMEOUT, plan_.id,
                fmt::format("the backend had no room in time for what was staged for it: "
                            "{} requests were discarded",
                            given_up),
                "Give terminate a longer deadline, or activate the kernel before");
  error_info all = why.info(code, plan_.id);
  all.message += fmt::format("; {} more that were staged were discarded", given_up);
  throw error(all);
}

}  // namespace rondo::detail
