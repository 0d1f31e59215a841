// A kernel that counts and sums, through a pause and through its end and a new beginning; a second
// one that knows nothing of it; and what both counted themselves, held against what was sent. The
// backend is the argument; without one it is the best there is.
#include "counter.hpp"

#include <rondo/runtime.hpp>

#include <cstdio>
#include <string>

using namespace std::chrono_literals;

namespace {

using counter_kernel = rondo::kernel<counter>;

unsigned long long number(std::uint64_t n) { return n; }

void print(const char* when, const count_response& now) {
  std::printf("%s: %llu messages, the sum is %lld\n", when, number(now.count),
              static_cast<long long>(now.sum));
}

// Sends `first` to `last`, each with its own reply; returns the last.
count_response add(counter_kernel& kernel, std::int64_t first, std::int64_t last) {
  count_response now;
  for (std::int64_t value = first; value <= last; ++value) now = kernel.call({value}, 5s).value();
  return now;
}

void print_counters(const counter_kernel& kernel) {
  const auto counted = kernel.snapshot();
  std::printf("%s: sent %llu, handled %llu, of which failed %llu, replies %llu, waiting %llu\n",
              kernel.id().c_str(), number(counted.sent), number(counted.messages_in),
              number(counted.messages_failed), number(counted.messages_out),
              number(counted.input_depth));
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string backend = argc > 1 ? argv[1] : "";
  auto runtime = rondo::runtime::open();
  auto first = runtime.launch<counter>({.backend = backend, .id = "first"});
  auto second = runtime.launch<counter>({.backend = backend, .id = "second"});
  first.activate();
  second.activate();
  print("first, after 1 to 100", add(first, 1, 100));
  print("second, after 7", add(second, 7, 7));

  // What a paused kernel is sent waits, and so does its state.
  first.deactivate();
  for (std::int64_t value = 101; value <= 103; ++value) first.send({value}, 5s).value();
  std::printf("first, inactive: %llu waiting\n", number(first.snapshot().input_depth));
  first.activate();
  for (int i = 0; i < 3; ++i)
    print("first, active again", first.receive(5s).value().outcome.value());

  // A request that fails is handled too; the handler left its state alone.
  const auto refused = first.call({-1}, 5s);
  std::printf("first, asked for -1: %s\n", refused.failure().message.c_str());

  // A kernel is alone with its numbers when it has ended: nothing moves while they are read.
  first.terminate();
  print_counters(first);
  first.relaunch();
  first.activate();
  print("first, launched again", add(first, 104, 110));
  first.terminate();
  second.terminate();
  print_counters(first);
  print_counters(second);
} catch (const rondo::error& failed) {
  std::fprintf(stderr, "counter: %s\n", failed.what());
  return 1;
}
