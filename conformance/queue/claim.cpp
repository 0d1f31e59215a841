// Zero copy: slots that are claimed, filled and committed or given up, and replies that are looked
// at where they lie.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <rondo/host_services.hpp>

namespace rondo::conformance {

namespace {

rondo_claim claim(test_kernel& kernel, std::uint32_t bytes, rondo_status due,
                  const place& at = place::current()) {
  rondo_claim out{};
  out.struct_size = sizeof out;
  const host_call_guard guard;
  expect_status(kernel.api().queue.reserve(kernel.input(), bytes, &out), due,
                "reserve of " + std::to_string(bytes) + " bytes", at);
  if (due != RONDO_OK) return out;
  require(out.payload != nullptr && out.capacity >= bytes, "reserve gave too little room", at);
  return out;
}

void commit(test_kernel& kernel, rondo_claim& slot, std::uint64_t nonce,
            const place& at = place::current()) {
  const kernels::nonce_request request{nonce, {}};
  std::memcpy(slot.payload, &request, sizeof request);
  const rondo_envelope header{sizeof request, RONDO_TYPE_REQUEST, 3, 0, 0, nonce + 1, nonce + 1};
  const host_call_guard guard;
  expect_status(kernel.api().queue.commit(kernel.input(), &slot, &header), RONDO_OK, "commit", at);
}

void expect_proof(test_kernel& kernel, std::uint64_t nonce, const place& at = place::current()) {
  expect_equal(kernel.receive(at).as<kernels::nonce_reply>(at).proof,
               kernels::secret(nonce, kernels::nonce_salt), "the proof of a committed message", at);
}

}  // namespace

RONDO_CASE(queue, claim, what_is_committed_arrives, core, "QUEUE-13", RONDO_CAP_ZERO_COPY) {
  test_kernel kernel(it);
  kernel.start();
  for (std::uint64_t i = 0; i < 200; ++i) {
    auto slot = claim(kernel, sizeof(kernels::nonce_request), RONDO_OK);
    commit(kernel, slot, i);
    expect_proof(kernel, i);
  }
}

RONDO_CASE(queue, claim, what_is_abandoned_never_arrives, core, "QUEUE-13 QUEUE-02 TEL-16",
           RONDO_CAP_ZERO_COPY) {
  test_kernel kernel(it);
  kernel.start();
  for (std::uint64_t i = 0; i < 100; ++i) {
    auto lost = claim(kernel, sizeof(kernels::nonce_request), RONDO_OK);
    auto kept = claim(kernel, sizeof(kernels::nonce_request), RONDO_OK);
    std::memset(lost.payload, 0x33, sizeof(kernels::nonce_request));
    commit(kernel, kept, i);
    {
      const host_call_guard guard;
      expect_status(it.api().queue.abandon(kernel.input(), &lost), RONDO_OK, "abandon");
    }
    expect_proof(kernel, i);
  }
  kernel.expect_silence(std::chrono::milliseconds(3), "the other claims were abandoned");
  expect_equal(kernel.counters_at(100).messages_in, 100u,
               "messages_in, of which abandoned claims are no part,");
  rule("TEL-16");
  kernel.counters_when([](const rondo_kernel_counters& now) {
    expect_equal(now.messages_dropped, 100u, "messages_dropped after a hundred abandoned claims");
  });
}

RONDO_CASE(queue, claim, one_of_another_queue_or_done_with_changes_nothing, core, "QUEUE-16",
           RONDO_CAP_ZERO_COPY) {
  kernel_spec second;
  second.id = "another";
  test_kernel kernel(it), another(it, second);
  kernel.start();
  another.start();
  const auto& queue = it.api().queue;
  const rondo_envelope header{sizeof(kernels::nonce_request), RONDO_TYPE_REQUEST, 3, 0, 0, 1, 1};
  const auto refused = [&](test_kernel& by, rondo_claim slot, const char* which) {
    const host_call_guard guard;
    expect_status(queue.commit(by.input(), &slot, &header), RONDO_INVALID_STATE,
                  std::string("commit of a claim ") + which);
    expect_status(queue.abandon(by.input(), &slot), RONDO_INVALID_STATE,
                  std::string("abandon of a claim ") + which);
  };
  for (std::uint64_t i = 0; i < 20; ++i) {
    auto slot = claim(kernel, sizeof(kernels::nonce_request), RONDO_OK);
    const rondo_claim copy = slot;
    refused(another, slot, "of another queue");
    commit(kernel, slot, i);
    refused(kernel, slot, "that was committed");
    refused(kernel, copy, "of which a copy was committed");
    expect_proof(kernel, i);
    another.send(kernels::nonce_request{i, {}});
    expect_proof(another, i);
  }
  kernel.expect_silence(std::chrono::milliseconds(3), "nothing else was committed");
}

// In slots of sizes that are no multiples of 16, and more of them than one.
RONDO_CASE(queue, claim, payloads_are_aligned_in_every_slot, core, "QUEUE-22",
           RONDO_CAP_ZERO_COPY) {
  const auto is_aligned = [](const void* payload) {
    return payload != nullptr && reinterpret_cast<std::uintptr_t>(payload) % 16 == 0;
  };
  for (const std::uint32_t odd : {1u, 8u, 28u}) {
    kernel_spec spec;
    spec.input_payload = sizeof(kernels::nonce_request) + odd;
    spec.output_payload = sizeof(rondo_failure) + odd;
    test_kernel kernel(it, spec);
    kernel.start();
    for (std::uint64_t i = 0; i < 3; ++i) {
      auto slot = claim(kernel, sizeof(kernels::nonce_request), RONDO_OK);
      require(is_aligned(slot.payload), "a claim's payload is not aligned to 16 bytes");
      commit(kernel, slot, i);
      rondo_view view{};
      view.struct_size = sizeof view;
      rondo_status status = RONDO_EMPTY;
      eventually(
          [&] {
            const host_call_guard guard;
            return (status = it.api().queue.peek(kernel.output(), &view)) != RONDO_EMPTY;
          },
          it.patience());
      expect_status(status, RONDO_OK, "peek");
      require(is_aligned(view.payload), "a view's payload is not aligned to 16 bytes");
      const host_call_guard guard;
      expect_status(it.api().queue.release(kernel.output(), &view), RONDO_OK, "release");
    }
  }
}

RONDO_CASE(queue, claim, claims_count_towards_the_capacity, core, "QUEUE-08 QUEUE-13",
           RONDO_CAP_ZERO_COPY) {
  kernel_spec spec;
  spec.input_capacity = 4;
  test_kernel kernel(it, spec);
  kernel.launch();
  const std::uint64_t slots = kernel.info(kernel.input()).capacity;
  std::vector<rondo_claim> all;
  for (std::uint64_t i = 0; i < slots; ++i)
    all.push_back(claim(kernel, sizeof(kernels::nonce_request), RONDO_OK));
  (void)claim(kernel, 8, RONDO_FULL);
  expect_status(kernel.try_send(kernels::nonce_request{}), RONDO_FULL,
                "push to a queue whose slots are all claimed");
  for (std::uint64_t i = 0; i < slots; ++i) commit(kernel, all[i], i);
  kernel.activate();
  rule("QUEUE-13");
  for (std::uint64_t i = 0; i < slots; ++i) expect_proof(kernel, i);
}

RONDO_CASE(queue, claim, more_than_a_slot_is_refused, core, "QUEUE-11", RONDO_CAP_ZERO_COPY) {
  test_kernel kernel(it);
  kernel.launch();
  (void)claim(kernel, kernel.info(kernel.input()).payload_capacity + 1, RONDO_TOO_LARGE);
  kernel.terminate();
  rule("QUEUE-04");
  (void)claim(kernel, 8, RONDO_TERMINATED);
}

RONDO_CASE(queue, claim, a_look_changes_nothing, core, "QUEUE-14", RONDO_CAP_ZERO_COPY) {
  test_kernel kernel(it);
  kernel.start();
  for (std::uint64_t i = 0; i < 5; ++i) kernel.send(kernels::nonce_request{i, {}});
  const auto look = [&](rondo_view& view) {
    view = {};
    view.struct_size = sizeof view;
    const host_call_guard guard;
    return it.api().queue.peek(kernel.output(), &view);
  };
  for (std::uint64_t i = 0; i < 5; ++i) {
    rondo_view view;
    rondo_status status = RONDO_EMPTY;
    eventually([&] { return (status = look(view)) != RONDO_EMPTY; }, it.patience());
    for (int again = 0; again < 3; ++again) {
      expect_status(status, RONDO_OK, "peek");
      require(view.envelope != nullptr && view.payload != nullptr, "peek shows no message");
      expect_equal(view.envelope->correlation_id, i + 1, "the correlation of the message seen");
      kernels::nonce_reply reply;
      std::memcpy(&reply, view.payload, sizeof reply);
      expect_equal(reply.proof, kernels::secret(i, kernels::nonce_salt),
                   "the proof of the message seen");
      status = look(view);
    }
    const host_call_guard guard;
    expect_status(it.api().queue.release(kernel.output(), &view), RONDO_OK, "release");
  }
  rondo_view none;
  expect_status(look(none), RONDO_EMPTY, "peek after the last was released");
}

}  // namespace rondo::conformance
