// Handlers that do not return. The kernel fails within its deadline, callers are told, the process
// and its other kernels live on.
#include "support.hpp"

#include <gmock/gmock.h>

namespace {

using namespace core_test;
using rondo::kernel_state;
using testing::HasSubstr;

constexpr auto handler_deadline = 20ms;

// Its handler is stuck at a gate; the gate is opened, and the abandoned thread ends, with the test.
struct stuck {
  std::size_t threads = thread_count();
  running<gated> it;
  gate_use shut{0};

  explicit stuck(const rondo::launch_options& options = {}) : it(options) {
    it.kernel.send({.gate = 0, .nonce = 1}, patience).value();
    EXPECT_TRUE(shut.reached());
  }
};

class hang : public on_each_kind<> {
 protected:
  void TearDown() override {
    for (auto& gate : gates) gate.open();
    EXPECT_TRUE(eventually([&] { return thread_count() == threads_; }));
  }
  const std::size_t threads_ = thread_count();
};

INSTANTIATE_TEST_SUITE_P(threads, hang, testing::Combine(each_kind), name_of_kind);

TEST_P(hang, is_noticed_by_whoever_looks) {
  stuck one({.handler_deadline = handler_deadline});
  EXPECT_TRUE(eventually([&] { return one.it.kernel.state() == kernel_state::failed; }));
  const auto seen = one.it.kernel.snapshot();
  EXPECT_EQ(seen.state, kernel_state::failed);
  EXPECT_EQ(seen.failure_code, RONDO_HANDLER_HUNG);
  EXPECT_THAT(seen.failure, HasSubstr("20 ms"));
}

TEST_P(hang, of_a_kernel_without_handler_deadline_is_not_guessed) {
  stuck one;
  EXPECT_EQ(one.it.kernel.call({.gate = no_gate}, 50ms).code(), RONDO_TIMEOUT);
  EXPECT_EQ(one.it.kernel.state(), kernel_state::active);
  EXPECT_EQ(one.it.kernel.snapshot().failure_code, RONDO_OK);
  EXPECT_EQ(one.it.kernel.snapshot().failure, "");
}

TEST_P(hang, is_told_to_callers_and_receivers_long_before_their_deadline) {
  stuck one({.handler_deadline = handler_deadline});
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      const auto reply = one.it.kernel.call({.gate = no_gate}, patience);
      EXPECT_EQ(reply.code(), RONDO_HANDLER_HUNG);
      EXPECT_EQ(reply.failure().object, "Gated");
      EXPECT_THAT(reply.failure().message, HasSubstr("did not return in time"));
      EXPECT_FALSE(reply.failure().remedy.empty());
    });
  threads.emplace_back(
      [&] { EXPECT_EQ(one.it.kernel.receive(patience).code(), RONDO_HANDLER_HUNG); });
  threads.clear();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, patience / 2);
}

TEST_P(hang, makes_terminate_fail_within_its_deadline_and_a_second) {  // LIFE-04, LIFE-05
  for (const auto mode : {rondo::terminate_mode::drain, rondo::terminate_mode::discard}) {
    EXPECT_TRUE(takes_less_than(50ms + 1s, [&] {
      stuck one;
      std::jthread caller([&] {
        const auto code = one.it.kernel.call({.gate = no_gate}, patience).code();
        EXPECT_TRUE(code == RONDO_TERMINATED || code == RONDO_HANDLER_HUNG) << code;
      });
      const auto begin = std::chrono::steady_clock::now();
      const auto info =
          refusal_of([&] { one.it.kernel.terminate({.mode = mode, .deadline = 50ms}); });
      const auto took = std::chrono::steady_clock::now() - begin;
      EXPECT_EQ(info.code, RONDO_HANDLER_HUNG);
      EXPECT_EQ(info.object, "Gated");
      EXPECT_FALSE(info.remedy.empty());
      EXPECT_EQ(one.it.kernel.state(), kernel_state::failed);
      caller.join();
      EXPECT_FALSE(one.it.kernel.send({.gate = no_gate}, patience));
      return took;
    }));
  }
}

TEST_P(hang, leaves_other_kernels_and_the_process_alone) {
  stuck one({.handler_deadline = handler_deadline});
  auto other = launch<oracle>(one.it.runtime);
  other.activate();
  ASSERT_TRUE(eventually([&] { return one.it.kernel.state() == kernel_state::failed; }));
  for (std::uint64_t i = 1; i <= 10; ++i)
    EXPECT_TRUE(answers(*other.call({.nonce = i}, patience), i));
  EXPECT_EQ(refusal_of([&] { one.it.kernel.terminate({.deadline = 1ms}); }).code,
            RONDO_HANDLER_HUNG);
  one.it.runtime.remove("Gated");
  auto successor = launch<gated>(one.it.runtime);
  successor.activate();
  EXPECT_TRUE(answers(*successor.call({.gate = no_gate, .nonce = 4}, patience), 4));
}

TEST_P(hang, of_a_kernel_that_comes_back_leaves_it_failed_and_handles_nothing_more) {
  stuck one({.handler_deadline = handler_deadline});
  one.it.kernel.send({.gate = no_gate}, patience).value();
  ASSERT_TRUE(eventually([&] { return one.it.kernel.state() == kernel_state::failed; }));
  one.shut.open();
  EXPECT_TRUE(eventually([&] { return one.it.kernel.snapshot().messages_in == 1; }));
  const auto info = refusal_of([&] { one.it.kernel.terminate({.deadline = patience}); });
  EXPECT_EQ(info.code, RONDO_HANDLER_HUNG);
  EXPECT_EQ(one.it.kernel.state(), kernel_state::failed);
  EXPECT_EQ(one.it.kernel.snapshot().messages_in, 1u);
  EXPECT_EQ(refusal_of([&] { one.it.kernel.relaunch(); }).code, RONDO_INVALID_STATE);
}

TEST_P(hang, is_not_a_wait_for_room_in_the_output) {
  running<oracle> it({.input_capacity = 8, .output_capacity = 1, .handler_deadline = 100ms});
  for (std::uint64_t i = 1; i <= 4; ++i) it.kernel.send({.nonce = i}, patience).value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().output_depth == 1; }));
  const auto full_since = std::chrono::steady_clock::now();
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(it.kernel.state(), kernel_state::active);
    return HasFailure() || std::chrono::steady_clock::now() - full_since > 400ms;
  }));
  for (std::uint64_t i = 1; i <= 4; ++i)
    EXPECT_TRUE(answers(it.kernel.receive(patience).value().outcome.value(), i));
}

TEST_P(hang, does_not_keep_the_runtime_from_closing) {
  EXPECT_TRUE(takes_less_than(50ms + 1s, [] {
    const auto one = std::make_unique<stuck>();
    const auto kernel = one->it.kernel;
    const auto begin = std::chrono::steady_clock::now();
    one->it.runtime.close(50ms);
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(kernel.state(), kernel_state::failed);
    return took;
  }));
}

}  // namespace
