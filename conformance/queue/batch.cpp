// Several messages with one call.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <rondo/host_services.hpp>

namespace rondo::conformance {

namespace {

struct batch {
  std::vector<kernels::nonce_request> requests;
  std::vector<rondo_envelope> headers;
  std::vector<const void*> payloads;

  batch(std::uint64_t first, std::uint64_t count) : requests(count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      requests[i].nonce = first + i;
      headers.push_back({sizeof(kernels::nonce_request), RONDO_TYPE_REQUEST, 3, 0, 0, first + i + 1,
                         first + i + 1});
    }
    for (auto& each : requests) payloads.push_back(&each);
  }
  rondo_status push(test_kernel& kernel, std::uint64_t& done) {
    const host_call_guard guard;
    return kernel.api().queue.push_batch(kernel.input(), headers.data(), payloads.data(),
                                         headers.size(), &done);
  }
};

void expect_replies(test_kernel& kernel, std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t i = first; i < first + count; ++i) {
    const received reply = kernel.receive();
    expect_equal(reply.header.correlation_id, i + 1,
                 "the correlation of a batched message's reply");
    expect_equal(reply.as<kernels::nonce_reply>().proof, kernels::secret(i, kernels::nonce_salt),
                 "the proof of a batched message");
  }
}

}  // namespace

RONDO_CASE(queue, batch, all_that_fit_are_pushed_in_order, core, "QUEUE-12 QUEUE-01",
           RONDO_CAP_BATCH) {
  test_kernel kernel(it);
  kernel.start();
  std::uint64_t at = 0;
  for (const std::uint64_t count : {1u, 2u, 7u, 32u, 64u}) {
    batch some(at, count);
    std::uint64_t done = ~std::uint64_t{0};
    // The slot of a request is freed soon after its reply.
    eventually([&] { return kernel.info(kernel.input()).depth == 0; }, it.patience());
    expect_status(some.push(kernel, done), RONDO_OK, "push_batch of " + std::to_string(count));
    expect_equal(done, count, "how many of " + std::to_string(count) + " push_batch took");
    expect_replies(kernel, at, count);
    at += count;
  }
}

RONDO_CASE(queue, batch, it_stops_where_the_queue_is_full, core, "QUEUE-12 QUEUE-03",
           RONDO_CAP_BATCH) {
  kernel_spec spec;
  spec.input_capacity = 16;
  test_kernel kernel(it, spec);
  kernel.launch();
  const std::uint64_t slots = kernel.info(kernel.input()).capacity;
  batch many(0, slots + 5);
  std::uint64_t done = 0;
  expect_status(many.push(kernel, done), RONDO_OK, "push_batch of more than fit");
  expect_equal(done, slots,
               "how many push_batch took into an empty queue of " + std::to_string(slots));
  batch none(slots, 3);
  expect_status(none.push(kernel, done), RONDO_FULL, "push_batch to a full queue");
  expect_equal(done, 0u, "how many push_batch took into a full queue");
  kernel.activate();
  expect_replies(kernel, 0, slots);
  rule("QUEUE-03");
  kernel.expect_silence(std::chrono::milliseconds(3), "the rest of the batch did not fit");
}

RONDO_CASE(queue, batch, it_stops_at_a_message_that_is_too_large, core, "QUEUE-12 QUEUE-03",
           RONDO_CAP_BATCH) {
  test_kernel kernel(it);
  kernel.start();
  const std::vector<std::byte> large(std::size_t{kernel.info(kernel.input()).payload_capacity} + 1);
  batch some(0, 4);
  some.headers[2].length = static_cast<std::uint32_t>(large.size());
  some.payloads[2] = large.data();
  std::uint64_t done = 0;
  expect_status(some.push(kernel, done), RONDO_OK, "push_batch with a third message too large");
  expect_equal(done, 2u, "how many went before the one that is too large");
  expect_replies(kernel, 0, 2);
  kernel.expect_silence(std::chrono::milliseconds(3), "nothing behind a message that is too large");
}

RONDO_CASE(queue, batch, replies_are_popped_together, core, "QUEUE-12 QUEUE-01", RONDO_CAP_BATCH) {
  test_kernel kernel(it);
  kernel.start();
  for (std::uint64_t i = 0; i < 20; ++i) kernel.send(kernels::nonce_request{i, {}});
  std::vector<rondo_envelope> headers(8);
  std::vector<kernels::nonce_reply> replies(8);
  std::vector<void*> rooms;
  for (auto& each : replies) rooms.push_back(&each);
  std::uint64_t got = 0;
  eventually(
      [&] {
        std::uint64_t done = 0;
        const host_call_guard guard;
        const auto status = it.api().queue.pop_batch(kernel.output(), headers.data(), rooms.data(),
                                                     sizeof(kernels::nonce_reply), 8, &done);
        expect_status(status, done > 0 ? RONDO_OK : RONDO_EMPTY,
                      "pop_batch that got " + std::to_string(done));
        require(done <= 8, "pop_batch got more than it was asked for");
        for (std::uint64_t i = 0; i < done; ++i, ++got)
          expect_equal(replies[i].proof, kernels::secret(got, kernels::nonce_salt),
                       "the proof of a reply from pop_batch");
        return got >= 20;
      },
      it.patience());
  expect_equal(got, 20u, "the replies that pop_batch got");
}

}  // namespace rondo::conformance
