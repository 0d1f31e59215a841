// More work than there is room for, four times: what each answer to a full queue does, who is told,
// and what is counted. Then what overtakes, what gets too old, and what is recognized as sent
// before. The kernels are launched and not yet active while their queues fill, so that everybody
// sees the same. The backend is the argument; without one it is the CPU.
#include "thumbnail.hpp"

#include <rondo/runtime.hpp>

#include <cstdio>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t slots = 4, pictures = 6;

std::string told(const rondo::result<std::uint64_t>& sent) {
  return sent ? "accepted" : std::string(rondo::status_name(sent.code()));
}

// Takes `count` replies and prints which pictures were done.
void print_replies(rondo::kernel<thumbnail>& kernel, std::uint64_t count) {
  std::printf("  replies:");
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto reply = kernel.receive(5s).value();
    if (reply.outcome)
      std::printf(" %llu", static_cast<unsigned long long>(reply.outcome->picture));
    else std::printf(" %s", std::string(rondo::status_name(reply.outcome.code())).c_str());
  }
  std::printf("\n");
}

void fill(rondo::runtime& runtime, const std::string& backend, const char* name,
          rondo::when_full policy) {
  auto kernel = runtime.launch<thumbnail>(
      {.backend = backend, .id = name, .input_capacity = slots, .input_full = policy});
  std::printf("%s: %llu pictures for %llu slots\n", name, static_cast<unsigned long long>(pictures),
              static_cast<unsigned long long>(slots));
  // Only one that waits has a use for the kernel while it waits.
  std::jthread starter;
  if (policy == rondo::when_full::block) starter = std::jthread([&] { kernel.activate(); });
  for (std::uint64_t picture = 1; picture <= pictures; ++picture)
    std::printf("  %llu %s\n", static_cast<unsigned long long>(picture),
                told(kernel.send({picture}, 5s)).c_str());
  if (policy != rondo::when_full::block) kernel.activate();
  print_replies(kernel, kernel.snapshot().sent);
  kernel.terminate();
  const auto counted = kernel.snapshot();
  std::printf("  handled %llu, dropped as the newest %llu, as the oldest %llu\n",
              static_cast<unsigned long long>(counted.messages_in),
              static_cast<unsigned long long>(counted.dropped_newest),
              static_cast<unsigned long long>(counted.dropped_oldest));
}

void order(rondo::runtime& runtime, const std::string& backend) {
  auto kernel = runtime.launch<thumbnail>({.backend = backend,
                                           .id = "ordered",
                                           .urgent_lane = true,
                                           .timed = true,
                                           .duplicate_window = 16});
  std::printf("ordered: urgent first, too old never, the same only once\n");
  kernel.send({1}, 5s).value();
  kernel.send({2}, 5s, {.ttl = 1ns}).value();  // too old whenever the kernel comes to it
  kernel.send({3}, 5s, {.urgent = true}).value();
  const auto first = kernel.send({4}, 5s, {.key = 4}), again = kernel.send({4}, 5s, {.key = 4});
  std::printf("  4 %s, again %s\n", told(first).c_str(), told(again).c_str());
  kernel.activate();
  print_replies(kernel, 4);
  kernel.terminate();
  const auto counted = kernel.snapshot();
  std::printf("  handled %llu, expired %llu, duplicates %llu\n",
              static_cast<unsigned long long>(counted.messages_in),
              static_cast<unsigned long long>(counted.expired),
              static_cast<unsigned long long>(counted.duplicates));
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string backend = argc > 1 ? argv[1] : "cpu";
  auto runtime = rondo::runtime::open();
  fill(runtime, backend, "block", rondo::when_full::block);
  fill(runtime, backend, "reject", rondo::when_full::reject);
  fill(runtime, backend, "drop_newest", rondo::when_full::drop_newest);
  fill(runtime, backend, "drop_oldest", rondo::when_full::drop_oldest);
  order(runtime, backend);
} catch (const rondo::error& failed) {
  std::fprintf(stderr, "backpressure: %s\n", failed.what());
  return 1;
}
