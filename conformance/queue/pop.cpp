// Taking replies.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <rondo/host_services.hpp>

namespace rondo::conformance {

RONDO_CASE(queue, pop, an_empty_queue_says_so_and_touches_nothing, core, "QUEUE-02", "") {
  test_kernel kernel(it);
  const auto expect_empty = [&](std::string_view when) {
    rondo_envelope header;
    unsigned char payload[256];
    std::memset(&header, 0xc5, sizeof header);
    std::memset(payload, 0xc5, sizeof payload);
    expect_status(it.api().queue.pop(kernel.output(), &header, payload, sizeof payload),
                  RONDO_EMPTY, "pop of an empty queue, " + std::string(when) + ",");
    for (const unsigned char byte : payload)
      require(byte == 0xc5, "pop of an empty queue has written a payload");
  };
  expect_empty("of a created kernel");
  kernel.launch();
  expect_empty("of a launched kernel");
  kernel.activate();
  expect_empty("of an active kernel");
  (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
  expect_empty("of a kernel whose reply was taken");
  kernel.deactivate();
  expect_empty("of an inactive kernel");
}

RONDO_CASE(queue, pop, what_does_not_fit_stays, core, "QUEUE-05", "") {
  test_kernel kernel(it);
  kernel.start();
  kernel.send(kernels::nonce_request{41, {}}, 99);
  rondo_envelope header{};
  unsigned char payload[sizeof(kernels::nonce_reply) + 16];
  const auto pop = [&](std::uint32_t room) {
    const host_call_guard guard;
    header = {};
    std::memset(payload, 0xc5, sizeof payload);
    return it.api().queue.pop(kernel.output(), &header, payload, room);
  };
  rondo_status status = RONDO_EMPTY;
  eventually([&] { return (status = pop(8)) != RONDO_EMPTY; }, it.patience());
  for (int i = 0; i < 3; ++i) {
    expect_status(status, RONDO_TOO_LARGE, "pop with room for 8 bytes");
    expect_equal(header.length, sizeof(kernels::nonce_reply),
                 "the length that a pop with too little room tells");
    expect_equal(header.correlation_id, 99u,
                 "the correlation that a pop with too little room tells");
    for (std::size_t b = 8; b < sizeof payload; ++b)
      require(payload[b] == 0xc5, "pop wrote behind the room that it was given");
    status = pop(sizeof(kernels::nonce_reply) - 1);
  }
  expect_status(pop(sizeof(kernels::nonce_reply)), RONDO_OK, "pop with room enough");
  kernels::nonce_reply reply;
  std::memcpy(&reply, payload, sizeof reply);
  expect_equal(reply.proof, kernels::secret(41, kernels::nonce_salt),
               "the proof of a reply that was refused before");
  for (std::size_t b = sizeof reply; b < sizeof payload; ++b)
    require(payload[b] == 0xc5, "pop wrote behind the message");
}

RONDO_CASE(queue, pop, a_full_output_holds_the_kernel_and_loses_nothing, core, "QUEUE-02 QUEUE-01",
           "") {
  kernel_spec spec;
  spec.input_capacity = 64;
  spec.output_capacity = 2;
  test_kernel kernel(it, spec);
  kernel.start();
  for (std::uint64_t i = 0; i < 40; ++i) kernel.send(kernels::nonce_request{i, {}});
  eventually([&] { return kernel.info(kernel.output()).depth >= 2; }, it.patience());
  for (std::uint64_t i = 0; i < 40; ++i)
    expect_equal(kernel.receive().as<kernels::nonce_reply>().proof,
                 kernels::secret(i, kernels::nonce_salt),
                 "the proof of reply " + std::to_string(i) + " behind a full output");
  kernel.expect_silence(std::chrono::milliseconds(3), "all were taken");
}

// What was never sent must never arrive, whatever lies in fresh memory.
RONDO_CASE(queue, pop, fresh_memory_is_no_message, core, "QUEUE-02 TEL-01", "") {
  for (int round = 0; round < 5; ++round) {
    kernel_spec spec;
    spec.input_capacity = spec.output_capacity = 256;
    test_kernel kernel(it, spec);
    kernel.start();
    for (int i = 0; i < 300; ++i) (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
    kernel.expect_silence(std::chrono::milliseconds(2), "nothing was sent");
    expect_equal(kernel.counters_at(300).messages_in, 300u, "messages_in");
    expect_equal(kernel.counters().messages_dropped, 0u, "messages_dropped");
  }
}

}  // namespace rondo::conformance
