// A function with a stack of its own that runs until it switches to another one. For the explorer:
// all fibers belong to one thread. The sanitizers are told of every switch.
#pragma once

#include <sanitizer/asan_interface.h>
#include <sanitizer/tsan_interface.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdlib>
#include <memory>

#if defined(__SANITIZE_ADDRESS__)
#define RONDO_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RONDO_TEST_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define RONDO_TEST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RONDO_TEST_TSAN 1
#endif
#endif

namespace rondo::test {

class fiber {
 public:
  // The stack that the thread is on already.
  fiber() {
#ifdef RONDO_TEST_TSAN
    tsan_ = __tsan_get_current_fiber();
#endif
  }
  // Runs entry(argument) when first switched to; entry never returns.
  fiber(void (*entry)(void*), void* argument)
      : entry_(entry), argument_(argument), stack_(new std::byte[stack_bytes]) {
    bottom_ = stack_.get();
    size_ = stack_bytes;
#ifdef RONDO_TEST_TSAN
    tsan_ = __tsan_create_fiber(0);
#endif
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack_.get();
    context_.uc_stack.ss_size = stack_bytes;
    makecontext(&context_, &fiber::start, 0);
  }
  fiber(const fiber&) = delete;
  fiber& operator=(const fiber&) = delete;
  ~fiber() {
#ifdef RONDO_TEST_TSAN
    if (stack_ != nullptr) __tsan_destroy_fiber(tsan_);
#endif
  }

  // Leave this fiber, which must be the running one, for `next`; returns when somebody comes back.
  void switch_to(fiber& next) {
    from_ = this;
    to_ = &next;
#ifdef RONDO_TEST_ASAN
    __sanitizer_start_switch_fiber(&fake_stack_, next.bottom_, next.size_);
#endif
#ifdef RONDO_TEST_TSAN
    __tsan_switch_to_fiber(next.tsan_, 0);
#endif
    swapcontext(&context_, &next.context_);
    arrive();
  }

 private:
  static constexpr std::size_t stack_bytes = 256 * 1024;

  static void start() {
    fiber* self = to_;
    self->arrive();
    self->entry_(self->argument_);
    std::abort();
  }
  void arrive() {
#ifdef RONDO_TEST_ASAN
    // Also how the bounds of the thread's own stack become known.
    __sanitizer_finish_switch_fiber(fake_stack_, &from_->bottom_, &from_->size_);
#endif
  }

  static inline fiber* from_ = nullptr;
  static inline fiber* to_ = nullptr;

  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
  std::unique_ptr<std::byte[]> stack_;
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
  ucontext_t context_{};
  [[maybe_unused]] void* fake_stack_ = nullptr;
  [[maybe_unused]] void* tsan_ = nullptr;
};

}  // namespace rondo::test
