// The backend as an application meets it: through librondo, with types. In direct mode core uses
// the mapped rings where there are any, in bridge mode the calls of the queues.
#include "../support/bench.hpp"
#include "../support/suite.hpp"
#include "../support/system.hpp"
#include "../support/threads.hpp"

#include "../kernels/handlers.hpp"

#include <rondo/runtime.hpp>

#include <algorithm>
#include <atomic>
#include <thread>

namespace rondo::conformance {

namespace kernels = conformance_kernels;

namespace {

template <class T>
const T& value_of(const result<T>& answer, const place& at = place::current()) {
  count_check();
  if (!answer) fail("a call failed: " + answer.failure().text(), at);
  return *answer;
}

}  // namespace

RONDO_CASE(runtime, call, each_of_many_callers_gets_his_own_answer, concurrent, "MSG-03 QUEUE-02",
           "") {
  auto runtime = it.open_runtime();
  auto kernel = runtime.launch<kernels::nonce_handler>(it.launch());
  kernel.activate();
  const std::uint64_t each = is_sanitized ? 20 : 100;
  together(32, [&](unsigned thread) {
    for (std::uint64_t i = 0; i < each; ++i) {
      const std::uint64_t nonce = std::uint64_t{thread} << 32 | i;
      const auto answer = kernel.call({nonce, {}}, 4 * it.patience());
      expect_equal(value_of(answer).proof, kernels::secret(nonce, kernels::nonce_salt),
                   "the proof in the answer that one of 32 callers got");
    }
  });
  require(eventually([&] { return kernel.snapshot().messages_in == 32 * each; }, it.patience()),
          "messages_in is " + std::to_string(kernel.snapshot().messages_in) + " after " +
              std::to_string(32 * each) + " calls");
}

RONDO_CASE(runtime, call, every_way_to_send_delivers, core, "QUEUE-02 QUEUE-01", "") {
  auto runtime = it.open_runtime();
  auto kernel = runtime.launch<kernels::nonce_handler>(it.launch());
  kernel.activate();
  expect_equal(value_of(kernel.call({1, {}}, it.patience())).proof,
               kernels::secret(1, kernels::nonce_salt), "the proof of call()");
  std::vector<std::uint64_t> ids;
  ids.push_back(value_of(kernel.send({2, {}}, it.patience())));
  ids.push_back(value_of(kernel.try_send({3, {}})));
  auto sender = runtime.open_sender<kernels::nonce_request>(kernel.queues().input);
  ids.push_back(value_of(sender.send({4, {}}, it.patience())));
  const std::vector<kernels::nonce_request> many = {{5, {}}, {6, {}}, {7, {}}};
  const auto sent = value_of(kernel.send_batch(many, it.patience()));
  expect_equal(sent.count, 3u, "how many send_batch sent");
  for (std::uint64_t i = 0; i < 3; ++i) ids.push_back(sent.first_id + i);
  auto receiver = runtime.open_receiver<kernels::nonce_reply>(kernel.queues().output);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto reply = i % 2 == 0 ? kernel.receive(it.patience()) : receiver.receive(it.patience());
    require(reply.has_value(), "no reply came to a message that was sent");
    expect_equal(reply->correlation_id, ids[i], "the correlation of the next reply");
    expect_equal(value_of(reply->outcome).proof, kernels::secret(i + 2, kernels::nonce_salt),
                 "the proof of the next reply");
  }
}

RONDO_CASE(runtime, call, queues_are_found_by_the_names_of_the_contract, core, "NAME-01", "") {
  auto runtime = it.open_runtime();
  auto kernel = runtime.launch<kernels::nonce_handler>(it.launch("my.kernel-7"));
  const std::string base = "ringkernel_ConformanceNonceRequest_my.kernel-7";
  expect_text(kernel.queues().input, base + "_input", "the name of the input");
  expect_text(runtime.find_queue(base).name, base + "_input", "what is found without a direction");
  expect_text(runtime.find_queue("ringkernel_ConformanceNonceReply_my.kernel-7_output").kernel_id,
              "my.kernel-7", "the kernel of the output");
  kernel.activate();
  auto sender = runtime.open_sender<kernels::nonce_request>(base + "_input");
  (void)value_of(sender.send({9, {}}, it.patience()));
  const auto reply = kernel.receive(it.patience());
  require(reply.has_value(), "a message sent to a queue found by its name was not answered");
}

RONDO_CASE(runtime, call, failures_reach_the_caller, core, "MSG-05 MSG-07", "") {
  auto runtime = it.open_runtime();
  auto kernel = runtime.launch<kernels::fail_handler>(it.launch());
  kernel.activate();
  for (int i = 0; i < 10; ++i) {
    const auto answer = kernel.call({kernels::misdeed::fail, i, 12}, it.patience());
    require(!answer.has_value(), "a handler failed and the caller got a value");
    expect_status(answer.code(), RONDO_HANDLER_FAILED, "a call whose handler fails");
    require(answer.failure().text().find("abcdefghijkl") != std::string::npos,
            "the handler's text is not in the caller's error: " + answer.failure().text());
    expect_equal(value_of(kernel.call({kernels::misdeed::none, 0, 0}, it.patience())).value, 42u,
                 "the answer behind a failure");
  }
}

RONDO_CASE(runtime, call, large_messages_travel_whole, core, "QUEUE-11 MSG-02", "") {
  auto runtime = it.open_runtime();
  auto kernel = runtime.launch<kernels::large_handler>(it.launch());
  kernel.activate();
  const auto request = std::make_unique<kernels::large_request>();
  for (int round = 0; round < 5; ++round) {
    for (auto& word : request->word) word = it.number();
    const auto answer = kernel.call(*request, it.patience());
    const auto& reply = value_of(answer);
    for (std::uint32_t i = 0; i < kernels::large_words; ++i)
      if (reply.word[i] !=
          kernels::secret(request->word[kernels::large_words - 1 - i], kernels::large_salt + i))
        fail("word " + std::to_string(i) + " of a reply of 64 KiB is wrong");
  }
}

RONDO_CASE(runtime, call, many_messages_in_flight_arrive_once_each, concurrent, "QUEUE-02 QUEUE-01",
           "") {
  auto runtime = it.open_runtime();
  auto kernel = runtime.launch<kernels::nonce_handler>(it.launch());
  kernel.activate();
  const std::uint64_t total = is_sanitized ? 3'000 : 30'000;
  together(2, [&](unsigned thread) {
    if (thread == 0) {
      std::vector<kernels::nonce_request> some(64);
      for (std::uint64_t at = 0; at < total;) {
        const std::uint64_t n = std::min<std::uint64_t>(64, total - at);
        for (std::uint64_t i = 0; i < n; ++i) some[i].nonce = at + i;
        at += value_of(kernel.send_batch(std::span(some).first(n), 4 * it.patience())).count;
      }
      return;
    }
    for (std::uint64_t at = 0; at < total;) {
      const auto got = kernel.receive_batch(
          256,
          [&](const reply_view<kernels::nonce_reply>& view) {
            require(view.value != nullptr, "a reply has no value");
            if (view.value->proof != kernels::secret(at, kernels::nonce_salt))
              fail("reply " + std::to_string(at) + " is not the next one due");
            ++at;
          },
          4 * it.patience());
      (void)value_of(got);
    }
  });
}

RONDO_CASE(runtime, call, two_runtimes_use_the_backend_at_once, concurrent, "DEV-07 DEV-05 NAME-01",
           "") {
  auto one = it.open_runtime();
  auto two = it.open_runtime();
  auto first = one.launch<kernels::counter_handler>(it.launch());
  auto second = two.launch<kernels::counter_handler>(it.launch());
  first.activate();
  second.activate();
  for (std::uint64_t i = 1; i <= 10; ++i) {
    expect_equal(value_of(first.call({1}, it.patience())).total, i, "the first kernel's sum");
    expect_equal(value_of(second.call({2}, it.patience())).total, 2 * i, "the second kernel's sum");
  }
  one.close();
  expect_equal(value_of(second.call({2}, it.patience())).total, 22u,
               "the sum of a kernel whose neighbour's runtime was closed");
}

RONDO_CASE(runtime, call, buffers_travel_by_handle, core, "BUF-04", RONDO_CAP_BUFFER) {
  auto runtime = it.open_runtime();
  auto kernel = runtime.launch<kernels::buffer_handler>(it.launch());
  kernel.activate();
  auto buffer = kernel.create_buffer(100 * sizeof(std::uint64_t));
  std::vector<std::uint64_t> data(100);
  std::uint64_t sum = 0;
  for (auto& each : data) sum += each = it.number();
  buffer.write(std::span<const std::uint64_t>(data));
  const auto answer = kernel.call({buffer.ref()}, it.patience());
  expect_equal(value_of(answer).sum, sum, "the sum of a buffer");
  expect_equal(buffer.read<std::uint64_t>(1).front(), data[0] + 1, "what the handler wrote");
}

namespace {

// Whether a buffer and another kernel were served while the handler of a third was at work for so
// long. A machine that is busy with other things may be too slow for that.
bool is_served_meanwhile(bench& it, std::uint32_t microseconds) {
  auto runtime = it.open_runtime();
  auto busy = runtime.launch<kernels::slow_handler>(it.launch("busy"));
  busy.activate();
  // A backend may run handlers on the thread that sends.
  std::jthread sender([&] { (void)busy.send({1, microseconds}, it.patience()); });
  auto buffer = busy.create_buffer(4096);
  const std::vector<std::uint64_t> data(512, 3);
  buffer.write(std::span<const std::uint64_t>(data));
  expect_equal(buffer.read<std::uint64_t>(1, 511).front(), 3u, "what a buffer holds");
  auto other = runtime.launch<kernels::nonce_handler>(it.launch("other"));
  other.activate();
  (void)value_of(other.call({5, {}}, it.patience()));
  other.terminate();
  const bool is_at_work = busy.snapshot().messages_out == 0;
  sender.join();
  require(busy.receive(it.patience()).has_value(), "the busy kernel did not answer");
  return is_at_work;
}

}  // namespace

// Other work on the device goes on while a kernel is resident and busy. By no clock: the handler
// has not returned when everything was done.
RONDO_CASE(runtime, call, a_resident_kernel_blocks_nothing_beside_it, concurrent, "LIFE-11 BUF-04",
           RONDO_CAP_BUFFER) {
  bool is_served = false;
  for (const std::uint32_t microseconds : {400'000u, 1'000'000u, 2'000'000u})
    if ((is_served = is_served_meanwhile(it, microseconds))) break;
  require(
      is_served,
      "a buffer and another kernel beside a busy one were served only when its handler, at work "
      "for two seconds, had returned");
}

}  // namespace rondo::conformance
