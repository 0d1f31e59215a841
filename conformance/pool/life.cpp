// The life of a kernel that shares threads is that of one with a thread of its own. Its states are
// looked at in kernel/change.cpp.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

namespace rondo::conformance {

namespace {

using kernels::nonce_reply;
using kernels::nonce_request;

kernel_spec in_pool() {
  kernel_spec spec;
  spec.threads = RONDO_THREADS_POOL;
  return spec;
}

// Of requests whose nonces count from 0 on.
class chain {
 public:
  void expect_next(test_kernel& kernel, const place& at = place::current()) {
    value_ = kernels::secret(value_ ^ count_, kernels::chain_salt);
    const auto reply = kernel.receive(at).as<nonce_reply>(at);
    expect_equal(reply.count, ++count_, "how many requests the handler has seen; it", at);
    require(reply.chain == value_, "requests were not handled once each and in order", at);
  }
  void send(test_kernel& kernel) { kernel.send(nonce_request{sent_++, {}}); }

 private:
  std::uint64_t value_ = kernels::chain_start, count_ = 0, sent_ = 0;
};

}  // namespace

RONDO_CASE(pool, life, messages_wait_in_order_while_it_is_not_active, core, "POOL-01 LIFE-03",
           RONDO_CAP_POOL) {
  test_kernel kernel(it, in_pool());
  auto spec = in_pool();
  spec.id = "served-meanwhile";
  test_kernel other(it, spec);
  chain of, of_other;
  // The pool takes each in its turn: what was sent before would have been handled by then.
  const auto let_the_pool_work = [&] {
    for (int i = 0; i < 4; ++i) {
      of_other.send(other);
      of_other.expect_next(other);
    }
  };
  other.start();
  kernel.launch();
  for (int i = 0; i < 10; ++i) of.send(kernel);
  let_the_pool_work();
  kernel.expect_silence(std::chrono::milliseconds(10), "a kernel in a pool was not yet activated");
  kernel.activate();
  for (int i = 0; i < 10; ++i) of.expect_next(kernel);
  kernel.deactivate();
  for (int i = 0; i < 10; ++i) of.send(kernel);
  let_the_pool_work();
  kernel.expect_silence(std::chrono::milliseconds(10), "a kernel in a pool was deactivated");
  expect_equal(kernel.info(kernel.input()).depth, 10u, "the depth of an input that waits");
  kernel.activate();
  for (int i = 0; i < 10; ++i) of.expect_next(kernel);
}

RONDO_CASE(pool, life, terminate_drains_or_discards_and_says_so, core, "POOL-01 QUEUE-02 QUEUE-04",
           RONDO_CAP_POOL) {
  for (const std::uint32_t mode : {RONDO_TERMINATE_DRAIN, RONDO_TERMINATE_DISCARD}) {
    test_kernel kernel(it, in_pool());
    chain of;
    kernel.launch();
    for (int i = 0; i < 20; ++i) of.send(kernel);
    const auto report = kernel.terminate(mode);
    const std::uint64_t drained = mode == RONDO_TERMINATE_DRAIN ? 20 : 0;
    rule("POOL-01");
    expect_equal(report.handled, drained, "what terminate says it handled of 20 requests");
    rule("QUEUE-02");
    expect_equal(report.discarded, 20 - drained, "what terminate says it discarded of 20 requests");
    for (std::uint64_t i = 0; i < drained; ++i) of.expect_next(kernel);
    rule("QUEUE-04");
    expect_status(kernel.try_send(nonce_request{}), RONDO_TERMINATED,
                  "push to a kernel in a pool that is terminated");
  }
}

RONDO_CASE(pool, life, a_relaunched_kernel_goes_on_where_it_was, core, "POOL-01 EXEC-03",
           RONDO_CAP_POOL " " RONDO_CAP_RELAUNCH) {
  test_kernel kernel(it, in_pool());
  chain of;
  for (int life = 0; life < 4; ++life) {
    kernel.start();
    for (int i = 0; i < 3; ++i) of.send(kernel);
    for (int i = 0; i < 3; ++i) of.expect_next(kernel);
    kernel.terminate();
  }
}

RONDO_CASE(pool, life, a_full_output_keeps_what_does_not_fit, core, "POOL-01 QUEUE-02",
           RONDO_CAP_POOL) {
  auto spec = in_pool();
  spec.output_capacity = 2;
  test_kernel kernel(it, spec);
  spec.id = "beside-a-full-one";
  test_kernel other(it, spec);
  chain of, of_other;
  kernel.start();
  other.start();
  for (int i = 0; i < 12; ++i) of.send(kernel);
  require(eventually([&] { return kernel.info(kernel.output()).depth == 2; }, it.patience()),
          "the output of a kernel in a pool has room for two replies, and they do not come");
  for (int i = 0; i < 20; ++i) {
    of_other.send(other);
    of_other.expect_next(other);
  }
  for (int i = 0; i < 12; ++i) of.expect_next(kernel);
}

}  // namespace rondo::conformance
