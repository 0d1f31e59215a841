// What the interface demands of hosts, seen from the other side: a backend that watches what it is
// called with while everything is used, by several threads.
#include "loader_support.hpp"
#include "support.hpp"

#include "../fixtures/watching.hpp"

#include <rondo/kernel/registration.hpp>
#include <rondo/kernel/scenario.hpp>
#include <rondo/scenario_run.hpp>

#include <dlfcn.h>
#include <gmock/gmock.h>

#include <stdexcept>

namespace watched_host_test {

using namespace core_test;

struct borrowing {
  static constexpr rondo::handler_id id{"Borrowing"};
  using request = sum_request;
  using response = sum_reply;
  void operator()(const request& in, response& out, rondo::context& ctx) {
    summing{}(in, out, ctx);
  }
};
RONDO_KERNEL(borrowing);

// Has two buffers, gives one back, and lends the other to the handler, which adds one to each word.
class borrows {
 public:
  static constexpr const char* name = "borrows";
  static constexpr std::uint32_t message_count = 3;

  explicit borrows(rondo::scenario_buffers buffers)
      : buffers_(buffers),
        kept_(buffers_.create<std::uint64_t>(4)),
        released_(buffers_.create<std::uint64_t>(8)) {
    buffers_.write(kept_, std::vector<std::uint64_t>{1, 2, 3, 4});
    buffers_.release(released_);
  }
  sum_request next(std::uint32_t, std::string&) { return {kept_}; }
  void check(std::uint32_t i, const sum_reply& reply) {
    demand(reply.elements == 4 && reply.sum == 10 + 4 * i, "the handler saw something else");
    demand(buffers_.read<std::uint64_t>(kept_, 4).back() == 5 + i, "its words did not come back");
    bool is_there = true;
    try {
      (void)buffers_.read<std::uint64_t>(released_, 8);
    } catch (const std::runtime_error&) {
      is_there = false;
    }
    demand(!is_there, "a buffer that was released is there");
  }

 private:
  static void demand(bool holds, const char* what) {
    if (!holds) throw std::runtime_error(what);
  }
  rondo::scenario_buffers buffers_;
  rondo::buffer_ref kept_, released_;
};
RONDO_SCENARIO(borrowing, borrows);

}  // namespace watched_host_test

namespace {

using namespace core_test;
using rondo::kernel_state;
using rondo::test::watched_host;
using testing::HasSubstr;
using testing::Not;

class host : public testing::Test {
 protected:
  static rondo::runtime open() {
    auto options = hermetic();
    options.plugin_paths = {loader_support::fixture("watching")};
    options.only_backends = {};
    return rondo::runtime::open(options);
  }
  // What was seen since the test began. Stays loaded, as the plugin does.
  host() {
    void* const library = ::dlopen(loader_support::fixture("watching").c_str(), RTLD_NOW);
    auto* const ask = reinterpret_cast<rondo::test::watched_host_fn>(
        library != nullptr ? ::dlsym(library, rondo::test::watched_host_name) : nullptr);
    if (ask == nullptr) throw std::runtime_error(::dlerror());
    seen_ = ask();
    for (auto* count :
         {&seen_->alone, &seen_->beside_another, &seen_->maps, &seen_->beside_a_map, &seen_->ended,
          &seen_->ended_too_early, &seen_->buffers, &seen_->buffers_ended, &seen_->reports})
      *count = 0;
  }
  // One way to use everything that sends and receives, by several threads.
  static void use(rondo::kernel<oracle>& kernel) {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 30; ++i) EXPECT_TRUE(kernel.call({}, patience));
      });
    threads.emplace_back([&] {
      for (int i = 0; i < 30; ++i) {
        EXPECT_TRUE(kernel.send({}, patience));
        EXPECT_TRUE(kernel.receive(patience));
      }
    });
    threads.clear();
    EXPECT_TRUE(kernel.call_async({}, patience).get());
    const std::vector<question> many(20);
    EXPECT_EQ(kernel.send_batch(many, patience).value().count, many.size());
    std::size_t taken = 0;
    while (taken < many.size() && !HasFailure())
      taken += kernel
                   .receive_batch(
                       many.size(), [](const auto&) {}, patience)
                   .value();
    EXPECT_TRUE(kernel.reserve(patience).value().commit());
    auto reply = kernel.peek(patience);
    ASSERT_TRUE(reply);
    reply->release();
  }
  watched_host* seen_;
};

TEST_F(host, calls_one_at_a_time_what_is_to_be_called_so) {  // HOST-10
  auto runtime = open();
  auto kernel = runtime.launch<oracle>({.avoid_mapped = true});
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) t % 2 == 0 ? kernel.activate() : kernel.deactivate(patience);
    });
  threads.clear();
  kernel.activate();
  use(kernel);
  threads.emplace_back([&] { kernel.terminate(); });
  threads.emplace_back([&] { kernel.terminate(); });
  threads.clear();
  runtime.close();
  EXPECT_GT(seen_->alone, 300u);
  EXPECT_EQ(seen_->beside_another, 0u);
}

TEST_F(host, ends_what_was_made_before_what_it_was_made_from) {  // HOST-11
  {
    auto runtime = open();
    auto kernel = runtime.launch<oracle>();
    auto other = runtime.launch<oracle>({.id = "other"});
    auto kept = kernel.create_buffer(64);
    auto dropped = std::make_unique<rondo::buffer>(kernel.create_buffer(64));
    kernel.activate();
    other.terminate();
    runtime.remove("other");
    dropped.reset();
    runtime.close();
    EXPECT_EQ(kernel.state(), kernel_state::terminated);
  }
  EXPECT_GE(seen_->ended, 4u);  // two kernels, their device and its backend
  EXPECT_EQ(seen_->ended_too_early, 0u);
}

TEST_F(host, leaves_the_calls_alone_where_it_uses_the_map) {  // HOST-12
  auto runtime = open();
  auto kernel = runtime.launch<oracle>();
  kernel.activate();
  use(kernel);
  kernel.terminate();
  EXPECT_EQ(seen_->maps, 2u);
  EXPECT_EQ(seen_->beside_a_map, 0u);
  EXPECT_EQ(kernel.snapshot().messages_in, kernel.snapshot().sent);
}

TEST_F(host, lends_a_scenario_buffers_and_takes_back_all_of_them) {  // HOST-14
  auto runtime = open();
  auto kernel = runtime.launch<watched_host_test::borrowing>();
  kernel.activate();
  const auto outcomes = rondo::run_scenarios(kernel, patience);
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].cases.size(), 3u);
  for (const auto& one : outcomes[0].cases) EXPECT_EQ(one.code, RONDO_OK) << one.failure;
  EXPECT_EQ(seen_->buffers, 2u);
  EXPECT_EQ(seen_->buffers_ended, 2u);
}

TEST_F(host, copies_what_it_is_told) {  // HOST-13
  auto runtime = open();
  rondo::launch_options unknown;
  unknown.options = {{"no_such_option", "1"}};
  const auto info = refusal_of([&] { runtime.launch<oracle>(unknown); });
  EXPECT_EQ(info.code, RONDO_INVALID_ARGUMENT);
  EXPECT_THAT(info.message, HasSubstr("no_such_option"));
  EXPECT_FALSE(info.remedy.empty());
  for (const std::string& text : {info.object, info.message, info.remedy})
    EXPECT_THAT(text, Not(HasSubstr("xxx")));
  EXPECT_EQ(seen_->reports, 1u);
}

}  // namespace
