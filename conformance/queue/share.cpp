// Several threads on one kernel, and several kernels at once.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"
#include "../support/system.hpp"
#include "../support/threads.hpp"

#include <algorithm>
#include <atomic>
#include <memory>

namespace rondo::conformance {

namespace {

// `senders` threads push `each` messages, marked by thread and number; one thread takes the replies
// and checks that each thread's come in its order, each once.
void exchange(bench& it, unsigned senders, std::uint64_t each, std::uint64_t capacity) {
  kernel_spec spec;
  spec.input_capacity = capacity;
  spec.output_capacity = capacity;
  test_kernel kernel(it, spec);
  kernel.start();
  std::atomic<std::uint64_t> next_id{0};
  std::atomic<bool> broken{false};
  const auto send = [&](unsigned thread) {
    for (std::uint64_t i = 0; i < each && !broken; ++i) {
      kernels::nonce_request request;
      request.nonce = std::uint64_t{thread} << 32 | i;
      for (auto& word : request.filling) word = request.nonce;
      const auto bytes = std::as_bytes(std::span(&request, 1));
      rondo_status status = RONDO_FULL;
      const std::uint64_t id = ++next_id;
      eventually(
          [&] {
            status = kernel.try_push_as(id, bytes, 3, request.nonce + 1);
            return status != RONDO_FULL || broken;
          },
          2 * it.patience());
      if (!broken) expect_status(status, RONDO_OK, "push from one of several threads");
    }
  };
  const auto receive = [&] {
    std::vector<std::uint64_t> seen(senders, 0);
    try {
      for (std::uint64_t n = 0; n < senders * each; ++n) {
        const received reply = kernel.receive();
        const std::uint64_t nonce = reply.header.correlation_id - 1;
        const auto thread = static_cast<std::size_t>(nonce >> 32);
        require(thread < senders, "a reply bears a correlation that no request had");
        expect_equal(nonce & 0xffffffffu, seen[thread],
                     "the number of the next reply to one of several threads");
        const auto answer = reply.as<kernels::nonce_reply>();
        expect_equal(answer.proof, kernels::secret(nonce, kernels::nonce_salt),
                     "the proof of a reply to one of several threads");
        expect_equal(answer.filling, 7 * nonce, "the sum of what the request was filled with");
        ++seen[thread];
      }
    } catch (...) {
      broken = true;
      throw;
    }
    kernel.expect_silence(std::chrono::milliseconds(2), "each message had its reply");
    expect_equal(kernel.counters_at(senders * each).messages_in, senders * each, "messages_in");
  };
  together(senders + 1, [&](unsigned thread) {
    if (thread < senders) send(thread);
    else receive();
  });
}

}  // namespace

RONDO_CASE(queue, share, threads_that_send_at_once_lose_and_mix_nothing, concurrent,
           "QUEUE-02 QUEUE-01", "") {
  const std::uint64_t each = is_sanitized ? 500 : 3000;
  exchange(it, 4, each, 256);
}

RONDO_CASE(queue, share, threads_that_send_to_a_full_queue_overrun_nothing, concurrent,
           "QUEUE-08 QUEUE-02", "") {
  const std::uint64_t each = is_sanitized ? 300 : 1500;
  exchange(it, 4, each, 4);
  exchange(it, 3, each / 10, 1);
}

RONDO_CASE(queue, share, many_kernels_work_side_by_side, concurrent, "EXEC-01 EXEC-03", "") {
  constexpr unsigned count = 12;
  std::vector<std::unique_ptr<test_kernel>> all;
  for (unsigned i = 0; i < count; ++i) {
    kernel_spec spec;
    spec.id = "k" + std::to_string(i);
    spec.kernel_tag = 100 + i;
    spec.wait = it.has(RONDO_CAP_PARK) ? RONDO_WAIT_PARK : RONDO_WAIT_DEFAULT;
    all.push_back(std::make_unique<test_kernel>(it, spec));
    all.back()->start();
  }
  for (std::uint64_t round = 1; round <= 20; ++round) {
    for (unsigned i = 0; i < count; ++i) all[i]->send(kernels::nonce_request{round * 100 + i, {}});
    for (unsigned i = 0; i < count; ++i) {
      const auto reply = all[i]->receive().as<kernels::nonce_reply>();
      expect_equal(reply.proof, kernels::secret(round * 100 + i, kernels::nonce_salt),
                   "the proof of one of twelve kernels");
      rule("EXEC-03");
      expect_equal(reply.count, round, "the requests that one of twelve kernels has seen");
      expect_equal(reply.kernel_tag, 100 + i, "the kernel_tag of one of twelve kernels");
      rule("EXEC-01");
    }
  }
}

RONDO_CASE(queue, share, a_parked_kernel_wakes_up, concurrent, "RING-09 QUEUE-02", RONDO_CAP_PARK) {
  for (const std::uint32_t wait : {RONDO_WAIT_PARK, RONDO_WAIT_SPIN_THEN_PARK}) {
    kernel_spec spec;
    spec.wait = wait;
    test_kernel kernel(it, spec);
    kernel.start();
    std::uint64_t slow = 60;
    // A machine that is busy with other things may be late to wake a thread; a clock always is.
    for (int tries = 0; tries < 3 && slow >= 6; ++tries) {
      slow = 0;
      for (int i = 0; i < 60; ++i) {
        let_pass(std::chrono::microseconds(i % 10 == 0 ? 5000 : 150 * (i % 4)),
                 "the kernel may fall asleep, or be about to");
        const auto begin = now_ns();
        (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
        if (now_ns() - begin > 100'000'000) ++slow;
      }
    }
    require(slow < 6, std::to_string(slow) +
                          " of 60 messages to a kernel that sleeps took longer than 100 ms: it is "
                          "woken by a clock and not by the message");
  }
}

RONDO_CASE(queue, share, counters_and_info_may_be_asked_from_any_thread, concurrent,
           "QUEUE-07 ABI-16", "") {
  test_kernel kernel(it);
  kernel.start();
  std::atomic<bool> stop{false};
  together(3, [&](unsigned thread) {
    if (thread == 0) {
      for (int i = 0; i < 500; ++i)
        (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
      stop = true;
      return;
    }
    while (!stop) {
      (void)kernel.counters();
      const auto depth = kernel.info(kernel.input()).depth;
      require(depth <= 64, "the depth of a queue of 64 slots is " + std::to_string(depth));
      (void)kernel.state();
    }
  });
}

// Senders race with the end: what was accepted is answered or in `discarded`.
RONDO_CASE(queue, share, an_end_amid_senders_accounts_for_all, concurrent, "QUEUE-02 QUEUE-04",
           "") {
  for (int round = 0; round < 10; ++round) {
    test_kernel kernel(it);
    kernel.start();
    std::atomic<std::uint64_t> accepted{0}, next_id{0}, answered{0};
    std::atomic<bool> ended{false};
    rondo_terminate_report report{};
    const auto take_all = [&] {
      received reply;
      while (kernel.try_receive(reply) == RONDO_OK) ++answered;
    };
    const auto send = [&] {
      const kernels::nonce_request request{};
      const auto end = now_ns() + 2 * it.patience_ns();
      while (now_ns() < end) {
        const auto status =
            kernel.try_push_as(++next_id, std::as_bytes(std::span(&request, 1)), 3, 1);
        if (status == RONDO_OK) ++accepted;
        else if (status == RONDO_TERMINATED) return;
        else expect_status(status, RONDO_FULL, "push amid the end of a kernel");
      }
      rule("QUEUE-04");
      fail("a kernel was terminated and push does not return TERMINATED");
    };
    const auto terminate = [&] {
      let_pass(std::chrono::milliseconds(2), "the end comes amid senders, or at least not first");
      const auto mode = round % 2 != 0 ? RONDO_TERMINATE_DISCARD : RONDO_TERMINATE_DRAIN;
      const auto status =
          kernel.try_terminate(static_cast<std::uint32_t>(mode), it.patience_ns(), report);
      ended = true;
      expect_status(status, RONDO_OK, "terminate amid senders");
    };
    together(4, [&](unsigned thread) {
      if (thread == 0) return terminate();
      if (thread > 1) return send();
      while (!ended) take_all();
    });
    take_all();
    expect_equal(answered.load() + report.discarded, accepted.load(),
                 "answered and discarded together, of what several threads had accepted,");
  }
}

}  // namespace rondo::conformance
