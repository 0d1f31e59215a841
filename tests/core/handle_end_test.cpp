// Handles that are destroyed, moved from or assigned to while another thread waits through them.
// The wait has its own share of the kernel: it goes on, gets what it waits for, or the kernel's
// end, and leaves nothing behind.
#include "support.hpp"

#include "coroutine.hpp"
#include "waits.hpp"
#include "ways.hpp"

#include <rondo/select.hpp>

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <future>
#include <iterator>
#include <optional>
#include <set>

namespace {

using namespace core_test;

using through = std::optional<rondo::receiver<answer>>;

struct wait_through {
  const char* name;
  rondo::status (*run)(rondo::receiver<answer>&);
  rondo::status at_the_end;  // of the kernel
};
constexpr wait_through waits[] = {
    {"receive", [](auto& from) { return from.receive(patience).code(); }, RONDO_TERMINATED},
    {"receive_batch",
     [](auto& from) {
       return from
           .receive_batch(
               4, [](const rondo::reply_view<answer>&) {}, patience)
           .code();
     },
     RONDO_TERMINATED},
    {"peek",
     [](auto& from) {
       auto seen = from.peek(patience);
       if (seen) seen->release();
       return seen.code();
     },
     RONDO_TERMINATED},
    {"select", [](auto& from) { return rondo::select(patience, from).code(); }, RONDO_OK}};

struct end_of_handle {
  const char* name;
  void (*make)(through&);
};
constexpr end_of_handle ends[] = {
    {"destroyed", [](through& it) { it.reset(); }},
    {"moved_from", [](through& it) { const auto moved = std::move(*it); }},
    {"assigned_to", [](through& it) {
       running<oracle> other;
       *it = other.kernel.as_receiver();
     }}};

class handle : public testing::TestWithParam<std::tuple<wait_through, end_of_handle>> {
 protected:
  handle() {
    auto by_hand = hermetic();
    by_hand.manual_completion = true;
    runtime_.emplace(rondo::runtime::open(by_hand));
    kernel_.emplace(runtime_->launch<oracle>({}));
    kernel_->activate();
    through_.emplace(kernel_->as_receiver());
  }
  // Nobody else reads: when the reply of this call has been handed on, the other thread waits. It
  // passes the call's reply under a mutex, which poll() takes as well.
  void await_reader() {
    auto asked = kernel_->call_async({.nonce = 1}, patience);
    ASSERT_TRUE(eventually([&] {
      const auto now = kernel_->snapshot();
      return now.messages_out == 1 && now.output_depth == 0;
    })) << "nobody waits";
    ASSERT_TRUE(eventually([&] {
      runtime_->poll();
      return asked.wait_for(0s) == std::future_status::ready;
    }));
    EXPECT_TRUE(answers(*asked.get(), 1));
  }
  std::future<rondo::status> start_waiting() {
    return std::async(std::launch::async, [this] { return wait_.run(*through_); });
  }

  const wait_through wait_ = std::get<0>(GetParam());
  const end_of_handle end_ = std::get<1>(GetParam());
  std::optional<rondo::runtime> runtime_;
  std::optional<rondo::kernel<oracle>> kernel_;
  through through_;
};

TEST_P(handle, that_is_gone_takes_no_reply_from_who_waits_through_it) {
  auto waiting = start_waiting();
  await_reader();
  end_.make(through_);
  EXPECT_EQ(waiting.wait_for(0s), std::future_status::timeout);
  kernel_->send({.nonce = 2}, patience).value();
  EXPECT_EQ(waiting.get(), RONDO_OK);
  const bool takes = std::string(wait_.name) != "select";
  EXPECT_EQ(kernel_->try_receive().code(), takes ? RONDO_EMPTY : RONDO_OK) << "taken once";
  EXPECT_EQ(kernel_->snapshot().late_replies, 0u);
}

TEST_P(handle, that_is_gone_with_kernel_and_runtime_ends_the_wait) {
  auto waiting = start_waiting();
  await_reader();
  end_.make(through_);
  kernel_.reset();
  runtime_.reset();
  EXPECT_EQ(waiting.get(), wait_.at_the_end);
}

const auto name_of_both = [](const auto& it) {
  return std::string(std::get<0>(it.param).name) + "_" + std::get<1>(it.param).name;
};
INSTANTIATE_TEST_SUITE_P(ends, handle,
                         testing::Combine(testing::Values(waits[0]), testing::ValuesIn(ends)),
                         name_of_both);
INSTANTIATE_TEST_SUITE_P(waits, handle,
                         testing::Combine(testing::Values(waits[1], waits[2], waits[3]),
                                          testing::Values(ends[0])),
                         name_of_both);

TEST(handles, that_are_gone_take_no_answer_from_who_called_through_them) {
  gate_use gate(0);
  auto runtime = open_runtime();
  std::optional kernel(launch<gated>(runtime));
  kernel->activate();
  auto calling =
      std::async(std::launch::async, [&] { return kernel->call({.gate = 0}, patience).code(); });
  ASSERT_TRUE(gate.reached());
  kernel.reset();
  gate.open();
  EXPECT_EQ(calling.get(), RONDO_OK);
}

// Whether this thread of the process sleeps.
bool sleeps(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  const std::string stat{std::istreambuf_iterator(file), {}};
  const auto name_end = stat.rfind(')');
  return name_end + 2 < stat.size() && stat[name_end + 2] == 'S';
}

class handles_to_a_full_queue : public testing::TestWithParam<way> {};

// Whoever waits for room, or for what is before him, has all that he uses until the end.
TEST_P(handles_to_a_full_queue, that_are_gone_with_the_runtime_end_the_wait_for_room) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "that a wait has begun is seen in /proc here, which is no order to this tool";
#endif
  const std::set<std::string> without_handle = {"call_async", "co_call"};  // these hold their own
  for (const auto& wait : all_waits<oracle>()) {
    if (wait.without_time == RONDO_EMPTY || without_handle.count(wait.name) != 0) continue;
    SCOPED_TRACE(wait.name);
    std::optional runtime(open_runtime());
    std::optional kernel(runtime->launch<oracle>(GetParam().options(2, 8)));
    for (int i = 0; i < 2; ++i) kernel->send({}, patience).value();
    std::atomic<pid_t> thread{0};
    auto waiting = std::async(std::launch::async, [&, &through = *kernel] {
      thread = gettid();
      return wait.run(through, patience);
    });
    // From there on it has no other reason to.
    ASSERT_TRUE(eventually([&] { return thread != 0 && sleeps(thread); }));
    kernel.reset();
    runtime.reset();
    EXPECT_EQ(waiting.get(), RONDO_TERMINATED);
  }
}

INSTANTIATE_TEST_SUITE_P(ways, handles_to_a_full_queue,
                         testing::Values(all_ways[0], all_ways[4], all_ways[6]), name_of_way);

TEST(handles, that_are_gone_take_no_answer_from_a_coroutine) {
  gate_use gate(0);
  auto runtime = open_runtime();
  std::optional kernel(launch<gated>(runtime));
  kernel->activate();
  std::promise<rondo::status> resumed;
  [](rondo::kernel<gated>& with, auto& to) -> detached {
    const auto reply = co_await with.co_call({.gate = 0}, patience);
    to.set_value(reply.code());
  }(*kernel, resumed);
  auto later = kernel->call_async({.gate = no_gate}, patience);
  ASSERT_TRUE(gate.reached());
  kernel.reset();
  gate.open();
  EXPECT_EQ(resumed.get_future().get(), RONDO_OK);
  EXPECT_TRUE(later.get());
}

}  // namespace
