// How fast messages go, one at a time and many at once. Recorded, not judged: what fails here is a
// reply without its proof, and then there is no figure.
#include "../support/bench.hpp"
#include "../support/suite.hpp"
#include "../support/system.hpp"
#include "../support/timing.hpp"

#include "../kernels/handlers.hpp"

#include <rondo/runtime.hpp>

#include <array>
#include <span>

namespace rondo::conformance {

namespace kernels = conformance_kernels;

namespace {

// Under a sanitizer the figures mean nothing; that they come about is still tried.
constexpr std::uint64_t fewer = is_sanitized ? 20 : 1;

// `count` messages `at_once` at a time: the next batch goes out when the last one is back. A sample
// is a batch's time, divided by its messages.
template <class Handler, class Request, class Check>
void stream(bench& it, const std::string& name, std::uint64_t count, std::uint64_t at_once,
            std::vector<Request>& requests, const Check& check) {
  auto runtime = it.open_runtime();
  auto kernel = runtime.launch<Handler>(it.launch());
  kernel.activate();
  sampler times(name);
  for (std::uint64_t done = 0; done < count; done += at_once) {
    const auto begin = now_ns();
    std::uint64_t sent = 0, got = 0;
    while (got < at_once) {
      if (sent < at_once) {
        const auto some = kernel.send_batch(
            std::span<const Request>(requests).subspan(sent, at_once - sent), it.patience());
        require(some.has_value(), "a batch could not be sent");
        sent += some->count;
      }
      const auto some = kernel.receive_batch(
          at_once - got,
          [&](const auto& view) {
            require(view.value != nullptr, "a reply has no value");
            check(requests[got], *view.value);
            ++got;
          },
          it.patience());
      require(some.has_value(), "replies did not come");
    }
    times.add((now_ns() - begin) / at_once);
  }
  times.tell();
}

}  // namespace

RONDO_CASE(timed, traffic, round_trip_of_64_bytes, timed, "EXEC-01", "") {
  auto runtime = it.open_runtime();
  auto kernel = runtime.launch<kernels::nonce_handler>(it.launch());
  kernel.activate();
  constexpr int first = 200;  // not counted: caches and clocks get ready
  const int count = 10'000 / static_cast<int>(fewer);
  sampler times("round trip of 64 B");
  for (int i = -first; i < count; ++i) {
    const std::uint64_t nonce = it.number();
    const auto begin = now_ns();
    const auto answer = kernel.call({nonce, {}}, it.patience());
    const auto end = now_ns();
    require(answer.has_value(), "a call was not answered");
    expect_equal(answer->proof, kernels::secret(nonce, kernels::nonce_salt),
                 "the proof of a timed call");
    if (i >= 0) times.add(end - begin);
  }
  times.tell();
}

RONDO_CASE(timed, traffic, stream_of_64_bytes, timed, "EXEC-01", "") {
  constexpr std::uint64_t at_once = 1024;
  std::vector<kernels::nonce_request> requests(at_once);
  for (auto& each : requests) each.nonce = it.number();
  stream<kernels::nonce_handler>(
      it, "a message of 64 B, 1024 at once", 400 * at_once / fewer, at_once, requests,
      [](const kernels::nonce_request& request, const kernels::nonce_reply& reply) {
        expect_equal(reply.proof, kernels::secret(request.nonce, kernels::nonce_salt),
                     "the proof of a timed message");
      });
}

RONDO_CASE(timed, traffic, stream_of_64_kib, timed, "EXEC-01", "") {
  constexpr std::uint64_t at_once = 16;
  std::vector<kernels::large_request> requests(at_once);
  for (auto& each : requests)
    for (auto& word : each.word) word = it.number();
  stream<kernels::large_handler>(
      it, "a message of 64 KiB, 16 at once", 200 * at_once / fewer, at_once, requests,
      [](const kernels::large_request& request, const kernels::large_reply& reply) {
        // Words from all over the message: all of them would take longer than the way does.
        for (std::uint32_t i = 0; i < kernels::large_words; i += 509)
          expect_equal(
              reply.word[i],
              kernels::secret(request.word[kernels::large_words - 1 - i], kernels::large_salt + i),
              "a word of a timed message");
      });
}

RONDO_CASE(timed, traffic, launch_and_stop, timed, "EXEC-01 LIFE-01", "") {
  auto runtime = it.open_runtime();
  sampler launches("launch until the first answer"), stops("stop of an idle kernel");
  for (std::uint64_t i = 0; i < 100 / fewer; ++i) {
    const std::uint64_t nonce = it.number();
    const auto begin = now_ns();
    auto kernel = runtime.launch<kernels::nonce_handler>(it.launch("life-" + std::to_string(i)));
    kernel.activate();
    const auto answer = kernel.call({nonce, {}}, it.patience());
    const auto answered = now_ns();
    require(answer.has_value(), "the first call of a kernel was not answered");
    expect_equal(answer->proof, kernels::secret(nonce, kernels::nonce_salt),
                 "the proof of a kernel's first call");
    const auto end = now_ns();
    kernel.terminate();
    stops.add(now_ns() - end);
    launches.add(answered - begin);
  }
  launches.tell();
  stops.tell();
}

}  // namespace rondo::conformance
