// Queues that were asked for more than first in, first out: what overtakes, what is given up, what
// comes too late, and what finds the output full. Nothing here is a race: the kernel is not active
// while it is sent messages, and deadlines are long ago or far away.
#include "../model/kernel_model.hpp"
#include "../support/suite.hpp"

namespace rondo::conformance {

namespace {

kernel_spec with_slots(std::uint64_t input, std::uint64_t output = 64) {
  kernel_spec spec;
  spec.input_capacity = input;
  spec.output_capacity = output;
  return spec;
}

// It may have more than it was asked for.
std::uint64_t slots_of(test_kernel& kernel, rondo_queue* queue) {
  return kernel.info(queue).capacity;
}

model::outgoing message(std::uint64_t nonce, std::uint32_t flags = 0, std::uint64_t awaited = 0) {
  kernels::nonce_request request;
  request.nonce = nonce;
  model::outgoing out;
  out.payload = encoded(request);
  out.header = {static_cast<std::uint32_t>(out.payload.size()),
                RONDO_TYPE_REQUEST,
                rondo::detail::message_of<kernels::nonce_request>.version,
                flags,
                0,
                nonce,
                nonce | awaited};
  return out;
}

void expect_handled(test_kernel& kernel, std::uint64_t nonce, const place& at = place::current()) {
  const auto reply = kernel.receive(at).as<kernels::nonce_reply>(at);
  expect_equal(reply.proof, kernels::secret(nonce, kernels::nonce_salt),
               "the proof in the reply to request " + std::to_string(nonce), at);
}

void expect_told(test_kernel& kernel, std::uint64_t correlation, rondo_status why,
                 const place& at = place::current()) {
  const auto reply = kernel.receive(at);
  expect_equal(reply.header.correlation_id, correlation, "whom a failure is told", at);
  expect_status(reply.failure(at).code, why, "a request that was not handled", at);
}

}  // namespace

RONDO_CASE(queue, rules, urgent_requests_have_room_of_their_own_and_are_taken_first, core,
           "QUEUE-17 QUEUE-08", RONDO_CAP_URGENT) {
  auto spec = with_slots(4);
  spec.lanes = 2;
  if (!model::offers(it, model::trait::urgent)) throw case_unsupported(RONDO_CAP_URGENT);
  test_kernel kernel(it, spec);
  kernel.launch();
  const auto calls = model::way_of_calls(it, kernel);
  const std::uint64_t slots = slots_of(kernel, kernel.input()), urgent = slots + 1;
  rule("QUEUE-08");
  for (std::uint64_t i = 1; i <= slots; ++i)
    expect_status(calls->push(message(i)), RONDO_OK, "push");
  expect_status(calls->push(message(0)), RONDO_FULL, "push to a lane that is full");
  rule("QUEUE-17");
  for (std::uint64_t i = urgent; i < urgent + slots; ++i)
    expect_status(calls->push(message(i, RONDO_FLAG_URGENT)), RONDO_OK,
                  "push of an urgent request when the other lane is full");
  kernel.activate();
  for (std::uint64_t i = urgent; i < urgent + slots; ++i) expect_handled(kernel, i);
  for (std::uint64_t i = 1; i <= slots; ++i) expect_handled(kernel, i);
}

RONDO_CASE(queue, rules, the_oldest_are_given_up_and_no_more_than_need_be, core,
           "QUEUE-18 QUEUE-20 TEL-09 TEL-21 QUEUE-02", RONDO_CAP_DROP_OLDEST) {
  auto spec = with_slots(4);
  spec.input_flags = RONDO_QUEUE_DROP_OLDEST;
  test_kernel kernel(it, spec);
  kernel.launch();
  const auto calls = model::way_of_calls(it, kernel);
  const std::uint64_t slots = slots_of(kernel, kernel.input());
  rule("QUEUE-18");
  for (std::uint64_t i = 1; i <= slots + 2; ++i) {
    rondo_status got = RONDO_FULL;
    eventually([&] { return (got = calls->push(message(i))) != RONDO_FULL; }, it.patience());
    expect_status(got, RONDO_OK, "push to a queue that gives up its oldest");
  }
  rule("QUEUE-20");
  expect_told(kernel, 1, RONDO_DROPPED);
  expect_told(kernel, 2, RONDO_DROPPED);
  rule("TEL-09");
  kernel.counters_when([](const rondo_kernel_counters& now) {
    expect_equal(now.dropped_oldest, 2u, "dropped_oldest");
  });
  rule("QUEUE-18");
  kernel.activate();
  for (std::uint64_t i = 3; i <= slots + 2; ++i) expect_handled(kernel, i);
  rule("TEL-09");
  kernel.counters_when([&](const rondo_kernel_counters& now) {
    expect_equal(now.dropped_oldest, 2u, "dropped_oldest");
    expect_equal(now.messages_in, slots, "messages_in, which those given up are not in,");
  });
  rule("TEL-21");
  kernel.counters_when([](const rondo_kernel_counters& now) {
    expect_equal(now.messages_dropped, 2u, "messages_dropped, which those given up are in,");
  });
}

// The calls take no deadline along, so the ring itself is written.
RONDO_CASE(queue, rules, what_comes_after_its_deadline_is_not_handled, core,
           "QUEUE-19 QUEUE-20 TEL-09 TEL-21", RONDO_CAP_TIMED " " RONDO_CAP_MAPPED) {
  auto spec = with_slots(4);
  spec.input_flags = RONDO_QUEUE_TIMED;
  test_kernel kernel(it, spec);
  kernel.start();
  const auto ring = model::way_of_the_ring(it, kernel);
  require(ring != nullptr, "a timed queue is not mapped, though mapped queues are advertised");
  constexpr std::uint64_t an_hour = 3600 * ns_per_second;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    auto one = message(i);
    one.deadline_ns = i == 1 ? 0 : i == 2 ? 1 : now_ns() + an_hour;
    expect_status(ring->push(one), RONDO_OK, "push into the ring");
    received reply;
    eventually([&] { return ring->pop(reply) == RONDO_OK; }, it.patience());
    rule("QUEUE-20");
    expect_equal(reply.header.correlation_id, i, "who is answered");
    rule("QUEUE-19");
    if (i == 2) expect_status(reply.failure().code, RONDO_EXPIRED, "a request that came too late");
    else (void)reply.as<kernels::nonce_reply>();
  }
  rule("TEL-09");
  kernel.counters_when([](const rondo_kernel_counters& now) {
    expect_equal(now.expired, 1u, "expired");
    expect_equal(now.messages_in, 2u, "messages_in, which those that expired are not in,");
  });
  rule("TEL-21");
  kernel.counters_when([](const rondo_kernel_counters& now) {
    expect_equal(now.messages_dropped, 1u, "messages_dropped, which those that expired are in,");
  });
}

namespace {

// Three requests more than there is room for replies.
void fill_the_output(bench& it, std::uint32_t policy, std::uint64_t awaited) {
  const bool rejects = policy == RONDO_QUEUE_REJECT;
  auto spec = with_slots(64, 2);
  spec.output_flags = policy;
  test_kernel kernel(it, spec);
  kernel.launch();
  const auto calls = model::way_of_calls(it, kernel);
  const std::uint64_t room = slots_of(kernel, kernel.output()), all = room + 3;
  for (std::uint64_t i = 1; i <= all; ++i)
    expect_status(calls->push(message(i, 0, awaited)), RONDO_OK, "push");
  kernel.activate();
  rule("QUEUE-21");
  kernel.counters_when([&](const rondo_kernel_counters& now) {
    expect_equal(now.messages_in, all, "messages_in of a kernel that waits for nobody");
    expect_equal(now.messages_failed, rejects ? 3u : 0u, "messages_failed");
  });
  rule("TEL-09");
  kernel.counters_when([](const rondo_kernel_counters& now) {
    expect_equal(now.replies_dropped, 3u, "replies_dropped");
  });
  rule("QUEUE-21");
  for (std::uint64_t i = 1; i <= room; ++i) expect_handled(kernel, i);
  rule("QUEUE-20");
  if (awaited != 0)
    for (std::uint64_t i = room + 1; i <= all; ++i)
      expect_told(kernel, i | awaited, rejects ? RONDO_FULL : RONDO_DROPPED);
  expect_status(calls->push(message(all + 1, 0, awaited)), RONDO_OK, "push");
  expect_handled(kernel, all + 1);
}

}  // namespace

RONDO_CASE(queue, rules, a_full_output_is_not_waited_for, core, "QUEUE-21 TEL-09",
           RONDO_CAP_OUTPUT_FULL) {
  fill_the_output(it, RONDO_QUEUE_REJECT, 0);
  fill_the_output(it, RONDO_QUEUE_DROP_NEWEST, 0);
}

namespace {

// All are answered once and in order, be it by a reply or by why there is none.
void answer_many(bench& it, std::uint32_t policy) {
  constexpr std::uint64_t all = 5000;
  auto spec = with_slots(8192, 16);
  spec.output_flags = policy;
  test_kernel kernel(it, spec);
  kernel.launch();
  const auto calls = model::way_of_calls(it, kernel);
  for (std::uint64_t i = 1; i <= all; ++i)
    expect_status(calls->push(message(i, 0, RONDO_CORRELATION_AWAITED)), RONDO_OK, "push");
  kernel.activate();
  // Nobody reads until the kernel has handled more than there is room for.
  kernel.counters_when([](const rondo_kernel_counters& now) {
    require(now.messages_in > 1000, "a kernel that does not wait for its output goes on");
  });
  const rondo_status lost = policy == RONDO_QUEUE_REJECT ? RONDO_FULL : RONDO_DROPPED;
  std::uint64_t told = 0;
  for (std::uint64_t i = 1; i <= all; ++i) {
    const auto reply = kernel.receive();
    expect_equal(reply.header.correlation_id, i | RONDO_CORRELATION_AWAITED, "who is answered");
    if ((reply.header.flags & RONDO_FLAG_FAILED) == 0) continue;
    expect_status(reply.failure().code, lost, "why there is no reply");
    ++told;
  }
  require(told > 900, "hardly anybody was told that there was no room");
}

}  // namespace

RONDO_CASE(queue, rules, everybody_who_waits_is_told_however_many_they_are, core, "QUEUE-20",
           RONDO_CAP_OUTPUT_FULL) {
  answer_many(it, RONDO_QUEUE_REJECT);
  answer_many(it, RONDO_QUEUE_DROP_NEWEST);
}

RONDO_CASE(queue, rules, who_waits_is_told_as_soon_as_the_output_has_room, core,
           "QUEUE-20 QUEUE-21", RONDO_CAP_OUTPUT_FULL) {
  fill_the_output(it, RONDO_QUEUE_REJECT, RONDO_CORRELATION_AWAITED);
  fill_the_output(it, RONDO_QUEUE_DROP_NEWEST, RONDO_CORRELATION_AWAITED);
}

}  // namespace rondo::conformance
