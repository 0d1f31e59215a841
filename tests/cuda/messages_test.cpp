// Messages through kernels on a GPU: every placement, publication, size and way to run a handler.
#include "support.hpp"

#include <map>
#include <vector>

namespace cuda_test {
namespace {

INSTANTIATE_TEST_SUITE_P(placements, each_placement, ::testing::Values("pinned", "bar", "event"),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(each_placement, answers_a_thousand_nonces) {
  auto kernel = rt->launch<plain_teller>(how(GetParam()));
  kernel.activate();
  converse(kernel, 1, std::string(GetParam()) == "event" ? 200 : 1000);
}

TEST_P(each_placement, two_handlers_answer_differently) {
  auto one = rt->launch<plain_teller>(how(GetParam()));
  auto two = rt->launch<other_teller>(how(GetParam()));
  one.activate();
  two.activate();
  converse(one, 1, 50);
  converse(two, 2, 50);
}

TEST_P(each_placement, a_failure_reaches_the_caller_and_the_kernel_goes_on) {
  auto kernel = rt->launch<plain_teller>(how(GetParam()));
  kernel.activate();
  const auto refused = kernel.call(ask(13), 5s);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.code(), RONDO_HANDLER_FAILED);
  EXPECT_NE(refused.failure().message.find("not thirteen"), std::string::npos);
  converse(kernel, 1, 10);
  EXPECT_TRUE(soon([&] { return kernel.snapshot().messages_in == 11; }));
  EXPECT_EQ(kernel.snapshot().messages_failed, 1u);
}

TEST_P(each_placement, state_persists_and_a_relaunch_keeps_it) {
  auto kernel = rt->launch<plain_teller>(how(GetParam()));
  kernel.activate();
  for (std::uint64_t i = 1; i <= 5; ++i) EXPECT_EQ(kernel.call(ask(100 + i), 5s)->count, i);
  kernel.terminate();
  kernel.relaunch();
  kernel.activate();
  EXPECT_EQ(kernel.call(ask(200), 5s)->count, 6u);
}

TEST_P(each_placement, requests_to_an_inactive_kernel_wait_in_order) {
  auto kernel = rt->launch<plain_teller>(how(GetParam()));
  std::vector<std::uint64_t> ids;
  for (std::uint64_t i = 0; i < 20; ++i) ids.push_back(kernel.send(ask(1000 + i), 1s).value());
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(kernel.snapshot().messages_in, 0u);
  kernel.activate();
  for (std::uint64_t i = 0; i < 20; ++i) {
    const auto reply = kernel.receive(5s);
    ASSERT_TRUE(reply.has_value()) << reply.failure().message;
    EXPECT_EQ(reply->correlation_id, ids[i]);
    EXPECT_EQ(reply->outcome->proof, secret(1000 + i, 1));
  }
}

TEST_P(each_placement, callers_on_many_threads_each_get_their_own_answer) {
  auto kernel = rt->launch<plain_teller>(how(GetParam()));
  kernel.activate();
  std::vector<std::thread> callers;
  for (int t = 0; t < 64; ++t) callers.emplace_back([&] { converse(kernel, 1, 20); });
  for (auto& caller : callers) caller.join();
  EXPECT_TRUE(soon([&] { return kernel.snapshot().messages_in == 64 * 20; }));
}

TEST_P(each_placement, deactivating_while_senders_send_loses_nothing) {
  auto kernel = rt->launch<plain_teller>(how(GetParam()));
  constexpr std::uint64_t total = 2000;
  std::thread sender([&] {
    for (std::uint64_t i = 0; i < total; ++i) kernel.send(ask(1000 + i), 20s).value();
  });
  std::thread switcher([&] {
    for (int i = 0; i < 12; ++i) {
      kernel.activate();
      std::this_thread::sleep_for(3ms);
      kernel.deactivate();
    }
    kernel.activate();
  });
  std::uint64_t next = 0;
  for (; next < total; ++next) {
    const auto reply = kernel.receive(10s);
    if (!reply.has_value()) {
      ADD_FAILURE() << "reply " << next << ": " << reply.failure().message;
      break;
    }
    if (reply->outcome->proof != secret(1000 + next, 1)) {
      ADD_FAILURE() << "reply " << next << " is another's";
      break;
    }
  }
  sender.join();
  switcher.join();
  EXPECT_EQ(next, total);
  EXPECT_TRUE(soon([&] { return kernel.snapshot().messages_in == total; }));
}

TEST_F(on_gpu, an_idle_kernel_polls_and_counts_no_message) {
  auto kernel = rt->launch<plain_teller>(how());
  kernel.activate();
  std::this_thread::sleep_for(200ms);
  const auto idle = kernel.snapshot();
  EXPECT_EQ(idle.messages_in, 0u);
  EXPECT_GT(idle.polls, 1000u);
  EXPECT_LT(idle.since_heartbeat, 50ms);
  converse(kernel, 1, 25);
  EXPECT_TRUE(soon([&] { return kernel.snapshot().messages_in == 25; }));
  const auto after = kernel.snapshot();
  EXPECT_EQ(after.messages_out, 25u);
  EXPECT_EQ(after.bytes_in, 25 * sizeof(question));
  EXPECT_EQ(after.bytes_out, 25 * sizeof(answer));
}

std::uint32_t all_processors(const rondo::runtime& rt) {
  for (const auto& backend : rt.backends())
    if (backend.name == "cuda") return backend.devices.at(0).processors;
  return 1;
}

class each_size : public on_gpu,
                  public ::testing::WithParamInterface<std::tuple<int, std::uint32_t>> {
 protected:
  rondo::launch_options size() const {
    auto options = how();
    options.grid = std::get<0>(GetParam()) < 0
                       ? all_processors(*rt)
                       : static_cast<std::uint32_t>(std::get<0>(GetParam()));
    options.block = std::get<1>(GetParam());
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(sizes, each_size,
                         ::testing::Combine(::testing::Values(1, 2, -1),
                                            ::testing::Values(1u, 32u, 256u)));

template <class H>
void run_sized(rondo::runtime& rt, const rondo::launch_options& options, std::uint64_t salt,
               std::uint32_t lanes) {
  auto kernel = rt.launch<H>(options);
  kernel.activate();
  converse(kernel, salt, 1001);
  EXPECT_EQ(kernel.call(ask(99), 5s)->lanes, lanes);
  if (salt == 3) {
    const auto refused = kernel.call(ask(13), 5s);
    ASSERT_FALSE(refused.has_value());
    EXPECT_NE(refused.failure().message.find("last lane"), std::string::npos);
    converse(kernel, salt, 5);
  }
  kernel.terminate();
}

TEST_P(each_size, serial_handlers_see_one_lane) { run_sized<plain_teller>(*rt, size(), 1, 1); }
TEST_P(each_size, warp_handlers_have_the_lanes_of_a_warp) {
  run_sized<warp_adder>(*rt, size(), 3, std::min(size().block, 32u));
}
TEST_P(each_size, block_handlers_have_the_threads_of_a_block) {
  run_sized<block_adder>(*rt, size(), 3, size().block);
}
TEST_P(each_size, grid_handlers_have_all_threads) {
  run_sized<grid_adder>(*rt, size(), 3, size().block * size().grid);
}
TEST_P(each_size, independent_handlers_answer_in_order) {
  run_sized<independent_teller>(*rt, size(), 4, 1);
}

class each_publication : public on_gpu,
                         public ::testing::WithParamInterface<rondo::publish_policy> {};
INSTANTIATE_TEST_SUITE_P(publications, each_publication,
                         ::testing::Values(rondo::publish_policy::counted,
                                           rondo::publish_policy::chunked));

TEST_P(each_publication, batches_arrive_whole_and_in_order) {
  auto options = how();
  options.publish = GetParam();
  options.block = 256;
  auto kernel = rt->launch<independent_teller>(options);
  kernel.activate();
  constexpr std::uint64_t total = 100'000, size = 256;
  std::uint64_t sent = 0, seen = 0;
  bool right = true;
  std::vector<question> batch;
  while (seen < total && right) {
    batch.clear();
    for (std::uint64_t i = 0; i < std::min(size, total - sent); ++i)
      batch.push_back(ask(16 + sent + i));
    if (!batch.empty()) {
      const auto went = kernel.try_send_batch(batch);
      if (went.has_value()) sent += went->count;
      else ASSERT_EQ(went.code(), RONDO_FULL) << went.failure().message;
    }
    const auto take = [&](const rondo::reply_view<answer>& r) {
      right = right && r.value != nullptr && r.value->proof == secret(16 + seen, 4) &&
              r.value->on_device == 1;
      ++seen;
    };
    const auto got =
        sent == total ? kernel.receive_batch(1024, take, 5s) : kernel.try_receive_batch(1024, take);
    if (!got.has_value()) {
      ASSERT_EQ(got.code(), RONDO_EMPTY) << got.failure().message;
    }
  }
  EXPECT_TRUE(right) << "reply " << seen;
  EXPECT_EQ(seen, total);
  EXPECT_TRUE(soon([&] { return kernel.snapshot().messages_in == total; }));
}

TEST_P(each_publication, failures_inside_a_batch_stay_in_their_place) {
  auto options = how();
  options.publish = GetParam();
  auto kernel = rt->launch<independent_teller>(options);
  kernel.activate();
  std::vector<question> batch;
  for (std::uint64_t i = 0; i < 100; ++i) batch.push_back(ask(i % 10 == 3 ? 13 : 100 + i));
  ASSERT_EQ(kernel.send_batch(batch, 5s)->count, 100u);
  std::uint64_t seen = 0, failed = 0;
  while (seen < 100) {
    const auto got = kernel.receive_batch(
        100,
        [&](const rondo::reply_view<answer>& r) {
          EXPECT_EQ(r.value == nullptr, seen % 10 == 3) << seen;
          if (r.value == nullptr) {
            ++failed;
            EXPECT_EQ(r.failure().code, RONDO_HANDLER_FAILED);
          }
          ++seen;
        },
        5s);
    ASSERT_TRUE(got.has_value()) << got.failure().message;
  }
  EXPECT_EQ(failed, 10u);
  EXPECT_TRUE(soon([&] { return kernel.snapshot().messages_failed == 10; }));
}

TEST_P(each_publication, handlers_emit_none_one_or_many) {
  auto options = how();
  options.publish = GetParam();
  options.output_capacity = 16;
  auto kernel = rt->launch<emitting_teller>(options);
  kernel.activate();
  for (const std::uint32_t count : {0u, 1u, 5u, 100u, 0u, 3u}) {
    question q = ask(500 + count);
    q.value[0] = count;
    const std::uint64_t id = kernel.send(q, 1s).value();
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto reply = kernel.receive(5s);
      ASSERT_TRUE(reply.has_value()) << reply.failure().message;
      EXPECT_EQ(reply->correlation_id, id);
      EXPECT_EQ(reply->outcome->extra, i);
      EXPECT_EQ(reply->outcome->proof, secret(q.nonce, i));
    }
  }
  EXPECT_TRUE(soon([&] { return kernel.snapshot().messages_in == 6; }));
  EXPECT_EQ(kernel.snapshot().messages_out, 109u);
}

TEST_F(on_gpu, large_messages_travel_whole) {
  for (const std::uint32_t block : {32u, 512u}) {
    auto options = how();
    options.block = block;
    options.id = "large-" + std::to_string(block);
    auto kernel = rt->launch<large_teller>(options);
    kernel.activate();
    auto request = std::make_unique<large>();
    for (std::uint64_t n = 1; n <= 20; ++n) {
      request->nonce = n * 77;
      for (std::uint64_t i = 0; i < 8191; ++i) request->word[i] = n * i;
      const auto reply = kernel.call(*request, 5s);
      ASSERT_TRUE(reply.has_value()) << reply.failure().message;
      const std::uint64_t mark = secret(request->nonce, 5);
      ASSERT_EQ(reply->nonce, mark);
      for (std::uint64_t i = 0; i < 8191; ++i) ASSERT_EQ(reply->word[i], (n * i) ^ mark) << i;
    }
    kernel.terminate();
  }
}

TEST_F(on_gpu, bytes_of_another_version_or_length_are_refused) {
  auto kernel = rt->launch<plain_teller>(how());
  kernel.activate();
  rondo::kernel_handle& bytes = kernel;
  const question q = ask(50);
  std::vector<std::byte> reply;
  EXPECT_EQ(bytes.call_bytes(&q, sizeof q, 2, reply, 5s).code(), RONDO_VERSION_MISMATCH);
  EXPECT_EQ(bytes.call_bytes(&q, sizeof q - 4, 1, reply, 5s).code(), RONDO_MALFORMED);
  EXPECT_TRUE(bytes.call_bytes(&q, sizeof q, 1, reply, 5s).has_value());
}

TEST_F(on_gpu, a_buffer_that_is_older_than_a_kernel_can_be_sent_to_it) {
  auto options = how();
  options.id = "maker";
  auto maker = rt->launch<buffer_adder>(options);
  auto data = maker.create_buffer(64 * sizeof(std::uint32_t));
  data.write<std::uint32_t>(std::vector<std::uint32_t>(64, 5));
  maker.terminate();
  options.id = "reader";
  auto reader = rt->launch<buffer_adder>(options);
  reader.activate();
  const auto reply = reader.call({data.ref()}, 5s);
  ASSERT_TRUE(reply.has_value()) << reply.failure().message;
  EXPECT_EQ(reply->proof, 64u * 5);
}

TEST_F(on_gpu, buffers_are_device_memory_behind_handles) {
  auto options = how();
  options.block = 256;
  auto kernel = rt->launch<buffer_adder>(options);
  kernel.activate();
  std::vector<std::uint32_t> values(1'000'000);
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < values.size(); ++i) sum += values[i] = i * 2654435761u;
  auto data = std::make_optional(kernel.create_buffer(values.size() * 4));
  EXPECT_EQ(data->read<std::uint32_t>(10), std::vector<std::uint32_t>(10, 0));
  data->write<std::uint32_t>(values);
  const auto reply = kernel.call({data->ref()}, 5s);
  ASSERT_TRUE(reply.has_value()) << reply.failure().message;
  EXPECT_EQ(reply->proof, sum);
  EXPECT_EQ(data->read<std::uint32_t>(values.size()), values);
  EXPECT_THROW(data->read<std::uint32_t>(values.size() + 1), rondo::error);
  const rondo::buffer_ref stale = data->ref();
  data.reset();
  const auto refused = kernel.call({stale}, 5s);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.failure().message.find("no such buffer"), std::string::npos);
}

}  // namespace
}  // namespace cuda_test
