// The least that a coroutine needs: it starts at once, and is gone when it ends.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>

namespace core_test {

struct detached {
  struct promise_type {
    detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    // To whoever resumed it. That leaves it suspended for ever, so somebody has to destroy it.
    void unhandled_exception() {
      left_by_exception() = std::coroutine_handle<promise_type>::from_promise(*this);
      throw;
    }
  };
  static std::coroutine_handle<>& left_by_exception() {
    static std::coroutine_handle<> handle;
    return handle;
  }
};

// One that whoever made it destroys.
struct owned {
  struct promise_type {
    owned get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

}  // namespace core_test
