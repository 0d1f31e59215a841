// What callers may do to a kernel on a GPU that is not kind: callbacks that throw, answers that
// nobody fetches, replies of another version, timeouts that are none.
#include "support.hpp"

#include "core/waits.hpp"

#include <atomic>
#include <future>
#include <stdexcept>
#include <vector>

namespace cuda_test {
namespace {

class callers : public each_placement {};
INSTANTIATE_TEST_SUITE_P(placements, callers, ::testing::Values("pinned", "bar", "event"),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(callers, whose_callback_throws_end_nothing_but_their_own_call) {
  auto kernel = rt->launch<plain_teller>(how(GetParam()));
  kernel.activate();
  std::atomic<int> called{0};
  for (std::uint64_t i = 20; i < 24; ++i) {
    kernel.call_async(ask(i), 5s, [&](const rondo::result<answer>&) {
      ++called;
      throw std::runtime_error("the application's own");
    });
    auto beside = kernel.call_async(ask(100 + i), 5s);
    const auto reply = beside.get();
    ASSERT_TRUE(reply) << reply.failure().message;
    EXPECT_EQ(reply->proof, secret(100 + i, 1));
  }
  EXPECT_TRUE(soon([&] { return called == 4; })) << called;
  converse(kernel, 1, 10);
  EXPECT_EQ(kernel.state(), rondo::kernel_state::active);
  EXPECT_EQ(kernel.snapshot().messages_failed, 0u);
}

TEST_P(callers, who_drop_their_futures_keep_nobody_waiting) {
  auto options = small(how(GetParam()), "teller");  // more calls than slots
  auto kernel = rt->launch<plain_teller>(options);
  kernel.activate();
  for (std::uint64_t i = 0; i < 100; ++i) static_cast<void>(kernel.call_async(ask(20 + i), 5s));
  converse(kernel, 1, 10);
  ASSERT_TRUE(kernel.flush(5s));
  EXPECT_EQ(kernel.snapshot().messages_in, 110u);
  EXPECT_TRUE(soon([&] { return kernel.snapshot().output_depth == 0; }));
  EXPECT_EQ(kernel.snapshot().late_replies, 0u) << "they were completed for nobody";
  EXPECT_EQ(kernel.try_receive().code(), RONDO_EMPTY) << "and are no receiver's";
}

void expect_mismatch(const rondo::error_info& why, const char* came, const char* due) {
  EXPECT_EQ(why.code, RONDO_VERSION_MISMATCH) << why.text();
  EXPECT_NE(why.message.find(came), std::string::npos) << why.message;
  EXPECT_NE(why.message.find(due), std::string::npos) << why.message;
  EXPECT_FALSE(why.remedy.empty());
}

// A handle that was made for one version, on a kernel of the other that was opened by its id.
template <class Stranger, class Own>
void expect_unread(rondo::runtime& rt, const rondo::launch_options& options, const char* came,
                   const char* due) {
  rondo::kernel_handle handle = rt.launch({Own::id.text, Own::id.size}, options);
  rondo::kernel<Stranger> stranger(handle);
  rondo::kernel<Own> own(handle);
  own.activate();
  for (std::uint64_t i = 20; i < 24; ++i) {
    const auto called = stranger.call(ask(i), 5s);
    ASSERT_FALSE(called);
    expect_mismatch(called.failure(), came, due);
    const auto later = stranger.call_async(ask(i), 5s).get();
    ASSERT_FALSE(later);
    expect_mismatch(later.failure(), came, due);
    ASSERT_TRUE(stranger.send(ask(i), 5s));
    const auto received = stranger.receive(5s);
    ASSERT_TRUE(received) << received.failure().message;
    ASSERT_FALSE(received->outcome);
    expect_mismatch(received->outcome.failure(), came, due);
    const auto read = own.call(ask(i), 5s);
    ASSERT_TRUE(read) << read.failure().message;
    EXPECT_EQ(read->proof, secret(i, 8));
  }
  ASSERT_TRUE(own.flush(5s));
  EXPECT_EQ(own.snapshot().messages_in, 16u);
  EXPECT_EQ(own.snapshot().messages_failed, 0u) << "the kernel has answered all of them";
  own.terminate();  // or the next module's first launch has to wait for it under some tools
}

TEST_P(callers, of_another_version_than_the_reply_are_told_both) {
  expect_unread<older_teller, newer_teller>(*rt, how(GetParam()), "version 2",
                                            "version 1 of CudaVersionedReply");
  expect_unread<newer_teller, older_teller>(*rt, how(GetParam()), "version 1",
                                            "version 2 of CudaVersionedReply");
}

class strange_timeouts : public each_placement {
 protected:
  rondo::kernel<plain_teller> full(const std::string& id) {
    auto options = small(how(GetParam()), id);
    options.input_capacity = 2;
    auto kernel = rt->launch<plain_teller>(options);
    for (std::uint64_t i = 0; i < 2; ++i) kernel.send(ask(20 + i), 5s).value();
    return kernel;
  }
};
INSTANTIATE_TEST_SUITE_P(placements, strange_timeouts, ::testing::Values("pinned", "bar", "event"),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(strange_timeouts, that_lie_behind_are_no_time_for_every_function_that_waits) {
  using rondo::nanoseconds;
  auto kernel = full("idle");
  for (const auto& wait : core_test::all_waits<plain_teller>())
    for (const nanoseconds timeout : {nanoseconds(0), nanoseconds(-1), nanoseconds::min()})
      EXPECT_EQ(wait.run(kernel, timeout), wait.without_time)
          << wait.name << " with " << timeout.count() << " ns";
  EXPECT_EQ(kernel.snapshot().messages_in, 0u);
}

TEST_P(strange_timeouts, that_are_the_longest_wait_until_there_is_something) {
  using rondo::nanoseconds;
  for (const auto& wait : core_test::all_waits<plain_teller>()) {
    SCOPED_TRACE(wait.name);
    auto kernel = full("longest");
    std::jthread later([&] {
      std::this_thread::sleep_for(3ms);  // or it finds no wait, and has less to show
      kernel.activate(nanoseconds::max());
    });
    EXPECT_EQ(wait.run(kernel, nanoseconds::max()), RONDO_OK);
    later.join();
    kernel.terminate({rondo::terminate_mode::drain, nanoseconds::max()});
    rt->remove(kernel.id());
  }
}

}  // namespace
}  // namespace cuda_test
