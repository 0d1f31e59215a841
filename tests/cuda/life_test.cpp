// The life of kernels on a GPU: limits, what goes on beside residents, ends in every situation.
#include "support.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <vector>

namespace cuda_test {
namespace {

TEST_F(on_gpu, the_hundred_and_twenty_first_resident_kernel_is_refused_and_the_rest_works_on) {
  std::vector<rondo::kernel<plain_teller>> all;
  for (int i = 0; i < 120; ++i) {
    all.push_back(rt->launch<plain_teller>(small(how(), "k" + std::to_string(i))));
    all.back().activate();
  }
  try {
    rt->launch<plain_teller>(small(how(), "one-more"));
    ADD_FAILURE() << "the 121st was launched";
  } catch (const rondo::error& refused) {
    EXPECT_EQ(refused.code(), RONDO_LIMIT_REACHED);
    EXPECT_NE(refused.message().find("120"), std::string::npos) << refused.message();
  }
  // Everything of ours goes on beside them.
  for (const int i : {0, 60, 119}) converse(all[static_cast<std::size_t>(i)], 1, 20);
  auto buffer = all[0].create_buffer(8 << 20);
  const std::vector<std::uint32_t> values(2 << 20, 7);
  buffer.write<std::uint32_t>(values);
  EXPECT_EQ(buffer.read<std::uint32_t>(values.size()), values);
  all[5].terminate();
  rt->remove("k5");
  // Code that is not loaded yet: all others step aside for it.
  auto late = rt->launch<vector_add>(small(of_another_module(), "late"));
  late.activate();
  add_two_vectors(late);
  for (const int i : {0, 60, 119}) converse(all[static_cast<std::size_t>(i)], 1, 20);
  EXPECT_EQ(all[0].call(ask(500), 5s)->count, 41u) << "state, after a step aside";
}

TEST_F(on_gpu, more_blocks_than_fit_are_refused_with_the_number) {
  auto options = how();
  options.grid = 1'000'000;
  options.block = 256;
  try {
    rt->launch<grid_adder>(options);
    ADD_FAILURE() << "a million blocks were launched";
  } catch (const rondo::error& refused) {
    EXPECT_EQ(refused.code(), RONDO_LIMIT_REACHED);
    EXPECT_NE(refused.message().find("1000000"), std::string::npos) << refused.message();
  }
  options.grid = 1;
  options.block = 4096;
  EXPECT_THROW(rt->launch<grid_adder>(options), rondo::error);
}

TEST_F(on_gpu, rings_lie_where_the_ping_was_quicker_and_the_device_says_so) {
  rt->launch<plain_teller>(how("auto"));  // a device that is not open has no figures
  const auto ns = [&](const char* key) { return std::stoull(property(*rt, key)); };
  const auto pinned = ns("ping_pinned_p50_ns");
  EXPECT_GT(pinned, 0u);
  EXPECT_GE(ns("ping_pinned_p99_ns"), pinned);
  if (property(*rt, "ping_bar_p50_ns").empty()) {
    EXPECT_EQ(property(*rt, "placement"), "pinned");
    EXPECT_EQ(property(*rt, "ping_bar").rfind("none: ", 0), 0u) << "why there is no window";
    return;
  }
  EXPECT_GE(ns("ping_bar_p99_ns"), ns("ping_bar_p50_ns"));
  EXPECT_EQ(property(*rt, "placement"), ns("ping_bar_p50_ns") < pinned ? "bar" : "pinned");
}

TEST_F(on_gpu, wrong_options_are_refused_by_name) {
  auto options = how("nowhere");
  try {
    rt->launch<plain_teller>(options);
    ADD_FAILURE();
  } catch (const rondo::error& refused) {
    EXPECT_EQ(refused.code(), RONDO_INVALID_ARGUMENT);
    EXPECT_NE(refused.message().find("nowhere"), std::string::npos);
  }
  options.options = {{"colour", "red"}};
  EXPECT_THROW(rt->launch<plain_teller>(options), rondo::error);
  options = how();
  options.publish = rondo::publish_policy::word;
  EXPECT_THROW(rt->launch<plain_teller>(options), rondo::error);
}

TEST_F(on_gpu, device_options_are_given_once_and_known_to_somebody) {
  auto options = where();
  options.device_options = {{"cuda", "colour", "red"}, {"cuda", "colour", "blue"}};
  try {
    (void)rondo::runtime::open(options);
    ADD_FAILURE() << "two values were taken for one key";
  } catch (const rondo::error& refused) {
    EXPECT_EQ(refused.code(), RONDO_INVALID_ARGUMENT);
    EXPECT_NE(refused.message().find("colour is given twice"), std::string::npos)
        << refused.message();
  }
  options.device_options.pop_back();
  auto opened = rondo::runtime::open(options);
  try {
    opened.launch<plain_teller>(how());
    ADD_FAILURE() << "a device was opened with an option that it does not know";
  } catch (const rondo::error& refused) {
    EXPECT_EQ(refused.code(), RONDO_INVALID_ARGUMENT);
    EXPECT_NE(refused.message().find("colour"), std::string::npos) << refused.message();
  }
}

TEST_F(on_gpu, a_lease_that_cannot_be_kept_is_refused_and_the_least_is_named) {
  auto options = how();
  for (const auto lease : {std::chrono::nanoseconds(1), std::chrono::nanoseconds(39ms)}) {
    options.lease = lease;
    try {
      rt->launch<plain_teller>(options);
      ADD_FAILURE() << "a lease of " << lease.count() << " ns was granted";
    } catch (const rondo::error& refused) {
      EXPECT_EQ(refused.code(), RONDO_UNSUPPORTED);
      EXPECT_NE(refused.message().find("the least is 40 ms"), std::string::npos)
          << refused.message();
    }
    EXPECT_TRUE(rt->kernels().empty());
  }
}

TEST_F(on_gpu, what_the_backend_does_not_offer_is_refused_by_name_and_leaves_nothing) {
  struct refusal {
    const char* names;
    void (*ask)(rondo::launch_options&);
  };
  const refusal all[] = {
      {"output_full", [](auto& o) { o.output_full = rondo::when_full::drop_oldest; }},
      {"word publication", [](auto& o) { o.publish = rondo::publish_policy::word; }},
      {"sleep", [](auto& o) { o.wait = rondo::wait_policy::park; }},
      {"threads of a pool", [](auto& o) { o.threads = rondo::kernel_threads::pool; }},
      {"processor of the host", [](auto& o) { o.cpu = 0; }},
      // Or, on a device without a window, that there is none.
      {"behind the bus only chunked|no window", [](auto& o) {
         o.options = {{"placement", "bar"}};
         o.publish = rondo::publish_policy::counted;
       }}};
  for (const refusal& each : all) {
    SCOPED_TRACE(each.names);
    auto options = how();
    each.ask(options);
    try {
      rt->launch<plain_teller>(options);
      ADD_FAILURE() << "it was launched";
    } catch (const rondo::error& refused) {
      EXPECT_EQ(refused.code(), RONDO_UNSUPPORTED) << refused.message();
      EXPECT_TRUE(std::regex_search(refused.message(), std::regex(each.names)))
          << refused.message();
    }
    EXPECT_TRUE(rt->kernels().empty());
    const std::string grids = property(*rt, "resident_grids");
    EXPECT_TRUE(grids.empty() || grids == "0") << grids << "; none if the device is not open";
  }
}

// What the host does by itself, it does for a kernel on a GPU as well.
TEST_F(on_gpu, a_full_input_rejects_or_drops_and_keys_are_recognized) {
  for (const auto policy : {rondo::when_full::reject, rondo::when_full::drop_newest}) {
    auto options = how();
    options.input_capacity = 2;
    options.input_full = policy;
    options.duplicate_window = 4;
    auto kernel = rt->launch<plain_teller>(options);
    ASSERT_TRUE(kernel.send(ask(1), 5s, {.key = 1}));
    EXPECT_EQ(kernel.send(ask(1), 5s, {.key = 1}).code(), RONDO_REPEATED);
    ASSERT_TRUE(kernel.send(ask(2), 5s, {.key = 2}));
    const bool drops = policy == rondo::when_full::drop_newest;
    EXPECT_EQ(kernel.send(ask(3), 5s, {.key = 3}).code(), drops ? RONDO_DROPPED : RONDO_FULL);
    EXPECT_EQ(kernel.call(ask(3), 5s).code(), drops ? RONDO_DROPPED : RONDO_FULL);
    EXPECT_EQ(kernel.snapshot().dropped_newest, drops ? 2u : 0u);
    EXPECT_EQ(kernel.snapshot().duplicates, 1u);
    kernel.activate();
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(kernel.receive(5s));
    kernel.terminate();
    rt->remove(kernel.id());
  }
}

std::string entries_of(const char* directory) {
  const std::filesystem::directory_iterator all(directory);
  return std::to_string(std::distance(begin(all), end(all)));
}
// Of this process, in MiB: a page that is pinned for the device stays resident.
std::uint64_t resident_mib() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * 4096 >> 20;
}

TEST_F(on_gpu, a_thousand_launches_leave_nothing_behind) {
  auto keeper = rt->launch<plain_teller>(small(how(), "keeper"));
  keeper.activate();
  // What the plugin says that it holds, and what the system says that the process holds.
  const auto holdings = [&] {
    return std::array{property(*rt, "pinned_used_bytes"), property(*rt, "device_used_bytes"),
                      property(*rt, "streams_in_use"),    property(*rt, "resident_grids"),
                      entries_of("/proc/self/fd"),        entries_of("/proc/self/task")};
  };
  auto before = holdings();
  std::uint64_t mib_before = 0;
  for (int i = 0; i < 1000; ++i) {
    if (i == 10) before = holdings(), mib_before = resident_mib();
    auto kernel = rt->launch<plain_teller>(small(how(), "k"));
    kernel.activate();
    ASSERT_EQ(kernel.call(ask(16), 5s)->proof, secret(16, 1)) << i;
    kernel.terminate();
    rt->remove("k");
  }
  EXPECT_EQ(holdings(), before);
  EXPECT_LT(resident_mib(), mib_before + 16) << "16 KiB a launch are 16 MiB";
  EXPECT_EQ(before[3], "1") << "the keeper";
  EXPECT_EQ(std::count(before.begin(), before.end(), ""), 0);
}

TEST_F(on_gpu, runtimes_come_and_go_and_two_live_side_by_side) {
  auto kernel = rt->launch<plain_teller>(how());
  kernel.activate();
  for (int i = 0; i < 5; ++i) {
    auto other = rondo::runtime::open(where());
    auto second = other.launch<plain_teller>(how());
    second.activate();
    converse(second, 1, 10);
    converse(kernel, 1, 10);
  }
}

TEST_F(on_gpu, the_window_is_there_however_often_the_device_was_opened) {
  skip_where_unavailable(*rt, "bar");
  if (IsSkipped()) return;
  rt.reset();
  for (int i = 0; i < 40; ++i) {
    auto once = rondo::runtime::open(where());
    auto kernel = once.launch<plain_teller>(how("bar"));
    kernel.activate();
    converse(kernel, 1, 10);
  }
}

class each_end : public on_gpu, public ::testing::WithParamInterface<rondo::terminate_mode> {};
INSTANTIATE_TEST_SUITE_P(modes, each_end,
                         ::testing::Values(rondo::terminate_mode::drain,
                                           rondo::terminate_mode::discard));

TEST_P(each_end, comes_within_a_second_while_idle) {
  auto kernel = rt->launch<plain_teller>(how());
  kernel.activate();
  const auto begin = std::chrono::steady_clock::now();
  kernel.terminate({GetParam(), 500ms});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_EQ(kernel.send(ask(16), 1s).code(), RONDO_TERMINATED);
}

TEST_P(each_end, comes_within_a_second_while_the_input_is_full_and_accounts_for_all) {
  auto kernel = rt->launch<plain_teller>(small(how(), "full"));
  std::uint64_t sent = 0;
  while (kernel.try_send(ask(100 + sent)).has_value()) ++sent;
  EXPECT_EQ(sent, 16u);
  kernel.activate();
  const auto begin = std::chrono::steady_clock::now();
  const auto report = kernel.terminate({GetParam(), 500ms});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_EQ(kernel.snapshot().messages_in + report.discarded, sent);
  if (GetParam() == rondo::terminate_mode::drain) {
    EXPECT_EQ(report.discarded, 0u);
  }
}

TEST_P(each_end, comes_within_a_second_while_blocked_on_a_full_output) {
  auto kernel = rt->launch<emitting_teller>(small(how(), "blocked"));
  kernel.activate();
  question q = ask(16);
  q.value[0] = 1000;
  kernel.send(q, 1s).value();
  EXPECT_TRUE(soon([&] { return kernel.snapshot().messages_out == 16; }));
  const auto begin = std::chrono::steady_clock::now();
  try {
    kernel.terminate({GetParam(), 100ms});
  } catch (const rondo::error& late) {
    EXPECT_EQ(late.code(), RONDO_TIMEOUT) << late.message();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_EQ(kernel.state(), rondo::kernel_state::terminated);
}

}  // namespace
}  // namespace cuda_test
