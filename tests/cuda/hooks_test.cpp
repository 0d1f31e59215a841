// on_start, on_stop and on_timer on a GPU, resident and event-driven.
#include "support.hpp"

namespace cuda_test {
namespace {

class hooks_on_gpu : public each_placement {
 protected:
  static question ask_for(std::uint32_t microseconds, bool goes_on = false) {
    question q = ask(77);
    q.value[0] = microseconds;
    q.value[1] = goes_on ? 1 : 0;
    return q;
  }
  static answer call(rondo::kernel<timekeeper>& kernel, std::uint64_t value,
                     std::uint32_t microseconds = 0, bool goes_on = false) {
    const auto reply = kernel.call(ask_for(microseconds, goes_on), 5s);
    EXPECT_TRUE(reply.has_value()) << reply.failure().message;
    if (!reply.has_value()) return {};
    EXPECT_EQ(reply->proof, secret(77, value));
    EXPECT_EQ(reply->on_device, 1u);
    return *reply;
  }
};
INSTANTIATE_TEST_SUITE_P(placements, hooks_on_gpu, ::testing::Values("pinned", "bar", "event"),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(hooks_on_gpu, begin_and_end_each_life_once) {
  auto kernel = rt->launch<timekeeper>(how(GetParam()), opening{.value = 9});
  for (std::uint32_t life = 1; life <= 3; ++life) {
    kernel.activate();
    for (int i = 0; i < 5; ++i) {
      const answer reply = call(kernel, 9);
      EXPECT_EQ(reply.sum, life);
      EXPECT_EQ(reply.extra, life - 1);
      EXPECT_EQ(reply.count, 0u);
    }
    kernel.deactivate();
    kernel.terminate();
    kernel.relaunch();
  }
}

TEST_P(hooks_on_gpu, that_fail_to_start_make_the_launch_fail_in_the_handlers_words) {
  opening argument{.fails_with = 7};
  argument.words = "no licence today";
  try {
    rt->launch<timekeeper>(how(GetParam()), argument);
    ADD_FAILURE() << "it was launched";
  } catch (const rondo::error& refused) {
    EXPECT_EQ(refused.code(), RONDO_HANDLER_FAILED);
    EXPECT_NE(refused.message().find("no licence today"), std::string::npos) << refused.message();
    EXPECT_NE(refused.message().find("(code 7)"), std::string::npos) << refused.message();
  }
  EXPECT_TRUE(rt->kernels().empty());
  auto kernel = rt->launch<timekeeper>(how(GetParam()), opening{.value = 3});
  kernel.activate();
  EXPECT_EQ(call(kernel, 3).sum, 1u);
}

TEST_P(hooks_on_gpu, come_by_the_clock_while_the_kernel_is_active) {
  auto kernel = rt->launch<timekeeper>(how(GetParam()), opening{.value = 1, .timer_ns = 1'000'000});
  std::this_thread::sleep_for(20ms);
  kernel.activate();
  EXPECT_TRUE(soon([&] { return call(kernel, 1).count == 1; }));
  const auto begin = std::chrono::steady_clock::now();
  call(kernel, 1, 20'000);
  EXPECT_TRUE(soon([&] { return call(kernel, 1).count == 2; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 19ms) << "with the clocks' error";

  call(kernel, 1, 100, true);
  std::uint64_t ticks = 0;
  EXPECT_TRUE(soon([&] { return (ticks = call(kernel, 1, 0, true).count) >= 20; }));
  kernel.deactivate();
  kernel.activate();
  call(kernel, 1);  // the last one that is set does not go on
  kernel.terminate();
  kernel.relaunch();
  kernel.activate();
  ticks = call(kernel, 1).count;
  EXPECT_TRUE(soon([&] { return call(kernel, 1).count == ticks + 1; })) << "on_start's";
}

// All step aside while code is loaded: that is neither an end nor a begin.
TEST_F(on_gpu, hooks_do_not_notice_that_a_kernel_steps_aside) {
  auto kernel = rt->launch<timekeeper>(how(), opening{.value = 2});
  kernel.activate();
  question later = ask(77);
  later.value[0] = 3'000'000;
  later.value[1] = 0;  // once
  ASSERT_TRUE(kernel.call(later, 5s).has_value());
  auto options = how();
  options.module = "vector_add";
  options.id = "other";
  rt->launch("VectorAddProcessor", options);
  later.value[0] = 0;
  const auto reply = kernel.call(later, 5s);
  ASSERT_TRUE(reply.has_value()) << reply.failure().message;
  EXPECT_EQ(reply->sum, 1u);
  EXPECT_EQ(reply->extra, 0u);
  EXPECT_TRUE(soon([&] { return kernel.call(later, 5s)->count == 1; }, 6000ms))
      << "the timer was lost";
}

TEST_F(on_gpu, a_start_argument_that_is_missing_is_refused) {
  try {
    rt->launch("Timekeeper", how());
    ADD_FAILURE() << "it was launched";
  } catch (const rondo::error& refused) {
    EXPECT_EQ(refused.code(), RONDO_INVALID_ARGUMENT) << refused.message();
  }
}

}  // namespace
}  // namespace cuda_test
