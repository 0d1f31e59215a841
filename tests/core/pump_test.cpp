// Requests that a thread of the kernel moves to the backend: who gets a pump, that it batches, and
// what becomes of messages that the backend does not take. That it changes nothing else is shown by
// the tests over all ways in ways.hpp and of terminate_test.cpp.
#include "loader_support.hpp"
#include "support.hpp"

#include <gmock/gmock.h>

#include <atomic>

namespace {

using namespace core_test;
using rondo::pump_policy;
using rondo::terminate_mode;
using rondo::when_full;
using testing::HasSubstr;

TEST(pump, moves_the_requests_of_senders_and_callers_and_counts_them) {
  running<oracle> it({.pump = pump_policy::always});
  for (std::uint64_t i = 1; i <= 50; ++i) {
    EXPECT_TRUE(answers(*it.kernel.call({.nonce = i}, patience), i));
    it.kernel.send({.nonce = i}, patience).value();
    EXPECT_TRUE(answers(*it.kernel.receive(patience)->outcome, i));
  }
  // A reply may be here before the push of its request has returned.
  ASSERT_TRUE(eventually([&] {
    const auto now = it.kernel.snapshot();
    return now.messages_in == 100 && now.pumped == 100;
  }));
  const auto counted = it.kernel.snapshot();
  EXPECT_EQ(counted.sent, 100u);
  EXPECT_EQ(counted.messages_dropped, 0u);
}

TEST(pump, gives_the_backend_what_was_staged_together_in_one_call) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>({.input_capacity = 64, .pump = pump_policy::always});
  kernel.send_batch(std::vector<question>(64, question{.nonce = 3}), patience).value();
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().pumped == 64; }));
  EXPECT_LT(kernel.snapshot().pump_calls, 16u);
  EXPECT_EQ(runtime.find_queue(kernel.queues().input).depth, 64u);
  kernel.activate();
  for (std::uint64_t i = 0; i < 64; ++i)
    EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, 3));
}

TEST(pump, is_not_there_unless_it_is_asked_for_or_the_backend_needs_it) {
  for (const bool avoid_mapped : {false, true}) {
    running<oracle> it({.avoid_mapped = avoid_mapped});
    EXPECT_TRUE(it.kernel.call({}, patience));
    EXPECT_EQ(it.kernel.snapshot().pumped, 0u);
    EXPECT_EQ(it.kernel.snapshot().pump_calls, 0u);
  }
}

TEST(pump, has_a_thread_that_goes_with_the_kernel) {
  auto runtime = open_runtime();
  const auto before = thread_count();
  {
    auto plain = runtime.launch<oracle>({.id = "plain"});
    const auto with_one = thread_count();
    auto pumped = runtime.launch<oracle>({.id = "pumped", .pump = pump_policy::always});
    EXPECT_EQ(thread_count() - with_one, with_one - before + 1);
    for (auto* each : {&plain, &pumped}) {
      each->send({}, patience).value();
      each->terminate({.mode = terminate_mode::discard});
      runtime.remove(each->id());
    }
  }
  EXPECT_TRUE(eventually([&] { return thread_count() == before; }));
}

TEST(pump, works_again_after_a_refused_end_and_a_relaunch) {
  running<oracle> it({.input_capacity = 4, .pump = pump_policy::always});
  EXPECT_EQ(refusal_of([&] { it.kernel.terminate({.mode = terminate_mode{7}}); }).code,
            RONDO_INVALID_ARGUMENT);
  EXPECT_TRUE(answers(*it.kernel.call({.nonce = 1}, patience), 1));
  for (int life = 0; life < 5; ++life) {
    it.kernel.deactivate();
    for (int i = 0; i < 4; ++i) it.kernel.send({}, patience).value();
    EXPECT_EQ(it.kernel.terminate({.mode = terminate_mode::discard}).discarded, 4u);
    EXPECT_EQ(it.kernel.send({}, patience).code(), RONDO_TERMINATED);
    it.kernel.relaunch();
    for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_TRUE(it.kernel.try_send({.nonce = i})) << i;
    EXPECT_EQ(it.kernel.try_send({}).code(), RONDO_FULL);
    it.kernel.activate();
    for (std::uint64_t i = 1; i <= 4; ++i)
      EXPECT_TRUE(answers(*it.kernel.receive(patience)->outcome, i));
  }
}

// ---- a backend without rings that takes batches; see tests/fixtures/batching_c_plugin.c

class pumped_backend : public testing::Test {
 protected:
  static rondo::runtime_options with_fixture() {
    auto options = hermetic();
    options.plugin_paths = {loader_support::fixture("batching_c")};
    options.only_backends = {};
    return options;
  }
  rondo::kernel<oracle> launch(const std::string& id, pump_policy how = pump_policy::automatic) {
    return runtime_.launch<oracle>({.id = id, .input_capacity = 8, .pump = how});
  }
  // Five requests that the backend does not take.
  rondo::kernel<oracle> with_staged(const std::string& id) {
    auto kernel = launch(id);
    std::vector<question> all(5);  // at once: the backend may fail as soon as it has the first
    for (std::size_t i = 0; i < all.size(); ++i) all[i].nonce = i + 1;
    EXPECT_EQ(kernel.send_batch(all, patience).value().count, all.size());
    return kernel;
  }
  static void expect_all_accounted_for(rondo::kernel<oracle>& kernel) {
    const auto counted = kernel.snapshot();
    EXPECT_EQ(counted.sent, counted.messages_in + counted.messages_dropped);
    EXPECT_EQ(counted.input_depth, 0u);
  }
  rondo::runtime runtime_ = rondo::runtime::open(with_fixture());
};

TEST_F(pumped_backend, has_a_pump_because_it_says_that_it_takes_batches) {
  auto kernel = launch("k");
  kernel.activate();
  for (std::uint64_t i = 1; i <= 100; ++i)
    ASSERT_TRUE(answers(*kernel.call({.nonce = i}, patience), i));
  EXPECT_TRUE(eventually([&] { return kernel.snapshot().pumped == 100; }));
  EXPECT_EQ(kernel.snapshot().messages_in, 100u);
  auto without = launch("w", pump_policy::never);
  without.activate();
  EXPECT_TRUE(answers(*without.call({.nonce = 1}, patience), 1));
  EXPECT_EQ(without.snapshot().pumped, 0u);
}

TEST_F(pumped_backend, has_as_much_room_as_it_says_whatever_is_staged) {
  for (const char* id : {"stuck", "k"}) {
    auto kernel = launch(id);
    for (std::uint64_t i = 1; i <= 8; ++i) ASSERT_TRUE(kernel.try_send({.nonce = i})) << id << i;
    EXPECT_EQ(kernel.try_send({}).code(), RONDO_FULL);
    EXPECT_EQ(kernel.send({}, 10ms).code(), RONDO_TIMEOUT);
    EXPECT_EQ(kernel.try_reserve().code(), RONDO_FULL);
    EXPECT_TRUE(eventually([&] { return kernel.snapshot().input_depth == 8; }));
    EXPECT_EQ(kernel.snapshot().sent, 8u);
  }
}

// The handler runs in the push: the reply is there before the pump knows that the slot is free.
// Where the processor is taken from the pump for a while, between the reply and the end of the
// push, the queue is full once in a while.
TEST_F(pumped_backend, is_seldom_full_for_a_caller_who_has_his_reply) {
  auto kernel = runtime_.launch<oracle>({.input_capacity = 1, .input_full = when_full::reject});
  kernel.activate();
  std::uint64_t answered = 0, full = 0;
  while (answered < 500 && full < 100) {
    const auto reply = kernel.call({.nonce = answered + 1}, patience);
    if (reply.code() == RONDO_FULL) {
      ++full;
      continue;
    }
    ASSERT_TRUE(reply) << reply.failure().text();
    ASSERT_TRUE(answers(*reply, ++answered));
  }
  EXPECT_LT(full, 100u);
  EXPECT_TRUE(eventually([&] { return kernel.snapshot().pumped == 500; }));
  EXPECT_TRUE(eventually([&] { return kernel.snapshot().input_depth == 0; }));
}

TEST_F(pumped_backend, that_discards_counts_what_it_was_never_given) {
  auto kernel = with_staged("stuck");
  EXPECT_EQ(kernel.snapshot().input_depth, 5u);
  std::jthread caller([&] { EXPECT_EQ(kernel.call({}, patience).code(), RONDO_TERMINATED); });
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().sent == 6; }));
  EXPECT_EQ(kernel.terminate({.mode = terminate_mode::discard}).discarded, 6u);
  caller.join();
  EXPECT_EQ(kernel.snapshot().messages_dropped, 6u);
  EXPECT_EQ(kernel.snapshot().pumped, 0u);
  expect_all_accounted_for(kernel);
}

TEST_F(pumped_backend, that_cannot_drain_what_is_staged_in_time_says_how_much_was_lost) {
  auto kernel = with_staged("stuck");
  const auto begin = std::chrono::steady_clock::now();
  const auto why = refusal_of([&] { kernel.terminate({.deadline = 30ms}); });
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
  EXPECT_EQ(why.code, RONDO_TIMEOUT);
  EXPECT_EQ(why.object, "stuck");
  EXPECT_THAT(why.message, HasSubstr("5 requests were discarded"));
  EXPECT_EQ(kernel.state(), rondo::kernel_state::terminated);
  expect_all_accounted_for(kernel);
}

TEST_F(pumped_backend, drains_what_is_staged_also_if_it_takes_nothing_before_it_is_active) {
  auto kernel = with_staged("lazy");
  EXPECT_EQ(kernel.snapshot().messages_in, 0u);
  const auto report = kernel.terminate({.deadline = patience});
  EXPECT_EQ(report.handled, 5u);
  EXPECT_EQ(report.discarded, 0u);
  for (std::uint64_t i = 1; i <= 5; ++i)
    EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, i)) << i;
  EXPECT_EQ(kernel.receive(patience).code(), RONDO_TERMINATED);
  expect_all_accounted_for(kernel);
}

// ---- what was accepted cannot be delivered: whoever waits is told, and not by his deadline

void expect_told(rondo::kernel<oracle>& kernel, rondo::status code) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::jthread> waiting;
  std::atomic<int> told{0};
  for (int t = 0; t < 3; ++t)
    waiting.emplace_back([&] { told += kernel.call({}, patience).code() == code; });
  waiting.emplace_back([&] { told += kernel.receive(patience).code() == code; });
  told += kernel.call_async({}, patience).get().code() == code;
  told += kernel.flush(patience).code() == code;
  waiting.clear();
  EXPECT_EQ(told, 6);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, patience / 2);
}

TEST_F(pumped_backend, that_fails_while_messages_are_staged_tells_everybody) {
  auto kernel = with_staged("lost");
  expect_told(kernel, RONDO_DEVICE_LOST);
  EXPECT_EQ(kernel.send({}, patience).code(), RONDO_DEVICE_LOST);
  EXPECT_EQ(kernel.state(), rondo::kernel_state::failed);
  EXPECT_EQ(kernel.snapshot().messages_in, 0u);
  const auto why = refusal_of([&] { kernel.terminate({.deadline = 100ms}); });
  EXPECT_THAT(why.message, HasSubstr(std::to_string(kernel.snapshot().sent) + " more"));
  expect_all_accounted_for(kernel);
}

TEST_F(pumped_backend, that_refuses_what_was_accepted_tells_everybody) {
  auto kernel = launch("refusing");
  kernel.activate();
  EXPECT_EQ(kernel.call({}, patience).code(), RONDO_OUT_OF_MEMORY);
  expect_told(kernel, RONDO_OUT_OF_MEMORY);
  EXPECT_EQ(kernel.send({}, patience).code(), RONDO_OUT_OF_MEMORY);
  const std::uint64_t sent = kernel.snapshot().sent;
  EXPECT_GE(sent, 1u);
  EXPECT_EQ(kernel.terminate({.mode = terminate_mode::discard}).discarded, sent);
  EXPECT_EQ(kernel.state(), rondo::kernel_state::terminated);
  expect_all_accounted_for(kernel);
}

// There the handler runs in the push, and the pump is in it until the test lets it go.
TEST_F(pumped_backend, that_does_not_return_from_a_push_keeps_neither_senders_nor_the_end_waiting) {
  gate_use gate(0);
  auto kernel = runtime_.launch<gated>({.input_capacity = 8});
  kernel.activate();
  kernel.send({.gate = 0, .nonce = 1}, patience).value();
  ASSERT_TRUE(gate.reached());
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t i = 2; i <= 4; ++i)
    kernel.send({.gate = no_gate, .nonce = i}, patience).value();
  EXPECT_EQ(refusal_of([&] {
              kernel.terminate({.mode = terminate_mode::discard, .deadline = 20ms});
            }).code,
            RONDO_HANDLER_HUNG);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, patience / 2);
  EXPECT_EQ(kernel.snapshot().input_depth, 4u) << "not given up, not forgotten";
  gate.open();
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().messages_in == 1; }));
  const auto later = refusal_of([&] { kernel.terminate({.mode = terminate_mode::discard}); });
  EXPECT_THAT(later.message, HasSubstr("3 more that were staged"));
  const auto counted = kernel.snapshot();
  EXPECT_EQ(counted.sent, 4u);
  EXPECT_EQ(counted.messages_dropped, 3u);
  EXPECT_EQ(counted.input_depth, 0u);
}

}  // namespace
