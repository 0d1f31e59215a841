// Leases that the wrapper keeps itself: those with something wrong, and sound ones where the
// wrapped plugin has none, so that what the cases demand of leases is tried with what they must
// accept, too.
#include "wrapped.hpp"

namespace rondo::faults {

namespace {

bool is_about_leases() {
  return broken(fault::lease_ignored) || broken(fault::lease_needs_renewal) ||
         broken(fault::renewal_changes_nothing) || broken(fault::ended_is_renewed) ||
         broken(fault::lease_stays_taken);
}

bool is_resident(rondo_kernel* kernel) {
  const std::uint32_t now = inner_state(kernel);
  return now == RONDO_STATE_LAUNCHED || now == RONDO_STATE_ACTIVE || now == RONDO_STATE_INACTIVE;
}

}  // namespace

bool keeps_leases() {
  const bool offers_none =
      broken(fault::unadvertised_call_succeeds) || broken(fault::capability_without_function);
  return is_about_leases() || (!offers_none && !inner_has(RONDO_CAP_LEASE));
}

void launch_lease(rondo_kernel& kernel) {
  const bool is_taken = kernel.renewed_ns.exchange(0) != 0;
  if (broken(fault::lease_needs_renewal) || (broken(fault::lease_stays_taken) && is_taken))
    kernel.renewed_ns = now_ns();
}

// Told by whoever looks: nobody is woken for it, which no call of the interface shows.
bool lease_is_over(rondo_kernel* kernel) {
  if (kernel->lease_ns == 0 || broken(fault::lease_ignored)) return false;
  const std::uint64_t renewed = kernel->renewed_ns;
  if (renewed != 0 && now_ns() - renewed > kernel->lease_ns && is_resident(kernel))
    kernel->lease_lapsed = true;
  return kernel->lease_lapsed;
}

rondo_status renew_lease(rondo_kernel* kernel) {
  const bool has_ended = lease_is_over(kernel) || inner_state(kernel) >= RONDO_STATE_TERMINATED;
  if (has_ended) return broken(fault::ended_is_renewed) ? RONDO_OK : RONDO_TERMINATED;
  if (!broken(fault::renewal_changes_nothing) || kernel->renewed_ns == 0)
    kernel->renewed_ns = now_ns();
  return RONDO_OK;
}

}  // namespace rondo::faults
