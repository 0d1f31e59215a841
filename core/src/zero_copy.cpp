// Claims of a kernel's input and holds of its output, as far as the instance's life matters to
// them.
#include "full_input.hpp"

namespace rondo::detail {

status instance::reserve(const codec& request, nanoseconds timeout, claim_state& out,
                         error_info& why) {
  deadline until(timeout.count());
  out.life = router_->life();
  const auto claim = [&] { return input_->try_claim(request, plan_.options.one_sender, out.slot); };
  status code = RONDO_OK;
  if (closed_.load(std::memory_order_acquire)) code = refusal();  // SYNC: closed
  else code = claim();
  if (code == RONDO_FULL) {
    code = when_input_full(false, 1);
    if (code == RONDO_OK) code = wait_for_place({}, until, claim, [] {});
  }
  if (code != RONDO_OK) return explain(code, request, timeout, why);
  out.until_ns = until.is_zero() ? 0 : until.at();
  return code;
}

// A slot that was claimed in a former life would be skipped without a word.
status instance::commit(claim_state& state, const codec& request, const void* staged,
                        std::uint64_t& id, error_info& why) {
  status code = RONDO_OK;
  if (closed_.load(std::memory_order_acquire)) code = refusal();  // SYNC: closed
  else if (router_->life() != state.life) code = RONDO_TERMINATED;
  if (code != RONDO_OK) {
    abandon(state);
  } else if (state.slot.where == claimed_slot::kind::later) {
    // A deadline that has passed meanwhile is a deadline still: TIMEOUT, not FULL as without one.
    const std::uint64_t now = ring::now_ns();
    const std::uint64_t left = state.until_ns > now ? state.until_ns - now : 1;
    deadline until(state.until_ns == 0
                       ? 0
                       : static_cast<std::int64_t>(std::min<std::uint64_t>(left, INT64_MAX)));
    code = send_until(request, staged, 0, until, id, nullptr);
  } else {
    code = input_->commit(state.slot, request, staged, id);
  }
  return code == RONDO_OK ? code : explain(code, request, nanoseconds{0}, why);
}

status instance::peek(const codec& response, nanoseconds timeout, reply_hold& out,
                      error_info& why) {
  deadline until(timeout.count());
  const bool is_plain = response.type.encoding == RONDO_ENCODING_PLAIN;
  const status code = router_->peek(until, is_plain ? response.type.max_bytes : 0, out);
  return code == RONDO_OK ? code : explain(code, response, timeout, why);
}

status commit(claim_state& state, const codec& type, const void* staged, std::uint64_t& id,
              error_info& why) {
  const auto kernel = std::exchange(state.kernel, nullptr);
  return kernel->commit(state, type, staged, id, why);
}

void abandon(claim_state& state) noexcept {
  if (const auto kernel = std::exchange(state.kernel, nullptr)) kernel->abandon(state);
}

}  // namespace rondo::detail
