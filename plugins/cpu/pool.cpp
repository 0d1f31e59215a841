// How kernels come into the pool, go out of it, and come back from their turns.
#include "pool.hpp"

namespace rondo::cpu {

pool::pool(const processor_set& processors, std::uint32_t size)
    : processors_(processors), size_(size) {}

void pool::admit(worker& kernel) {
  queue_.enlist(kernel);
  const lock held(mutex_);
  fill_up();
  start_watching(kernel);
  queue_.add(kernel);
}

bool pool::withdraw(worker& kernel) {
  for (;; std::this_thread::yield()) {
    const lock held(mutex_);
    if (seat_of(kernel) != nullptr) return false;
    if (queue_.take_out(kernel) || kernel.reported() == report::stopped) return true;
  }
}

// What was woken queues up before the kernel whose turn has just ended, however much that has left.
void pool::put_back(worker& kernel, const turn_end& end) {
  queue_.collect();
  if (end.what == turn_end::over) return kernel.tell(end.last);  // it may be gone now
  queue_.put_back(kernel, end.what == turn_end::idle, end.wake_at_ns);
}

}  // namespace rondo::cpu
