// Kernels that share threads, with what can be wrong about the sharing: requests that one of them
// never gets because of another.
#include "wrapped.hpp"

#include <algorithm>

namespace rondo::faults {

namespace {

constexpr std::size_t served = 8;
std::mutex pool_mutex;
std::vector<rondo_kernel*> in_pool;  // in the order in which they came

bool has_waiting(rondo_kernel* kernel) {
  return inner_state(kernel) == RONDO_STATE_ACTIVE && inner_depth(&kernel->input) > 0;
}

}  // namespace

std::uint64_t inner_depth(rondo_queue* queue) {
  rondo_queue_info info{};
  info.struct_size = sizeof info;
  inner.queue.info(queue->inner, &info);
  return info.depth;
}

void enter_pool(rondo_kernel* kernel) {
  const std::lock_guard lock(pool_mutex);
  kernel->is_pooled = true;
  in_pool.push_back(kernel);
}

void leave_pool(rondo_kernel* kernel) {
  const std::lock_guard lock(pool_mutex);
  std::erase(in_pool, kernel);
}

bool pool_loses(rondo_kernel* kernel) {
  if (!kernel->is_pooled) return false;
  const std::lock_guard lock(pool_mutex);
  const auto at = std::find(in_pool.begin(), in_pool.end(), kernel) - in_pool.begin();
  const auto is_beside = [&](auto&& what) {
    return std::any_of(in_pool.begin(), in_pool.end(),
                       [&](rondo_kernel* each) { return each != kernel && what(each); });
  };
  if (broken(fault::pool_serves_eight)) return at >= static_cast<std::ptrdiff_t>(served);
  if (broken(fault::pool_starves)) return is_beside(has_waiting);
  if (broken(fault::pool_hangs_together))
    return is_beside([](auto* each) { return inner_state(each) == RONDO_STATE_FAILED; });
  return false;
}

}  // namespace rondo::faults
