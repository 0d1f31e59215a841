// A set of processors. Threads inherit the set of the thread that starts them, and an application
// may well have pinned the one that launches a kernel; kernels get the set that was open when the
// backend was opened instead.
#pragma once

#include <pthread.h>
#include <sched.h>

namespace rondo::cpu {

class processor_set {
 public:
  static processor_set of_this_thread() {
    processor_set set;
    if (sched_getaffinity(0, sizeof set.bits_, &set.bits_) != 0) CPU_SET(0, &set.bits_);
    return set;
  }
  static processor_set only(int processor) {
    processor_set set;
    CPU_SET(processor, &set.bits_);
    return set;
  }

  bool has(int processor) const { return processor < CPU_SETSIZE && CPU_ISSET(processor, &bits_); }
  int count() const { return CPU_COUNT(&bits_); }
  // Bind the calling thread to this set; false if the system refuses.
  bool apply() const { return pthread_setaffinity_np(pthread_self(), sizeof bits_, &bits_) == 0; }

 private:
  processor_set() { CPU_ZERO(&bits_); }
  cpu_set_t bits_;
};

}  // namespace rondo::cpu
