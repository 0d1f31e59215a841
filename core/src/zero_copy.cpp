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
  out.kernel = shared_from_this();
  return code;
}

// Nothing was claimed. What is not sent is a claim that was given up, as in a queue that has
// claims.
status instance::commit_later(const codec& request, const void* staged, deadline& until,
                              std::uint64_t& id) {
  // What cannot be encoded has taken a slot of a mapped ring, which the kernel skips and counts.
  const bool ring_counts = input_->is_mapped();
  struct count_at_end {  // also when the encoding throws
    send_port& port;
    bool is_counted;
    ~count_at_end() {
      if (!is_counted) port.count_given_up();
    }
  } counting{*input_, ring_counts};
  const status code = send_until(request, staged, 0, until, id, nullptr);
  counting.is_counted = code == RONDO_OK || (code == RONDO_TOO_LARGE && ring_counts);
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
    code = commit_later(request, staged, until, id);
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
  if (code != RONDO_OK) return explain(code, response, timeout, why);
  out.kernel = shared_from_this();
  return code;
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
