// Timeouts that are no ordinary ones, given to every function that waits: what lies behind is no
// time at all, and the longest there is does not come round to be none.
#include "waits.hpp"
#include "ways.hpp"

#include <chrono>

namespace {

using namespace core_test;
using rondo::nanoseconds;

class timeouts : public testing::TestWithParam<way> {
 protected:
  rondo::kernel<oracle> full(const char* id) {
    auto options = GetParam().options(2, 8);
    options.id = id;
    auto kernel = runtime_.launch<oracle>(options);
    for (int i = 0; i < 2; ++i) kernel.send({}, patience).value();
    EXPECT_EQ(kernel.try_send({}).code(), RONDO_FULL);
    return kernel;
  }
  rondo::runtime runtime_ = open_runtime();
};

TEST_P(timeouts, that_lie_behind_are_no_time_for_every_function_that_waits) {
  auto kernel = full("idle");
  for (const auto& wait : all_waits<oracle>())
    for (const nanoseconds timeout : {0ns, -1ns, nanoseconds(-1h), nanoseconds::min()})
      EXPECT_EQ(wait.run(kernel, timeout), wait.without_time)
          << wait.name << " with " << timeout.count() << " ns";
  EXPECT_EQ(kernel.snapshot().messages_in, 0u);
}

TEST_P(timeouts, that_are_the_longest_wait_until_there_is_something) {
  for (const auto& wait : all_waits<oracle>()) {
    SCOPED_TRACE(wait.name);
    auto kernel = full("longest");
    std::jthread later([&] {
      std::this_thread::sleep_for(3ms);  // or it finds no wait, and has less to show
      kernel.activate(nanoseconds::max());
    });
    EXPECT_EQ(wait.run(kernel, nanoseconds::max()), RONDO_OK);
    later.join();
    kernel.deactivate(nanoseconds::max());
    kernel.terminate({rondo::terminate_mode::drain, nanoseconds::max()});
    runtime_.remove(kernel.id());
  }
}

// Mapped, by calls, and with a pump.
INSTANTIATE_TEST_SUITE_P(ways, timeouts, testing::Values(all_ways[0], all_ways[4], all_ways[6]),
                         name_of_way);

// As with 0: what can be done at once is done, and else there was no time for it.
TEST(timeout, of_a_transition_that_lies_behind_is_none) {
  running<gated> it;
  gate_use gate(0);
  const auto timed_out = [](auto&& change) {
    try {
      change();
    } catch (const rondo::error& late) {
      return late.code() == RONDO_TIMEOUT;
    }
    return false;
  };
  auto held = it.kernel.call_async({.gate = 0}, patience);
  ASSERT_TRUE(gate.reached());
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(timed_out([&] { it.kernel.deactivate(nanoseconds::min()); }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, patience / 2);
  gate.open();
  EXPECT_TRUE(held.get());
}

}  // namespace
