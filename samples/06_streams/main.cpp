// Many threads feed two kernels with requests that are not answered; one thread then asks both for
// a report and takes two streams of replies as they come. The backend is the argument; without one
// it is the best there is.
#include "histogram.hpp"

#include <rondo/runtime.hpp>
#include <rondo/select.hpp>

#include <cstdio>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

int main(int argc, char** argv) try {
  const std::string backend = argc > 1 ? argv[1] : "";
  auto runtime = rondo::runtime::open();
  std::vector<rondo::kernel<histogram>> kernels;
  for (const char* id : {"even", "odd"}) {
    kernels.push_back(runtime.launch<histogram>({.backend = backend, .id = id}));
    kernels.back().activate();
  }

  {
    std::vector<std::jthread> feeders;
    for (int t = 0; t < 4; ++t)
      feeders.emplace_back([&] {
        for (std::uint32_t sample = 0; sample < 100; ++sample) {
          auto slot = kernels[sample % 2].reserve(5s);  // of the queue itself
          (**slot).sample = sample;
          slot->commit().value();
        }
      });
  }
  // No reply says that they were handled. This does.
  for (auto& kernel : kernels)
    std::printf("%s: %llu samples handled\n", kernel.id().c_str(),
                static_cast<unsigned long long>(kernel.flush(5s).value()));

  for (auto& kernel : kernels) kernel.send({.operation = histogram_operation::report}, 5s).value();
  rondo::selector streams;
  std::vector<std::vector<histogram_bucket>> reports(kernels.size());
  for (const auto& kernel : kernels) streams.add(kernel.as_receiver());
  while (streams.size() > 0) {
    const std::size_t ready = streams.wait(5s).value();
    auto reply = kernels[ready].peek(5s).value();
    reports[ready].push_back(*reply);
    const bool is_last = !reply.more();
    reply.release();
    if (is_last) streams.remove(ready);
  }
  for (std::size_t k = 0; k < kernels.size(); ++k)
    for (const auto& bucket : reports[k])
      std::printf("%s: %llu from %u to %u\n", kernels[k].id().c_str(),
                  static_cast<unsigned long long>(bucket.count), bucket.from, bucket.to - 1);

  // A request that fails is answered, also where there is no other answer.
  kernels[0].send({.sample = 100}, 5s).value();
  const auto refused = kernels[0].receive(5s).value();
  std::printf("%s: %s\n", kernels[0].id().c_str(), refused.outcome.failure().message.c_str());
} catch (const rondo::error& failed) {
  std::fprintf(stderr, "streams: %s\n", failed.what());
  return 1;
}
