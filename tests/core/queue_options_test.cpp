// What a launch may ask of its queues and what it may not: each refusal names the option, and the
// backend where it is the backend's, and leaves nothing behind.
#include "coroutine.hpp"
#include "loader_support.hpp"
#include "support.hpp"

#include <gmock/gmock.h>

#include <future>

namespace {

using namespace core_test;
using rondo::pump_policy;
using rondo::when_full;
using testing::HasSubstr;

class queue_options : public testing::Test {
 protected:
  static rondo::runtime_options with_plain_c() {
    auto options = hermetic();
    options.plugin_paths.push_back(loader_support::fixture("plain_c"));
    options.only_backends = {};
    return options;
  }
  // Refused, and the id is free: the same launch without the option succeeds.
  rondo::error_info refused(rondo::launch_options options) {
    const auto why = refusal_of([&] { runtime_.launch<oracle>(options); });
    auto kernel = runtime_.launch<oracle>({.backend = options.backend});
    kernel.terminate();
    runtime_.remove(kernel.id());
    return why;
  }
  rondo::runtime runtime_ = rondo::runtime::open(with_plain_c());
};

TEST_F(queue_options, out_of_range_are_invalid_arguments_with_a_remedy) {
  const auto policy = static_cast<when_full>(9);
  for (const std::uint32_t window : {3u, 131072u, 65537u, ~0u}) {
    const auto why = refused({.backend = "cpu", .duplicate_window = window});
    EXPECT_EQ(why.code, RONDO_INVALID_ARGUMENT);
    EXPECT_THAT(why.message, HasSubstr("duplicate_window is " + std::to_string(window)));
    EXPECT_THAT(why.remedy, HasSubstr("power of two up to 65536"));
  }
  auto why = refused({.backend = "cpu", .input_full = policy});
  EXPECT_EQ(why.code, RONDO_INVALID_ARGUMENT);
  EXPECT_THAT(why.message, HasSubstr("input_full is 9"));
  EXPECT_THAT(why.remedy, HasSubstr("drop_oldest"));
  why = refused({.backend = "cpu", .output_full = policy});
  EXPECT_EQ(why.code, RONDO_INVALID_ARGUMENT);
  EXPECT_THAT(why.message, HasSubstr("output_full is 9"));
  why = refused({.backend = "cpu", .pump = pump_policy{9}});
  EXPECT_EQ(why.code, RONDO_INVALID_ARGUMENT);
  EXPECT_THAT(why.message, HasSubstr("pump is 9"));
  EXPECT_THAT(why.remedy, HasSubstr("always"));
}

// No backend is asked: each says the same of them.
TEST_F(queue_options, that_no_backend_could_know_are_invalid_arguments_on_every_one) {
  const std::pair<rondo::launch_options, const char*> all[] = {
      {{.wait = static_cast<rondo::wait_policy>(9)}, "wait is 9"},
      {{.publish = static_cast<rondo::publish_policy>(9)}, "publish is 9"},
      {{.threads = static_cast<rondo::kernel_threads>(7)}, "threads is 7"},
      {{.cpu = -2}, "cpu is -2"},
      {{.launch_deadline = 0ns}, "launch_deadline is 0 ns"},
      {{.wait = rondo::wait_policy::spin, .spin_time = 1ms}, "spin_time is 1000000 ns"},
      {{.wait = rondo::wait_policy::park, .spin_time = 1ms}, "spin_time is 1000000 ns"},
      {{.options = {{"no", "1"}, {"on", "2"}, {"no", "1"}}}, "the option no is given twice"}};
  for (const char* backend : {"cpu", "plain_c"}) {
    for (auto [options, words] : all) {
      options.backend = backend;
      const auto why = refused(options);
      EXPECT_EQ(why.code, RONDO_INVALID_ARGUMENT) << words;
      EXPECT_THAT(why.message, HasSubstr(words));
      EXPECT_FALSE(why.remedy.empty()) << words;
    }
  }
}

// A negative deadline would be none, and a negative lease the default.
TEST_F(queue_options, that_are_negative_times_are_invalid_arguments_by_name) {
  const std::pair<const char*, std::chrono::nanoseconds rondo::launch_options::*> all[] = {
      {"handler_deadline", &rondo::launch_options::handler_deadline},
      {"lease", &rondo::launch_options::lease},
      {"spin_time", &rondo::launch_options::spin_time},
      {"launch_deadline", &rondo::launch_options::launch_deadline}};
  for (const auto& [name, option] : all) {
    rondo::launch_options options{.backend = "cpu"};
    options.*option = -1ns;
    const auto why = refused(options);
    EXPECT_EQ(why.code, RONDO_INVALID_ARGUMENT) << name;
    EXPECT_THAT(why.message, HasSubstr(std::string(name) + " is -1 ns"));
    EXPECT_FALSE(why.remedy.empty());
  }
}

TEST_F(queue_options, that_a_backend_does_not_offer_are_unsupported_and_name_both) {
  struct refusal {
    rondo::launch_options options;
    const char* names;
  };
  const refusal refusals[] = {
      {{.backend = "plain_c", .urgent_lane = true}, "urgent_lane"},
      {{.backend = "plain_c", .timed = true}, "timed"},
      {{.backend = "plain_c", .input_full = when_full::drop_oldest}, "input_full = drop_oldest"},
      {{.backend = "plain_c", .output_full = when_full::reject}, "output_full"},
      {{.backend = "plain_c", .output_full = when_full::drop_newest}, "output_full"},
      {{.backend = "plain_c", .output_full = when_full::drop_oldest}, "output_full = drop_oldest"},
      {{.backend = "cpu", .output_full = when_full::drop_oldest}, "output_full = drop_oldest"},
      {{.backend = "cpu", .timed = true, .avoid_mapped = true}, "timed"},
      {{.backend = "cpu", .timed = true, .pump = pump_policy::always}, "timed through a pump"},
      {{.backend = "cpu", .input_full = when_full::drop_oldest, .pump = pump_policy::always},
       "input_full = drop_oldest through a pump"}};
  for (const auto& each : refusals) {
    const auto why = refused(each.options);
    EXPECT_EQ(why.code, RONDO_UNSUPPORTED) << each.names;
    EXPECT_THAT(why.message, HasSubstr(each.names));
    EXPECT_THAT(why.message, HasSubstr("backend " + each.options.backend));
    EXPECT_FALSE(why.remedy.empty());
  }
}

// Core alone does these, so they work on a backend that has never heard of them.
TEST_F(queue_options, that_need_nothing_of_a_backend_work_on_any) {
  for (const auto policy : {when_full::reject, when_full::drop_newest}) {
    auto kernel = runtime_.launch<oracle>(
        {.backend = "plain_c", .input_capacity = 2, .input_full = policy, .duplicate_window = 4});
    ASSERT_TRUE(kernel.send({}, patience, {.key = 1}));
    EXPECT_EQ(kernel.send({}, patience, {.key = 1}).code(), RONDO_REPEATED);
    ASSERT_TRUE(kernel.send({}, patience, {.key = 2}));
    const bool drops = policy == when_full::drop_newest;
    EXPECT_EQ(kernel.send({}, patience, {.key = 3}).code(), drops ? RONDO_DROPPED : RONDO_FULL);
    EXPECT_EQ(kernel.snapshot().dropped_newest, drops ? 1u : 0u);
    EXPECT_EQ(kernel.snapshot().duplicates, 1u);
    kernel.activate();
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(kernel.receive(patience));
    kernel.terminate();
    runtime_.remove(kernel.id());
  }
}

TEST_F(queue_options, that_a_message_needs_are_named_when_the_launch_lacks_them) {
  auto kernel = runtime_.launch<oracle>({.backend = "cpu"});
  kernel.activate();
  struct lacking {
    rondo::send_options how;
    const char *field, *option;
  };
  for (const auto& each :
       {lacking{{.urgent = true}, "urgent", "urgent_lane"}, lacking{{.ttl = 1s}, "ttl", "timed"},
        lacking{{.key = 1}, "key", "duplicate_window"}}) {
    std::promise<rondo::error_info> awaited;
    [](rondo::kernel<oracle> callee, rondo::send_options how,
       std::promise<rondo::error_info>& to) -> detached {
      const auto refused = co_await callee.co_call({}, patience, how);
      to.set_value(refused.failure());
    }(kernel, each.how, awaited);
    for (const auto& why :
         {kernel.send({}, patience, each.how).failure(),
          kernel.call({}, patience, each.how).failure(),
          kernel.call_async({}, patience, each.how).get().failure(), awaited.get_future().get()}) {
      EXPECT_EQ(why.code, RONDO_INVALID_ARGUMENT);
      EXPECT_THAT(why.message, HasSubstr(std::string("send_options::") + each.field));
      EXPECT_THAT(why.remedy, HasSubstr(each.option));
    }
  }
  EXPECT_TRUE(kernel.call({}, patience, {})) << "none of them is always possible";
  EXPECT_EQ(kernel.snapshot().sent, 1u);
}

TEST_F(queue_options, refuse_a_time_to_live_that_lies_behind) {
  auto kernel = runtime_.launch<oracle>({.backend = "cpu", .timed = true});
  const auto why = kernel.send({}, patience, {.ttl = -1ns}).failure();
  EXPECT_EQ(why.code, RONDO_INVALID_ARGUMENT);
  EXPECT_THAT(why.message, HasSubstr("ttl is -1 ns"));
  EXPECT_FALSE(why.remedy.empty());
}

TEST_F(queue_options, go_together) {
  auto kernel = runtime_.launch<oracle>({.backend = "cpu",
                                         .input_capacity = 2,
                                         .input_full = when_full::drop_oldest,
                                         .output_full = when_full::drop_newest,
                                         .urgent_lane = true,
                                         .timed = true,
                                         .duplicate_window = 16});
  ASSERT_TRUE(kernel.send({.nonce = 1}, patience, {.key = 1}));
  ASSERT_TRUE(kernel.send({.nonce = 2}, patience, {.ttl = 1ns, .key = 2}));
  ASSERT_TRUE(kernel.send({.nonce = 3}, patience, {.ttl = 1h, .key = 3})) << "1 is given up";
  ASSERT_TRUE(kernel.send({.nonce = 4}, patience, {.urgent = true, .ttl = 1h, .key = 4}));
  EXPECT_EQ(kernel.send({.nonce = 1}, patience, {.key = 1}).code(), RONDO_REPEATED);
  kernel.activate();
  EXPECT_EQ(kernel.receive(patience)->outcome.code(), RONDO_DROPPED);
  EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, 4));
  EXPECT_EQ(kernel.receive(patience)->outcome.code(), RONDO_EXPIRED);
  EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, 3));
  const auto counted = kernel.snapshot();
  EXPECT_EQ(counted.dropped_oldest, 1u);
  EXPECT_EQ(counted.expired, 1u);
  EXPECT_EQ(counted.duplicates, 1u);
  EXPECT_EQ(counted.replies_dropped, 0u);
}

}  // namespace
