// What kernels that share the threads of a pool do to each other: nothing but take time.
#include "../support/busy.hpp"
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <rondo/host_services.hpp>

#include <memory>
#include <thread>

namespace rondo::conformance {

namespace {

using kernels::nonce_reply;
using kernels::nonce_request;

kernel_spec in_pool(std::string id, std::string_view handler = "ConformanceNonce") {
  kernel_spec spec;
  spec.threads = RONDO_THREADS_POOL;
  spec.id = std::move(id);
  spec.handler = handler;
  return spec;
}

void expect_answer(test_kernel& kernel, std::uint64_t count, const place& at = place::current()) {
  const std::uint64_t nonce = kernel.owner().number();
  const auto reply = kernel.call<nonce_reply>(nonce_request{nonce, {}}, at);
  require(reply.proof == kernels::secret(nonce, kernels::nonce_salt),
          "the reply of a kernel in a pool is not what its handler computes", at);
  expect_equal(reply.count, count, "how many requests the handler has seen; it", at);
}

}  // namespace

RONDO_CASE(pool, share, more_kernels_than_threads_are_all_answered, concurrent, "POOL-02 EXEC-03",
           RONDO_CAP_POOL) {
  constexpr std::uint64_t kernels_in_all = 60, each = 3;
  std::vector<std::unique_ptr<test_kernel>> all;
  for (std::uint64_t k = 0; k < kernels_in_all; ++k) {
    auto spec = in_pool("shares-" + std::to_string(k));
    if (k % 20 == 19) spec.threads = RONDO_THREADS_DEDICATED;  // some beside them
    spec.input_capacity = spec.output_capacity = 4;
    spec.kernel_tag = 1000 + k;
    all.push_back(std::make_unique<test_kernel>(it, spec));
    all.back()->start();
  }
  // All of them have work before the first reply is taken.
  for (std::uint64_t n = 0; n < each; ++n)
    for (std::uint64_t k = 0; k < kernels_in_all; ++k)
      all[k]->send(nonce_request{k * each + n, {}});
  for (std::uint64_t k = kernels_in_all; k-- > 0;) {
    std::uint64_t chain = kernels::chain_start;
    for (std::uint64_t n = 0; n < each; ++n) {
      rule("POOL-02");
      const auto reply = all[k]->receive().as<nonce_reply>();
      chain = kernels::secret(chain ^ (k * each + n), kernels::chain_salt);
      require(reply.proof == kernels::secret(k * each + n, kernels::nonce_salt),
              "the reply of a kernel in a pool is not what its handler computes");
      rule("EXEC-03");
      expect_equal(reply.kernel_tag, 1000 + k, "the kernel_tag of the kernel that answered");
      require(reply.chain == chain, "kernels that share threads share their state");
    }
  }
}

RONDO_CASE(pool, share, a_flood_leaves_the_others_their_turn, concurrent, "POOL-02",
           RONDO_CAP_POOL) {
  std::vector<std::unique_ptr<test_kernel>> floods;
  for (int i = 0; i < 3; ++i) {
    auto spec = in_pool("flood-" + std::to_string(i), "ConformanceSlow");
    spec.input_capacity = 256;
    spec.output_capacity = 1024;
    floods.push_back(std::make_unique<test_kernel>(it, spec));
    floods.back()->start();
  }
  test_kernel other(it, in_pool("beside-a-flood"));
  other.start();
  std::uint64_t proven = 0;
  for (std::uint64_t round = 1; round <= 6; ++round) {
    for (auto& flood : floods) {
      received reply;
      for (; flood->try_receive(reply) == RONDO_OK; ++proven)
        require(reply.as<kernels::slow_reply>().proof == kernels::secret(5, kernels::nonce_salt),
                "a reply of the flood is not what its handler computes");
      while (flood->try_send(kernels::slow_request{5, 10}) == RONDO_OK) count_check();
    }
    expect_answer(other, round);
  }
  require(eventually([&] { return floods.front()->counters().messages_in > 0; }, it.patience()),
          "the flood itself was never served");
}

RONDO_CASE(pool, share, a_handler_that_hangs_costs_the_others_nothing_but_time, concurrent,
           "POOL-03 LIFE-08", RONDO_CAP_POOL " " RONDO_CAP_HANG_DETECTION) {
  // More of them than many a pool has threads.
  std::vector<std::unique_ptr<test_kernel>> hung;
  for (int i = 0; i < 3; ++i) {
    auto spec = in_pool("hangs-" + std::to_string(i), "ConformanceHang");
    spec.handler_deadline_ns = 40'000'000;
    hung.push_back(std::make_unique<test_kernel>(it, spec));
    hung.back()->start();
  }
  test_kernel other(it, in_pool("beside-hung-ones"));
  other.start();
  expect_answer(other, 1);
  for (auto& each : hung) each->send(kernels::slow_request{1, 2'000'000});
  for (std::uint64_t i = 2; i <= 30; ++i) expect_answer(other, i);
  rule("LIFE-08");
  for (auto& each : hung)
    require(eventually([&] { return each->state() == RONDO_STATE_FAILED; }, it.patience()),
            "a handler in a pool ran past its deadline, and the kernel is not FAILED");
  rule("POOL-03");
  for (std::uint64_t i = 31; i <= 40; ++i) expect_answer(other, i);
  test_kernel next(it, in_pool("launched-beside-hung-ones"));
  next.start();
  expect_answer(next, 1);
  other.deactivate().activate();
  expect_answer(other, 41);
  expect_equal(other.terminate().state, RONDO_STATE_TERMINATED,
               "the state of a kernel that is terminated beside hung ones");
}

// As many as would take every thread that a pool may have, and none of them goes on before the host
// takes replies.
RONDO_CASE(pool, share, handlers_that_wait_for_room_hold_nobody_up, concurrent, "POOL-02 EXEC-05",
           RONDO_CAP_POOL " " RONDO_CAP_EMITS) {
  constexpr std::uint32_t emitted = 12;
  std::vector<std::unique_ptr<test_kernel>> waiting;
  for (int i = 0; i < 6; ++i) {
    auto spec = in_pool("waits-" + std::to_string(i), "ConformanceEmit");
    spec.output_capacity = 2;
    waiting.push_back(std::make_unique<test_kernel>(it, spec));
    waiting.back()->start();
    waiting.back()->send(kernels::emit_request{7, emitted, 0});
  }
  for (auto& each : waiting)
    require(eventually([&] { return each->info(each->output()).depth == 2; }, it.patience()),
            "a handler in a pool has replies, and they do not come");
  test_kernel other(it, in_pool("beside-waiting-ones"));
  other.start();
  for (std::uint64_t i = 1; i <= 20; ++i) expect_answer(other, i);
  rule("EXEC-05");
  for (auto& each : waiting)
    for (std::uint32_t i = 0; i < emitted; ++i)
      expect_equal(each->receive().as<kernels::emit_reply>().proof,
                   kernels::secret(7, kernels::emit_salt + i),
                   "the proof of a reply that waited for room");
}

RONDO_CASE(pool, share, a_hung_kernel_is_terminated_and_the_others_go_on, concurrent,
           "POOL-03 LIFE-05", RONDO_CAP_POOL " " RONDO_CAP_EMITS) {
  kernel_spec hangs = busy_spec();
  hangs.id = "hangs";
  hangs.threads = RONDO_THREADS_POOL;
  test_kernel hung(it, hangs);
  test_kernel other(it, in_pool("beside-a-hung-one"));
  hung.start();
  other.start();
  busy_handler handler(hung, 3'000'000);
  rondo_terminate_report report{};
  rule("LIFE-05");
  expect_status(hung.try_terminate(RONDO_TERMINATE_DISCARD, 100'000'000, report),
                RONDO_HANDLER_HUNG, "terminate of a kernel in a pool whose handler hangs");
  hung.expect_state(RONDO_STATE_FAILED, "after terminate said HANDLER_HUNG");
  rule("POOL-03");
  for (std::uint64_t i = 1; i <= 20; ++i) expect_answer(other, i);
}

RONDO_CASE(pool, share, an_idle_kernel_is_looked_at_by_nobody, core, "POOL-04 TEL-01",
           RONDO_CAP_POOL) {
  test_kernel idle(it, in_pool("idle"));
  test_kernel used(it, in_pool("used"));
  idle.start();
  used.start();
  expect_answer(idle, 1);
  (void)idle.counters_at(1);
  // It comes to rest soon after its reply.
  std::uint64_t answers = 0;
  rondo_kernel_counters before{}, after{};
  const auto is_left_alone = [&] {
    before = idle.counters();
    for (int i = 0; i < 50; ++i) expect_answer(used, ++answers);
    after = idle.counters();
    return after.polls == before.polls;
  };
  bool rests = false;
  for (int tries = 0; tries < 10 && !rests; ++tries) rests = is_left_alone();
  if (!rests)
    fail("an idle kernel in a pool is looked at again and again: its polls grew by " +
         std::to_string(after.polls - before.polls) + " while another answered 50 requests");
  count_check();
  rule("TEL-01");
  idle.counters_when([](const rondo_kernel_counters& now) {
    expect_equal(now.messages_in, 1u, "messages_in of a kernel that handled one request and rests");
    expect_equal(now.messages_out, 1u, "messages_out of a kernel that gave one reply and rests");
  });
  expect_answer(idle, 2);
}

}  // namespace rondo::conformance
