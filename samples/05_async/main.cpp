// Three ways to call a kernel and go on: with futures, with a callback, in a coroutine. The backend
// is the argument; without one it is the best there is.
#include "collatz.hpp"

#include <rondo/runtime.hpp>

#include <cstdio>
#include <future>
#include <vector>

using namespace std::chrono_literals;

// The least that a coroutine needs in C++20. An application has its own task type here.
struct task {
  struct promise_type {
    task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { throw; }  // the runtime logs it
  };
};

// Each call is made when the one before it has answered, and no thread waits in between.
task climb(rondo::kernel<collatz> kernel, std::uint64_t n, std::promise<void>& done) {
  for (int i = 0; i < 3; ++i) {
    const auto reply = co_await kernel.co_call({.n = n}, 5s);
    std::printf("in a coroutine: from %llu up to %llu\n", static_cast<unsigned long long>(n),
                static_cast<unsigned long long>(reply->highest));
    n = reply->highest + 1;
  }
  done.set_value();
}

int main(int argc, char** argv) try {
  auto runtime = rondo::runtime::open();
  auto kernel = runtime.launch<collatz>({.backend = argc > 1 ? argv[1] : ""});
  kernel.activate();

  // Futures: ask for everything, then collect.
  std::vector<std::future<rondo::result<collatz_response>>> replies;
  for (std::uint64_t n = 1; n <= 27; ++n) replies.push_back(kernel.call_async({.n = n}, 5s));
  std::uint64_t longest = 0, of = 0;
  for (std::uint64_t n = 1; n <= replies.size(); ++n) {
    const auto reply = replies[n - 1].get();
    if (reply->steps > longest) longest = reply->steps, of = n;
  }
  std::printf("with futures: of 1 to 27, %llu takes longest: %llu steps\n",
              static_cast<unsigned long long>(of), static_cast<unsigned long long>(longest));

  // A callback gets what call() would return: the response, or why there is none.
  std::promise<void> told;
  kernel.call_async({.n = 0}, 5s, [&](rondo::result<collatz_response> reply) {
    std::printf("with a callback: %s\n", reply ? "?" : reply.failure().message.c_str());
    told.set_value();
  });
  told.get_future().wait();

  std::promise<void> done;
  climb(kernel, 3, done);
  done.get_future().wait();

  // Nobody activates this one: the deadline completes the call.
  auto silent = runtime.launch<collatz>({.backend = argc > 1 ? argv[1] : "", .id = "silent"});
  const auto late = silent.call_async({.n = 5}, 20ms).get();
  std::printf("from a kernel that is not active: %s\n",
              std::string(rondo::status_name(late.code())).c_str());
} catch (const rondo::error& failed) {
  std::fprintf(stderr, "async: %s\n", failed.what());
  return 1;
}
