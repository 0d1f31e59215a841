// A backend written in plain C from abi.h alone, with none of this project's code in it: core
// drives it through the calls of its queues. And one that breaks the rules, which must not take a
// caller along.
#include "support.hpp"

#include "loader_support.hpp"

#include <gmock/gmock.h>

#include <atomic>

namespace {

using namespace core_test;
using rondo::kernel_state;
using testing::HasSubstr;
using testing::Not;

rondo::runtime_options with_plugin(const std::string& name) {
  auto options = hermetic();
  options.plugin_paths.push_back(loader_support::fixture(name));
  options.only_backends = {};
  return options;
}

class foreign_backend : public testing::Test {
 protected:
  template <class H>
  rondo::kernel<H> launch(rondo::launch_options options = {}) {
    options.backend = "plain_c";
    return runtime_.launch<H>(options);
  }
  template <class H>
  rondo::kernel<H> started(const rondo::launch_options& options = {}) {
    auto kernel = launch<H>(options);
    kernel.activate();
    return kernel;
  }
  rondo::runtime runtime_ = rondo::runtime::open(with_plugin("plain_c"));
};

TEST_F(foreign_backend, is_described_like_any_other) {
  const auto backends = runtime_.backends();
  ASSERT_EQ(backends.size(), 2u);
  EXPECT_EQ(backends[1].name, "plain_c");
  ASSERT_EQ(backends[1].devices.size(), 1u);
  EXPECT_EQ(backends[1].devices[0].name, "inline");
  EXPECT_EQ(launch<oracle>().backend(), "plain_c");
}

TEST_F(foreign_backend, answers_calls) {
  auto kernel = started<oracle>();
  for (std::uint64_t i = 1; i <= 50; ++i) {
    const auto reply = kernel.call({.nonce = i}, patience);
    ASSERT_TRUE(reply) << reply.failure().text();
    EXPECT_TRUE(answers(*reply, i));
    EXPECT_EQ(reply->count, i);
  }
  EXPECT_EQ(kernel.snapshot().messages_in, 50u);
  EXPECT_EQ(kernel.snapshot().sent, 50u);
}

TEST_F(foreign_backend, answers_many_callers_and_receivers) {
  auto kernel = started<oracle>();
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 50; ++i) {
        const auto reply = kernel.call({.nonce = t << 8 | i}, patience);
        ASSERT_TRUE(reply && answers(*reply, t << 8 | i));
      }
    });
  threads.emplace_back([&] {
    for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(kernel.send({.nonce = 7}, patience));
  });
  for (std::uint64_t i = 0; i < 100; ++i)
    EXPECT_TRUE(answers(kernel.receive(patience).value().outcome.value(), 7));
}

TEST_F(foreign_backend, takes_and_gives_batches_though_it_knows_none) {
  auto kernel = launch<oracle>({.input_capacity = 32, .output_capacity = 32});
  const std::vector<question> all(40, question{.nonce = 3});
  EXPECT_EQ(kernel.try_send_batch(all)->count, 32u);
  EXPECT_EQ(kernel.try_send_batch(all).code(), RONDO_FULL);
  kernel.activate();
  EXPECT_EQ(kernel.send_batch(all, 10ms)->count, 32u) << "as many as wait for the output";
  std::uint64_t n = 0;
  while (n < 64)
    ASSERT_TRUE(kernel.receive_batch(
        20,
        [&](const rondo::reply_view<answer>& reply) {
          EXPECT_EQ(reply.value->count, ++n);
          EXPECT_TRUE(answers(*reply.value, 3));
        },
        patience));
  EXPECT_EQ(kernel.try_receive_batch(20, [](const auto&) {}).code(), RONDO_EMPTY);
}

TEST_F(foreign_backend, keeps_messages_for_an_inactive_kernel_in_order_and_says_full) {
  auto kernel = launch<oracle>({.input_capacity = 4});
  for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_TRUE(kernel.try_send({.nonce = i}));
  EXPECT_EQ(kernel.try_send({}).code(), RONDO_FULL);
  EXPECT_EQ(kernel.try_receive().code(), RONDO_EMPTY);
  EXPECT_EQ(runtime_.find_queue(kernel.queues().input).depth, 4u);
  EXPECT_EQ(kernel.snapshot().sent, 4u);
  kernel.activate();
  for (std::uint64_t i = 1; i <= 4; ++i)
    EXPECT_TRUE(answers(kernel.receive(patience).value().outcome.value(), i));
}

TEST_F(foreign_backend, passes_on_failures_and_every_kind_of_message) {
  auto failing = started<culprit>();
  order fails{.what = misdeed::fail, .user_code = 3, .text = "not today"};
  const auto failed = failing.call(fails, patience);
  ASSERT_EQ(failed.code(), RONDO_HANDLER_FAILED);
  EXPECT_THAT(failed.failure().message, HasSubstr("not today"));
  fails.what = misdeed::throw_error;
  EXPECT_EQ(failing.call(fails, patience).code(), RONDO_HANDLER_THREW);
  auto host_only = started<measuring>();
  word_list words;
  words.words["four"] = 0;
  EXPECT_EQ(host_only.call(words, patience)->lengths.at("four"), 4u);
  auto big = started<mirror>({.input_capacity = 2, .output_capacity = 2});
  const auto request = std::make_unique<large>();
  request->words[0] = 5;
  EXPECT_EQ(big.call(*request, patience)->words[large_words - 1], secret(5, large_words - 1));
}

TEST_F(foreign_backend, walks_through_its_states) {
  auto kernel = launch<oracle>();
  EXPECT_EQ(kernel.state(), kernel_state::launched);
  kernel.activate();
  kernel.deactivate();
  EXPECT_EQ(kernel.state(), kernel_state::inactive);
  for (int i = 0; i < 5; ++i) kernel.send({}, patience).value();
  EXPECT_EQ(kernel.terminate({.mode = rondo::terminate_mode::discard}).discarded, 5u);
  EXPECT_EQ(kernel.send({}, patience).code(), RONDO_TERMINATED);
  EXPECT_EQ(kernel.call({}, patience).code(), RONDO_TERMINATED);
  EXPECT_EQ(kernel.receive(patience).code(), RONDO_TERMINATED);
  EXPECT_EQ(refusal_of([&] { kernel.activate(); }).code, RONDO_INVALID_STATE);
  runtime_.remove("Oracle");
  EXPECT_EQ(launch<oracle>().terminate().discarded, 0u);
}

TEST_F(foreign_backend, drains_or_times_out) {
  auto kernel = launch<oracle>({.id = "drained"});
  for (int i = 0; i < 5; ++i) kernel.send({}, patience).value();
  EXPECT_EQ(kernel.terminate().handled, 5u);
  auto blocked = launch<oracle>({.id = "blocked", .output_capacity = 2});
  for (int i = 0; i < 5; ++i) blocked.send({}, patience).value();
  EXPECT_EQ(refusal_of([&] { blocked.terminate({.deadline = 10ms}); }).code, RONDO_TIMEOUT);
  EXPECT_EQ(blocked.state(), kernel_state::terminated);
}

TEST_F(foreign_backend, is_found_by_the_same_queue_names) {  // NAME-08
  auto foreign = launch<oracle>({.id = "k"});
  auto other = open_runtime();
  auto cpu = other.launch<oracle>({.id = "k"});
  EXPECT_EQ(foreign.queues().input, cpu.queues().input);
  EXPECT_EQ(foreign.queues().output, cpu.queues().output);
  for (auto* runtime : {&runtime_, &other}) {
    runtime->find_kernel("k").activate();
    auto sender = runtime->open_sender<question>("ringkernel_Question_k");
    auto receiver = runtime->open_receiver<answer>("ringkernel_Answer_k_output");
    sender.send({.nonce = 12}, patience).value();
    EXPECT_TRUE(answers(receiver.receive(patience).value().outcome.value(), 12));
  }
  EXPECT_EQ(runtime_.find_queue("ringkernel_Question_k").backend, "plain_c");
  EXPECT_EQ(other.find_queue("ringkernel_Question_k").backend, "cpu");
}

TEST_F(foreign_backend, offers_what_it_says_and_nothing_else) {  // CAP-01
  auto kernel = started<oracle>();
  const auto no_buffer = refusal_of([&] { kernel.create_buffer(64); });
  EXPECT_EQ(no_buffer.code, RONDO_UNSUPPORTED);
  EXPECT_THAT(no_buffer.object, HasSubstr("plain_c"));
  EXPECT_FALSE(no_buffer.remedy.empty());
  kernel.terminate();
  const auto no_relaunch = refusal_of([&] { kernel.relaunch(); });
  EXPECT_EQ(no_relaunch.code, RONDO_UNSUPPORTED);
  EXPECT_THAT(no_relaunch.message, HasSubstr("plain_c"));
  EXPECT_EQ(kernel.state(), kernel_state::terminated);
  runtime_.remove("Oracle");
  const auto refused = [&](const rondo::launch_options& options) {
    return refusal_of([&] { launch<oracle>(options); }).code;
  };
  EXPECT_EQ(refused({.publish = rondo::publish_policy::word}), RONDO_UNSUPPORTED);
  EXPECT_EQ(refused({.wait = rondo::wait_policy::park}), RONDO_UNSUPPORTED);
  EXPECT_EQ(refused({.cpu = 0}), RONDO_UNSUPPORTED);
  EXPECT_EQ(refused({.handler_deadline = 1s}), RONDO_UNSUPPORTED);
  EXPECT_EQ(refused({.lease = 1s}), RONDO_UNSUPPORTED);
  EXPECT_EQ(refused({.device = 1}), RONDO_NO_SUCH_DEVICE);
  EXPECT_EQ(refusal_of([&] { launch<emitting>(); }).code, RONDO_UNSUPPORTED);
  EXPECT_TRUE(runtime_.kernels().empty());
}

TEST_F(foreign_backend, works_beside_the_cpu_backend_in_one_runtime) {
  auto foreign = started<oracle>({.id = "foreign"});
  auto cpu = runtime_.launch<oracle>({.backend = "cpu", .id = "cpu"});
  cpu.activate();
  EXPECT_TRUE(answers(*foreign.call({.nonce = 1}, patience), 1));
  EXPECT_TRUE(answers(*cpu.call({.nonce = 2}, patience), 2));
  EXPECT_EQ(runtime_.queues().size(), 4u);
  EXPECT_THAT(runtime_.find_kernel("foreign").backend(),
              Not(runtime_.find_kernel("cpu").backend()));
}

class faulty_backend : public testing::Test {
 protected:
  rondo::kernel<oracle> started(const std::string& fault) {
    auto kernel = runtime_.launch<oracle>({.backend = "faulty_c", .id = fault});
    kernel.activate();
    return kernel;
  }
  rondo::runtime runtime_ = rondo::runtime::open(with_plugin("faulty_c"));
};

TEST_F(faulty_backend, that_is_lost_ends_every_wait_with_its_own_code) {
  auto kernel = started("lost");
  EXPECT_EQ(kernel.call({}, patience).code(), RONDO_DEVICE_LOST);
  EXPECT_EQ(kernel.receive(patience).code(), RONDO_DEVICE_LOST);
  EXPECT_EQ(kernel.try_receive().code(), RONDO_DEVICE_LOST);
  EXPECT_EQ(kernel
                .receive_batch(
                    9, [](const auto&) {}, patience)
                .code(),
            RONDO_DEVICE_LOST);
}

TEST_F(faulty_backend, that_fails_and_cannot_say_why_counts_as_hung) {
  auto kernel = started("failed");
  const auto reply = kernel.receive(patience);
  ASSERT_EQ(reply.code(), RONDO_HANDLER_HUNG);
  EXPECT_THAT(reply.failure().message, HasSubstr("did not return, or its device was lost"));
  EXPECT_EQ(kernel.snapshot().failure_code, RONDO_HANDLER_HUNG);
  EXPECT_EQ(kernel.snapshot().failure, "");
  EXPECT_EQ(kernel.send({}, patience).code(), RONDO_HANDLER_HUNG);
}

TEST_F(faulty_backend, whose_reply_fits_no_slot_ends_every_wait) {
  auto kernel = started("oversized");
  EXPECT_FALSE(kernel.call({}, patience));
  EXPECT_FALSE(kernel.receive(patience));
}

TEST_F(faulty_backend, that_floods_its_output_does_not_hold_up_a_deadline) {
  auto kernel = started("flood");
  EXPECT_EQ(kernel.receive(20ms).code(), RONDO_TIMEOUT);
  EXPECT_EQ(kernel.call({}, 20ms).code(), RONDO_TIMEOUT);
  EXPECT_EQ(kernel
                .receive_batch(
                    9, [](const auto&) {}, 20ms)
                .code(),
            RONDO_TIMEOUT);
  EXPECT_NE(kernel.try_receive().code(), RONDO_OK);
  kernel.terminate();
  EXPECT_FALSE(kernel.receive(20ms));
}

// ABI-02, ABI-03: its table of buffers ends before create_visible.
TEST(backend_with_an_older_table_of_buffers, has_device_memory_and_nothing_that_the_host_sees) {
  auto runtime = rondo::runtime::open(with_plugin("older_buffers"));
  auto kernel = runtime.launch<oracle>({.backend = "older_buffers"});
  const auto refused = refusal_of([&] { kernel.create_buffer(64, rondo::memory::host_visible); });
  EXPECT_EQ(refused.code, RONDO_UNSUPPORTED);
  EXPECT_THAT(refused.object, HasSubstr("older_buffers"));
  EXPECT_THAT(refused.remedy, HasSubstr("memory::device"));
  auto memory = kernel.create_buffer(64);
  memory.write(std::span<const std::uint32_t>(std::vector<std::uint32_t>{7, 8}));
  EXPECT_EQ(kernel.find_buffer(memory.ref()).read<std::uint32_t>(2),
            (std::vector<std::uint32_t>{7, 8}));
  EXPECT_EQ(refusal_of([&] { memory.host_bytes(); }).code, RONDO_UNSUPPORTED);
  EXPECT_EQ(refusal_of([&] { memory.slice(60, 5); }).code, RONDO_INVALID_ARGUMENT);
}

}  // namespace
