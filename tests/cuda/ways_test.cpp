// Each way of sending and receiving that the typed interface has, for kernels on a GPU: through
// mapped rings, by calls of the backend, and with a pump in front of them. Where the kernel's
// memory lies and who moves the bytes must make no difference.
#include "support.hpp"

#include "core/coroutine.hpp"

#include <rondo/select.hpp>

#include <atomic>
#include <future>
#include <tuple>
#include <vector>

namespace cuda_test {
namespace {

struct way {
  const char* placement;
  const char* name;  // mapped, called or pumped
  rondo::publish_policy publish = rondo::publish_policy::backend_default;
};
void PrintTo(const way& w, std::ostream* out) { *out << w.placement << ' ' << w.name; }

class each_way : public on_gpu, public ::testing::WithParamInterface<way> {
 protected:
  void SetUp() override {
    on_gpu::SetUp();
    if (!IsSkipped()) skip_where_unavailable(*rt, GetParam().placement);
  }
  static bool is(const char* name) { return std::string(GetParam().name) == name; }
  static rondo::launch_options way_options(const std::string& id) {
    auto options = how(GetParam().placement);
    options.id = id;
    options.publish = GetParam().publish;
    options.input_capacity = options.output_capacity = 16;
    options.avoid_mapped = !is("mapped");
    options.pump = is("pumped") ? rondo::pump_policy::always : rondo::pump_policy::never;
    return options;
  }
  template <class H>
  rondo::kernel<H> active(const std::string& id) {
    auto kernel = rt->launch<H>(way_options(id));
    kernel.activate();
    return kernel;
  }
  static void expect_answer(const rondo::result<answer>& reply, std::uint64_t nonce) {
    ASSERT_TRUE(reply) << reply.failure().message;
    EXPECT_EQ(reply->proof, secret(nonce, 1)) << nonce;
    EXPECT_EQ(reply->on_device, 1u);
  }
};

INSTANTIATE_TEST_SUITE_P(
    ways, each_way,
    ::testing::Values(way{"pinned", "mapped"}, way{"pinned", "called"}, way{"pinned", "pumped"},
                      way{"pinned", "mapped", rondo::publish_policy::counted},
                      way{"pinned", "called", rondo::publish_policy::counted}, way{"bar", "mapped"},
                      way{"bar", "called"}, way{"bar", "pumped"}, way{"event", "mapped"},
                      way{"event", "called"}, way{"event", "pumped"}),
    [](const auto& it) {
      return std::string(it.param.placement) + "_" + it.param.name +
             (it.param.publish == rondo::publish_policy::counted ? "_counted" : "");
    });

TEST_P(each_way, sends_receives_and_calls_in_order) {
  auto kernel = active<plain_teller>("teller");
  converse(kernel, 1, 20);
  for (int round = 0; round < 3; ++round) {
    std::vector<std::uint64_t> ids;
    for (std::uint64_t i = 20; i < 30; ++i) ids.push_back(kernel.send(ask(i), 5s).value());
    expect_answer(kernel.call(ask(90), 5s), 90);  // its reply is nobody else's
    for (std::uint64_t i = 20; i < 30; ++i) {
      const auto reply = kernel.receive(5s);
      ASSERT_TRUE(reply) << reply.failure().message;
      EXPECT_EQ(reply->correlation_id, ids[i - 20]);
      expect_answer(reply->outcome, i);
    }
  }
  EXPECT_EQ(kernel.try_receive().code(), RONDO_EMPTY);
  EXPECT_EQ(kernel.receive(2ms).code(), RONDO_TIMEOUT);
  EXPECT_TRUE(kernel.flush(5s)) << "counters come behind the replies that they count";
  const auto after = kernel.snapshot();
  EXPECT_EQ(after.messages_in, 53u);
  EXPECT_EQ(after.messages_out, 53u);
  EXPECT_EQ(after.pumped, is("pumped") ? 53u : 0u);
}

TEST_P(each_way, moves_batches_whole_and_in_order) {
  auto kernel = active<plain_teller>("teller");
  std::vector<question> batch;
  for (std::uint64_t i = 0; i < 100; ++i) batch.push_back(ask(1000 + i));
  std::uint64_t sent = 0, seen = 0;
  const auto take = [&](const rondo::reply_view<answer>& r) {
    ASSERT_NE(r.value, nullptr);
    EXPECT_EQ(r.value->proof, secret(1000 + seen, 1)) << seen;
    ++seen;
  };
  while (seen < batch.size() && !HasFailure()) {
    if (sent < batch.size())
      if (const auto went = kernel.try_send_batch(std::span(batch).subspan(sent)))
        sent += went->count;
    const auto took = kernel.receive_batch(64, take, 5s);
    ASSERT_TRUE(took) << took.failure().message;
  }
  EXPECT_EQ(sent, 100u);
  EXPECT_TRUE(kernel.flush(5s));
  EXPECT_EQ(kernel.snapshot().messages_in, 100u);
}

TEST_P(each_way, claims_and_peeks_leave_nothing_behind) {
  auto kernel = active<plain_teller>("teller");
  for (int i = 0; i < 40; ++i) {  // more than there are slots
    auto dropped = kernel.reserve(5s);
    ASSERT_TRUE(dropped) << dropped.failure().message;
  }
  for (std::uint64_t i = 20; i < 24; ++i) {
    auto slot = kernel.reserve(5s);
    ASSERT_TRUE(slot) << slot.failure().message;
    **slot = ask(i);
    const auto id = slot->commit();
    ASSERT_TRUE(id) << id.failure().message;
    EXPECT_THROW(slot->commit(), rondo::error) << "twice";
  }
  for (std::uint64_t i = 20; i < 24; ++i) {
    {
      const auto seen = kernel.peek(5s);
      ASSERT_TRUE(seen) << seen.failure().message;
      EXPECT_EQ((*seen)->proof, secret(i, 1));
    }
    auto again = kernel.peek(5s);
    ASSERT_TRUE(again) << again.failure().message;
    EXPECT_EQ((*again)->proof, secret(i, 1)) << "it was not taken";
    again->release();
  }
  EXPECT_EQ(kernel.try_peek().code(), RONDO_EMPTY);
  EXPECT_TRUE(kernel.flush(5s));
  EXPECT_EQ(kernel.snapshot().messages_in, 4u);
  EXPECT_EQ(kernel.snapshot().sent, 4u) << "a claim is sent by its commit";
  EXPECT_TRUE(soon([&] { return kernel.snapshot().messages_dropped == 40; }))
      << kernel.snapshot().messages_dropped << " of 40 that were given up";
}

TEST_P(each_way, waits_for_room_until_the_deadline_and_then_says_so) {
  auto kernel = rt->launch<plain_teller>(way_options("teller"));
  for (std::uint64_t i = 20; i < 36; ++i) ASSERT_TRUE(kernel.send(ask(i), 5s)) << i;
  EXPECT_EQ(kernel.try_send(ask(40)).code(), RONDO_FULL);
  const auto begin = std::chrono::steady_clock::now();
  const auto late = kernel.send(ask(41), 20ms);
  EXPECT_EQ(late.code(), RONDO_TIMEOUT);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  EXPECT_FALSE(late.failure().remedy.empty());
  EXPECT_EQ(kernel.call(ask(42), 20ms).code(), RONDO_TIMEOUT);
  EXPECT_EQ(kernel.reserve(20ms).code(), RONDO_TIMEOUT);
  kernel.activate();
  for (std::uint64_t i = 20; i < 36; ++i) {
    const auto reply = kernel.receive(5s);
    ASSERT_TRUE(reply) << reply.failure().message;
    expect_answer(reply->outcome, i);
  }
  EXPECT_EQ(kernel.receive(2ms).code(), RONDO_TIMEOUT) << "what timed out was not sent";
  EXPECT_EQ(kernel.snapshot().sent, 16u);
}

TEST_P(each_way, takes_urgent_requests_first_and_recognizes_keys) {
  auto options = way_options("teller");
  options.urgent_lane = std::string(GetParam().placement) != "bar";
  options.duplicate_window = 16;
  auto kernel = rt->launch<plain_teller>(options);
  for (std::uint64_t i = 20; i < 28; ++i) {
    const rondo::send_options how{.urgent = options.urgent_lane && i % 2 == 1, .key = i};
    ASSERT_TRUE(kernel.send(ask(i), 5s, how)) << i;
    EXPECT_EQ(kernel.send(ask(i), 5s, how).code(), RONDO_REPEATED) << i;
  }
  if (is("pumped")) {
    EXPECT_TRUE(soon([&] { return kernel.snapshot().pumped == 8; })) << "or it may overtake";
  }
  kernel.activate();
  std::vector<std::uint64_t> due{20, 21, 22, 23, 24, 25, 26, 27};
  if (options.urgent_lane) due = {21, 23, 25, 27, 20, 22, 24, 26};
  for (const std::uint64_t i : due) {
    const auto reply = kernel.receive(5s);
    ASSERT_TRUE(reply) << reply.failure().message;
    expect_answer(reply->outcome, i);
  }
  EXPECT_EQ(kernel.call(ask(40), 5s, {.key = 20}).code(), RONDO_REPEATED);
  expect_answer(kernel.call(ask(41), 5s, {.urgent = options.urgent_lane, .key = 41}), 41);
  EXPECT_TRUE(kernel.flush(5s));
  EXPECT_EQ(kernel.snapshot().messages_in, 9u);
  EXPECT_EQ(kernel.snapshot().duplicates, 9u);
}

// From senders to receivers, with an end amid them: each request is handled or counted as lost.
TEST_P(each_way, loses_nothing_that_it_does_not_count) {
  auto kernel = active<plain_teller>("teller");
  std::atomic<std::uint64_t> accepted{0}, taken{0};
  std::vector<std::jthread> threads;
  for (std::uint64_t s = 0; s < 3; ++s)
    threads.emplace_back([&, s] {
      for (std::uint64_t i = 0;; ++i) {
        const auto sent = kernel.send(ask(16 + 3 * i + s), 20s);
        if (sent) {
          ++accepted;
          continue;
        }
        EXPECT_EQ(sent.code(), RONDO_TERMINATED) << sent.failure().message;
        return;
      }
    });
  threads.emplace_back([&] {
    while (const auto reply = kernel.receive(20s)) {
      EXPECT_TRUE(reply->outcome) << reply->outcome.failure().message;
      ++taken;
    }
  });
  EXPECT_TRUE(soon([&] { return taken > 200; }, 20s)) << taken;
  const auto report = kernel.terminate({rondo::terminate_mode::discard, 5s});
  threads.clear();
  while (kernel.try_receive()) ++taken;
  const auto after = kernel.snapshot();
  EXPECT_EQ(after.sent, accepted);
  EXPECT_EQ(after.messages_in + report.discarded, accepted);
  // Of a slot that was claimed and not yet written the end tells, and the counters do not.
  EXPECT_LE(after.messages_in + after.messages_dropped, accepted);
  EXPECT_EQ(after.messages_out, taken);
  EXPECT_EQ(after.messages_out, after.messages_in);
  EXPECT_EQ(after.messages_failed, 0u);
  EXPECT_EQ(after.bytes_in, after.messages_in * sizeof(question));
  EXPECT_EQ(after.output_depth, 0u);
}

TEST_P(each_way, completes_calls_later) {
  auto kernel = active<plain_teller>("teller");
  for (std::uint64_t i = 20; i < 24; ++i) {
    std::promise<rondo::result<answer>> called, resumed;
    auto from_callback = called.get_future(), from_coroutine = resumed.get_future();
    auto from_future = kernel.call_async(ask(i), 5s);
    kernel.call_async(ask(100 + i), 5s,
                      [&](rondo::result<answer> r) { called.set_value(std::move(r)); });
    [](auto& with, std::uint64_t nonce, auto& to) -> core_test::detached {
      to.set_value(co_await with.co_call(ask(nonce), 5s));
    }(kernel, 200 + i, resumed);
    expect_answer(from_future.get(), i);
    expect_answer(from_callback.get(), 100 + i);
    expect_answer(from_coroutine.get(), 200 + i);
  }
  auto failing = kernel.call_async(ask(13), 5s);
  EXPECT_EQ(failing.get().code(), RONDO_HANDLER_FAILED);
  EXPECT_EQ(kernel.snapshot().late_replies, 0u);
}

TEST_P(each_way, waits_for_several_kernels_and_for_streams) {
  auto first = active<plain_teller>("first");
  auto many = active<emitting_teller>("many");
  auto from_first = first.as_receiver();
  auto from_many = many.as_receiver();
  EXPECT_EQ(rondo::select(0ms, from_first, from_many).code(), RONDO_EMPTY);
  first.send(ask(20), 5s).value();
  auto ready = rondo::select(5s, from_first, from_many);
  ASSERT_TRUE(ready) << ready.failure().message;
  EXPECT_EQ(*ready, 0u);
  expect_answer(from_first.try_receive()->outcome, 20);

  question q = ask(21);
  q.value[0] = 3;
  const std::uint64_t id = many.send(q, 5s).value();
  ready = rondo::select(5s, from_first, from_many);
  ASSERT_TRUE(ready) << ready.failure().message;
  EXPECT_EQ(*ready, 1u);
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto reply = from_many.receive(5s);
    ASSERT_TRUE(reply) << reply.failure().message;
    EXPECT_EQ(reply->correlation_id, id);
    EXPECT_EQ(reply->outcome->proof, secret(21, i));
  }
  q.value[0] = 0;  // nothing comes back: flush() says when it is done
  many.send(q, 5s).value();
  const auto done = many.flush(5s);
  ASSERT_TRUE(done) << done.failure().message;
  EXPECT_EQ(*done, 2u);
}

TEST_P(each_way, accounts_for_what_waits_when_it_ends) {
  for (const auto mode : {rondo::terminate_mode::drain, rondo::terminate_mode::discard}) {
    auto kernel = rt->launch<plain_teller>(way_options("teller"));
    for (std::uint64_t i = 20; i < 28; ++i) ASSERT_TRUE(kernel.send(ask(i), 5s));
    kernel.activate();
    const auto report = kernel.terminate({mode, 2s});
    const auto after = kernel.snapshot();
    EXPECT_EQ(after.messages_in + report.discarded, 8u);
    EXPECT_EQ(after.sent, 8u);
    if (mode == rondo::terminate_mode::drain) {
      EXPECT_EQ(report.discarded, 0u);
    }
    EXPECT_EQ(kernel.send(ask(30), 5s).code(), RONDO_TERMINATED);
    rt->remove(kernel.id());
  }
}

}  // namespace
}  // namespace cuda_test
