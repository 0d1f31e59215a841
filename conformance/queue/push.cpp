// Sending: order, room, sizes.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

namespace rondo::conformance {

RONDO_CASE(queue, push, messages_of_one_thread_stay_in_order, core, "QUEUE-01", "") {
  kernel_spec spec;
  spec.input_capacity = 8;
  spec.output_capacity = 8;
  test_kernel kernel(it, spec);
  kernel.start();
  std::uint64_t sent = 0, got = 0;
  const std::uint64_t last = 500;
  received reply;
  const auto end = now_ns() + 4 * it.patience_ns();
  while (got < last) {
    require(now_ns() < end,
            "after " + std::to_string(got) + " of 500 replies nothing came any more");
    if (sent < last && kernel.try_send(kernels::nonce_request{sent, {}}, sent + 1) == RONDO_OK)
      ++sent;
    if (kernel.try_receive(reply) != RONDO_OK) continue;
    const auto one = reply.as<kernels::nonce_reply>();
    expect_equal(reply.header.correlation_id, got + 1, "the correlation of the next reply");
    expect_equal(one.proof, kernels::secret(got, kernels::nonce_salt),
                 "the proof of the next reply");
    ++got;
  }
}

RONDO_CASE(queue, push, a_full_queue_says_so_and_takes_nothing, core, "QUEUE-08 QUEUE-03", "") {
  for (const std::uint64_t capacity : {1u, 2u, 16u, 256u}) {
    kernel_spec spec;
    spec.input_capacity = capacity;
    spec.output_capacity = 256;
    test_kernel kernel(it, spec);
    kernel.launch();
    rule("QUEUE-08");
    const std::uint64_t slots = kernel.info(kernel.input()).capacity;
    for (std::uint64_t i = 0; i < slots; ++i)
      expect_status(kernel.try_send(kernels::nonce_request{i, {}}), RONDO_OK,
                    "push " + std::to_string(i + 1) + " to a queue of " + std::to_string(slots));
    for (int i = 0; i < 3; ++i)
      expect_status(kernel.try_send(kernels::nonce_request{~std::uint64_t{0}, {}}), RONDO_FULL,
                    "push to a full queue of " + std::to_string(slots));
    rule("QUEUE-03");
    kernel.activate();
    for (std::uint64_t i = 0; i < slots; ++i)
      expect_equal(kernel.receive().as<kernels::nonce_reply>().proof,
                   kernels::secret(i, kernels::nonce_salt),
                   "the proof of message " + std::to_string(i) + " of a queue that was full");
    kernel.expect_silence(std::chrono::milliseconds(3), "a push that was FULL has no effect");
    expect_equal(kernel.counters_at(slots).messages_in, slots, "messages_in");
  }
}

// Full, drained, full again.
RONDO_CASE(queue, push, a_queue_can_be_filled_again_and_again, core, "QUEUE-08 QUEUE-02", "") {
  kernel_spec spec;
  spec.input_capacity = spec.output_capacity = 16;
  test_kernel kernel(it, spec);
  kernel.launch();
  for (int round = 0; round < 10; ++round) {
    rule("QUEUE-08");
    const std::uint64_t slots = kernel.info(kernel.input()).capacity;
    std::uint64_t sent = 0;
    while (sent <= slots && kernel.try_send(kernels::nonce_request{sent, {}}) == RONDO_OK) ++sent;
    expect_equal(sent, slots,
                 "the messages that an empty queue took in round " + std::to_string(round + 1));
    rule("QUEUE-02");
    kernel.activate();
    for (std::uint64_t i = 0; i < sent; ++i) (void)kernel.receive().as<kernels::nonce_reply>();
    kernel.deactivate();
  }
}

RONDO_CASE(queue, push, the_largest_message_arrives_whole, core, "QUEUE-11 MSG-02", "") {
  kernel_spec spec;
  spec.handler = "ConformanceLarge";
  spec.input_capacity = spec.output_capacity = 16;
  test_kernel kernel(it, spec);
  kernel.start();
  auto request = std::make_unique<kernels::large_request>();
  for (int round = 0; round < 20; ++round) {
    for (auto& word : request->word) word = it.number();
    kernel.send(*request);
    const received reply = kernel.receive();
    expect_equal(reply.header.length, RONDO_MAX_PAYLOAD, "the length of a reply of 64 KiB");
    const auto* words = reinterpret_cast<const std::uint64_t*>(reply.payload.data());
    for (std::uint32_t i = 0; i < kernels::large_words; ++i)
      if (words[i] !=
          kernels::secret(request->word[kernels::large_words - 1 - i], kernels::large_salt + i))
        fail("word " + std::to_string(i) + " of a reply of 64 KiB is wrong");
  }
}

RONDO_CASE(queue, push, one_byte_more_than_fits_is_refused, core, "QUEUE-11 QUEUE-03", "") {
  test_kernel kernel(it);
  kernel.launch();
  rule("QUEUE-11");
  const std::uint32_t room = kernel.info(kernel.input()).payload_capacity;
  const std::vector<std::byte> bytes(std::size_t{room} + 1);
  expect_status(
      kernel.try_push(bytes, 3), RONDO_TOO_LARGE,
      "push of " + std::to_string(room + 1) + " bytes into slots of " + std::to_string(room));
  rule("QUEUE-03");
  expect_equal(kernel.info(kernel.input()).depth, 0u, "the depth after a push that was refused");
}

RONDO_CASE(queue, push, every_length_up_to_the_largest_is_carried, core, "MSG-02 QUEUE-11", "") {
  // The handler says MALFORMED to all but one; that each is answered shows that it arrived.
  test_kernel kernel(it);
  kernel.start();
  const std::vector<std::byte> bytes(sizeof(kernels::nonce_request));
  for (std::uint32_t length = 0; length < bytes.size(); ++length) {
    expect_status(kernel.try_push(std::span(bytes).first(length), 3), RONDO_OK,
                  "push of " + std::to_string(length) + " bytes");
    const auto why = kernel.receive().failure();
    expect_status(why.code, RONDO_MALFORMED,
                  "a request of " + std::to_string(length) + " bytes where " +
                      std::to_string(bytes.size()) + " are due");
  }
  kernel.send(kernels::nonce_request{5, {}});
  expect_equal(kernel.receive().as<kernels::nonce_reply>().count, 1u,
               "the count of the first request that was not malformed");
}

// Nothing here waits: neither for room nor for messages nor for a handler.
RONDO_CASE(queue, push, no_call_blocks, core, "QUEUE-07", "") {
  constexpr std::uint64_t at_once = 200'000'000;
  // The best of three: the machine may be busy with other things, a call that waits does so always.
  const auto timed = [&](std::string_view what, const auto& call) {
    std::uint64_t took = at_once;
    for (int tries = 0; tries < 3 && took >= at_once; ++tries) {
      const auto begin = now_ns();
      call();
      took = now_ns() - begin;
    }
    require(took < at_once, std::string(what) + " took " + std::to_string(took / 1'000'000) +
                                " ms; queue calls never block");
  };
  kernel_spec spec;
  spec.input_capacity = 2;
  test_kernel kernel(it, spec);
  kernel.launch();
  received reply;
  timed("pop of an empty queue", [&] { (void)kernel.try_receive(reply); });
  for (int i = 0; i < 4; ++i)
    timed("push", [&] { (void)kernel.try_send(kernels::nonce_request{}); });
  timed("info", [&] { (void)kernel.info(kernel.input()); });
  count_check();
}

}  // namespace rondo::conformance
