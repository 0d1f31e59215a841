// The states of a kernel: every operation in every state, and what happens to messages meanwhile.
#include "support.hpp"

#include <gmock/gmock.h>

#include <atomic>

namespace {

using namespace core_test;
using rondo::kernel_state;
using testing::HasSubstr;

enum class operation { activate, deactivate, terminate, relaunch, send, call };
constexpr operation operations[] = {operation::activate,  operation::deactivate,
                                    operation::terminate, operation::relaunch,
                                    operation::send,      operation::call};
constexpr const char* operation_names[] = {"activate", "deactivate", "terminate",
                                           "relaunch", "send",       "call"};

// What one operation does in one state: the status it ends with, and the state after it.
struct expectation {
  kernel_state from;
  rondo::status code[std::size(operations)];
  kernel_state to[std::size(operations)];
};

constexpr auto launched = kernel_state::launched, active = kernel_state::active,
               inactive = kernel_state::inactive, terminated = kernel_state::terminated,
               failed = kernel_state::failed;

// The state `created` is missing: a launch either launches or leaves nothing.
constexpr expectation matrix[] = {
    {launched,
     {RONDO_OK, RONDO_OK, RONDO_OK, RONDO_INVALID_STATE, RONDO_OK, RONDO_TIMEOUT},
     {active, launched, terminated, launched, launched, launched}},
    {active,
     {RONDO_OK, RONDO_OK, RONDO_OK, RONDO_INVALID_STATE, RONDO_OK, RONDO_OK},
     {active, inactive, terminated, active, active, active}},
    {inactive,
     {RONDO_OK, RONDO_OK, RONDO_OK, RONDO_INVALID_STATE, RONDO_OK, RONDO_TIMEOUT},
     {active, inactive, terminated, inactive, inactive, inactive}},
    {terminated,
     {RONDO_INVALID_STATE, RONDO_INVALID_STATE, RONDO_OK, RONDO_OK, RONDO_TERMINATED,
      RONDO_TERMINATED},
     {terminated, terminated, terminated, launched, terminated, terminated}},
    {failed,
     {RONDO_INVALID_STATE, RONDO_INVALID_STATE, RONDO_HANDLER_HUNG, RONDO_INVALID_STATE,
      RONDO_HANDLER_HUNG, RONDO_HANDLER_HUNG},
     {failed, failed, failed, failed, failed, failed}},
};

void bring_into(kernel_state state, rondo::kernel<gated>& kernel) {
  if (state == launched) return;
  kernel.activate();
  if (state == inactive) kernel.deactivate();
  if (state == terminated) kernel.terminate();
  if (state == failed) {
    kernel.send({.gate = 0}, patience).value();
    ASSERT_TRUE(eventually([&] { return kernel.state() == failed; }));
  }
}

rondo::status perform(operation what, rondo::kernel<gated>& kernel) {
  try {
    switch (what) {
      case operation::activate: kernel.activate(patience); break;
      case operation::deactivate: kernel.deactivate(patience); break;
      case operation::terminate:
        kernel.terminate({.deadline = kernel.state() == failed ? 1ms : 60s});
        break;
      case operation::relaunch: kernel.relaunch(); break;
      case operation::send: return kernel.send({.gate = no_gate}, patience).code();
      case operation::call:
        return kernel.call({.gate = no_gate}, kernel.state() == active ? 60s : 1ms).code();
    }
    return RONDO_OK;
  } catch (const rondo::error& refusal) {
    EXPECT_EQ(refusal.object(), "Gated");
    EXPECT_FALSE(refusal.remedy().empty()) << refusal.what();
    return refusal.code();
  }
}

class lifecycle_matrix : public on_each_kind<expectation> {};

TEST_P(lifecycle_matrix, every_operation_ends_as_the_interface_says) {  // LIFE-01, LIFE-02
  const expectation& row = std::get<1>(GetParam());
  auto runtime = open_runtime();
  const gate_use shut(0);
  for (std::size_t i = 0; i < std::size(operations); ++i) {
    SCOPED_TRACE(std::string(to_string(row.from)) + ": " + operation_names[i]);
    auto kernel = core_test::launch<gated>(
        runtime,
        {.handler_deadline = row.from == failed ? rondo::nanoseconds(1ms) : rondo::nanoseconds(0)});
    bring_into(row.from, kernel);
    ASSERT_EQ(kernel.state(), row.from);
    EXPECT_EQ(rondo::status_name(perform(operations[i], kernel)), rondo::status_name(row.code[i]));
    EXPECT_EQ(kernel.state(), row.to[i]);
    EXPECT_EQ(kernel.snapshot().state, row.to[i]);
    if (kernel.state() != failed) kernel.terminate();
    runtime.remove(kernel.id());
  }
}

INSTANTIATE_TEST_SUITE_P(from, lifecycle_matrix,
                         testing::Combine(each_kind, testing::ValuesIn(matrix)),
                         [](const auto& row) {
                           return name_of_kind(row) + "_" +
                                  std::string(to_string(std::get<1>(row.param).from));
                         });

class lifecycle : public on_each_kind<> {};
INSTANTIATE_TEST_SUITE_P(threads, lifecycle, testing::Combine(each_kind), name_of_kind);

TEST_P(lifecycle, messages_to_a_kernel_that_is_not_active_wait_in_order) {  // LIFE-03
  auto runtime = open_runtime();
  auto kernel = core_test::launch<oracle>(runtime);
  for (std::uint64_t i = 1; i <= 50; ++i) kernel.send({.nonce = i}, patience).value();
  EXPECT_EQ(kernel.snapshot().messages_in, 0u);
  EXPECT_EQ(kernel.snapshot().input_depth, 50u);
  kernel.activate();
  for (std::uint64_t i = 1; i <= 50; ++i) {
    const auto reply = kernel.receive(patience).value().outcome.value();
    EXPECT_EQ(reply.count, i);
    EXPECT_TRUE(answers(reply, i));
  }
  kernel.deactivate();
  for (std::uint64_t i = 51; i <= 100; ++i) kernel.send({.nonce = i}, patience).value();
  EXPECT_EQ(kernel.try_receive().code(), RONDO_EMPTY);
  EXPECT_EQ(kernel.snapshot().messages_in, 50u);
  kernel.activate();
  for (std::uint64_t i = 51; i <= 100; ++i)
    EXPECT_TRUE(answers(kernel.receive(patience).value().outcome.value(), i));
}

class lifecycle_under_each_wait : public on_each_kind<rondo::wait_policy> {
 protected:
  rondo::wait_policy wait() const { return std::get<1>(GetParam()); }
};

TEST_P(lifecycle_under_each_wait, pausing_beside_senders_and_callers_loses_nothing) {
  running<oracle> it({.wait = wait()});
  constexpr std::uint64_t calls_each = 300;
  std::atomic<int> callers{2};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < calls_each; ++i) {
        const std::uint64_t nonce = i << 8 | static_cast<std::uint64_t>(t);
        const auto reply = it.kernel.call({.nonce = nonce}, patience);
        EXPECT_TRUE(reply && answers(*reply, nonce));
      }
      --callers;
    });
  while (callers != 0) {
    it.kernel.deactivate(patience);
    EXPECT_EQ(it.kernel.state(), inactive);
    const auto paused = it.kernel.snapshot().messages_in;
    std::this_thread::yield();
    EXPECT_EQ(it.kernel.snapshot().messages_in, paused);
    it.kernel.activate(patience);
  }
  threads.clear();
  EXPECT_EQ(it.kernel.call({}, patience)->count, 2 * calls_each + 1);
}

// Orders come faster here than the kernel's thread can look at each.
TEST_P(lifecycle_under_each_wait, quick_changes_are_all_obeyed) {
  running<oracle> it({.wait = wait()});
  for (int i = 0; i < 1000; ++i) {
    it.kernel.deactivate(patience);
    it.kernel.activate(patience);
  }
  EXPECT_TRUE(answers(*it.kernel.call({.nonce = 3}, patience), 3));
}

TEST_P(lifecycle_under_each_wait, a_kernel_ends_at_once_after_it_was_activated) {
  auto runtime = open_runtime();
  auto kernel = core_test::launch<oracle>(runtime, {.wait = wait()});
  for (int i = 0; i < 300; ++i) {
    kernel.activate(patience);
    kernel.terminate(
        {.mode = i % 2 == 0 ? rondo::terminate_mode::discard : rondo::terminate_mode::drain});
    kernel.relaunch();
  }
  EXPECT_EQ(kernel.state(), launched);
}

std::string name_of_wait(rondo::wait_policy wait) {
  return wait == rondo::wait_policy::spin   ? "spin"
         : wait == rondo::wait_policy::park ? "park"
                                            : "spin_then_park";
}
const auto name_of_kind_and_wait = [](const auto& it) {
  return name_of_kind(it) + "_" + name_of_wait(std::get<1>(it.param));
};

INSTANTIATE_TEST_SUITE_P(policy, lifecycle_under_each_wait,
                         testing::Combine(each_kind,
                                          testing::Values(rondo::wait_policy::spin_then_park,
                                                          rondo::wait_policy::park)),
                         name_of_kind_and_wait);
// A pool spins for no kernel.
INSTANTIATE_TEST_SUITE_P(spinning, lifecycle_under_each_wait,
                         testing::Combine(testing::Values(rondo::kernel_threads::dedicated),
                                          testing::Values(rondo::wait_policy::spin)),
                         name_of_kind_and_wait);

TEST_P(lifecycle, a_pause_that_comes_too_late_changes_nothing) {
  running<gated> it;
  gate_use shut(0);
  it.kernel.send({.gate = 0, .nonce = 1}, patience).value();
  ASSERT_TRUE(shut.reached());
  const auto info = refusal_of([&] { it.kernel.deactivate(1ms); });
  EXPECT_EQ(info.code, RONDO_TIMEOUT);
  EXPECT_EQ(info.object, "Gated");
  EXPECT_FALSE(info.remedy.empty());
  EXPECT_EQ(it.kernel.state(), active);
  shut.open();
  EXPECT_TRUE(answers(it.kernel.receive(patience).value().outcome.value(), 1));
  EXPECT_TRUE(answers(it.kernel.call({.gate = no_gate, .nonce = 2}, patience).value(), 2));
  it.kernel.deactivate(patience);
  EXPECT_EQ(it.kernel.state(), inactive);
}

TEST_P(lifecycle, a_pause_ends_the_wait_for_room_in_the_output) {
  running<oracle> it({.input_capacity = 8, .output_capacity = 2});
  for (std::uint64_t i = 1; i <= 5; ++i) it.kernel.send({.nonce = i}, patience).value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_in == 2; }));
  it.kernel.deactivate(patience);
  EXPECT_EQ(it.kernel.snapshot().messages_in, 2u);
  it.kernel.activate(patience);
  for (std::uint64_t i = 1; i <= 5; ++i)
    EXPECT_TRUE(answers(it.kernel.receive(patience).value().outcome.value(), i));
}

TEST_P(lifecycle, a_refusal_that_waits_for_room_survives_a_pause) {
  running<oracle> it({.output_capacity = 1});
  for (std::uint64_t i = 1; i <= 2; ++i) it.kernel.send({.nonce = i}, patience).value();
  std::jthread caller([&] {  // lays one reply aside, and then must wait behind the other
    const question request{};
    std::vector<std::byte> ignored;
    const auto reply = it.kernel.call_bytes(&request, sizeof request, 99, ignored, 20s);
    EXPECT_EQ(reply.code(), RONDO_VERSION_MISMATCH);
  });
  ASSERT_TRUE(eventually([&] {
    const auto now = it.kernel.snapshot();
    return now.messages_in == 2 && now.input_depth == 1 && now.output_depth == 1;
  }));
  it.kernel.deactivate(patience);
  it.kernel.activate(patience);
  for (std::uint64_t i = 1; i <= 2; ++i)
    EXPECT_TRUE(answers(it.kernel.receive(patience).value().outcome.value(), i));
}

}  // namespace
