// Opening a runtime: what is found, what is refused and why; several in one process; what remains
// when it is closed.
#include "support.hpp"

#include "loader_support.hpp"

#include <gmock/gmock.h>

namespace {

using namespace core_test;
using loader_support::scratch_directory;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

const fs::path cpu_plugin = rondo::test::lib_dir() / "rondo/plugins/rondo_cpu.so";

rondo::runtime_options looking_in(const fs::path& path) {
  auto options = hermetic();
  options.plugin_paths = {path};
  options.only_backends = {};
  return options;
}

TEST(runtime, opens_with_the_plugin_that_it_found) {
  auto runtime = open_runtime();
  const auto backends = runtime.backends();
  ASSERT_EQ(backends.size(), 1u);
  EXPECT_EQ(backends[0].id, "dev.rondo.cpu");
  EXPECT_EQ(backends[0].name, "cpu");
  EXPECT_EQ(backends[0].path, fs::canonical(cpu_plugin));
  EXPECT_THAT(backends[0].capabilities, Contains(RONDO_CAP_HOST_IMAGE));
  ASSERT_EQ(backends[0].devices.size(), 1u);
  EXPECT_TRUE(backends[0].devices[0].usable);
  EXPECT_GT(backends[0].devices[0].processors, 0u);
  EXPECT_GT(backends[0].devices[0].memory_bytes, 0u);
  ASSERT_NE(runtime.report().find("cpu"), nullptr);
}

TEST(runtime, refuses_a_named_directory_that_does_not_exist) {
  const auto info = refusal_of([] { rondo::runtime::open(looking_in("/no/such/plugins")); });
  EXPECT_EQ(info.code, RONDO_NO_SUCH_DIRECTORY);
  EXPECT_EQ(info.object, "/no/such/plugins");
  EXPECT_FALSE(info.remedy.empty());
}

TEST(runtime, refuses_an_empty_directory_and_says_where_it_looked) {
  const scratch_directory dir;
  try {
    rondo::runtime::open(looking_in(dir.path()));
    FAIL() << "was not refused";
  } catch (const rondo::no_backend_error& refusal) {
    EXPECT_EQ(refusal.code(), RONDO_NO_PLUGINS);
    EXPECT_THAT(refusal.what(), HasSubstr(dir.path().string()));
    ASSERT_EQ(refusal.report().roots.size(), 1u);
    EXPECT_TRUE(refusal.report().candidates.empty());
  }
}

TEST(runtime, refuses_a_directory_of_broken_plugins_with_the_report_of_each) {
  const scratch_directory dir;
  dir.put("a_text.so", "not a library\n");
  dir.put_fixture("no_entry", "b_entry.so");
  try {
    rondo::runtime::open(looking_in(dir.path()));
    FAIL() << "was not refused";
  } catch (const rondo::no_backend_error& refusal) {
    EXPECT_EQ(refusal.code(), RONDO_NO_SUCH_BACKEND);
    ASSERT_EQ(refusal.report().candidates.size(), 2u);
    EXPECT_EQ(refusal.report().candidates[0].code(), RONDO_NOT_A_SHARED_OBJECT);
    EXPECT_EQ(refusal.report().candidates[1].code(), RONDO_ENTRY_MISSING);
    EXPECT_THAT(refusal.what(), HasSubstr("a_text.so"));
    EXPECT_THAT(refusal.what(), HasSubstr("b_entry.so"));
  }
}

TEST(runtime, refuses_a_plugin_without_a_device_and_says_so) {
  const scratch_directory dir;
  dir.put_fixture("minimal");
  try {
    rondo::runtime::open(looking_in(dir.path()));
    FAIL() << "was not refused";
  } catch (const rondo::no_backend_error& refusal) {
    EXPECT_EQ(refusal.code(), RONDO_NO_USABLE_DEVICE);
    EXPECT_FALSE(refusal.report().candidates.at(0).reason.empty());
  }
}

TEST(runtime, works_with_a_healthy_plugin_beside_broken_ones) {  // LOAD-07
  const scratch_directory dir;
  dir.put("a_text.so", "not a library\n");
  dir.put_fixture("minimal");
  dir.put("z_cpu.so", loader_support::read_file(cpu_plugin));
  auto runtime = rondo::runtime::open(looking_in(dir.path()));
  EXPECT_EQ(runtime.backends().size(), 1u);
  auto kernel = runtime.launch<oracle>();
  kernel.activate();
  EXPECT_TRUE(answers(*kernel.call({.nonce = 9}, patience), 9));
  const auto refused =
      refusal_of([&] { runtime.launch<oracle>({.backend = "minimal", .id = "x"}); });
  EXPECT_EQ(refused.code, RONDO_NO_USABLE_DEVICE);
}

TEST(runtime, survey_reports_without_failing) {
  const scratch_directory dir;
  dir.put("a_text.so", "not a library\n");
  const auto nothing = rondo::runtime::survey(looking_in(dir.path()));
  EXPECT_TRUE(nothing.backends.empty());
  EXPECT_EQ(nothing.report.candidates.size(), 1u);
  const auto found = rondo::runtime::survey(hermetic());
  ASSERT_EQ(found.backends.size(), 1u);
  EXPECT_EQ(found.backends[0].name, "cpu");
  EXPECT_THAT(found.backends[0].devices.at(0).properties,
              Contains(testing::Pair("default_publication", "word")));
}

TEST(runtime, lives_beside_another_with_the_same_ids) {
  running<oracle> first, second;
  first.kernel.call({}, patience).value();
  EXPECT_EQ(second.kernel.snapshot().messages_in, 0u);
  for (std::uint64_t i = 1; i <= 3; ++i)
    EXPECT_EQ(second.kernel.call({.nonce = i}, patience)->count, i);
  EXPECT_EQ(first.kernel.queues().input, second.kernel.queues().input);
  first.runtime.close();
  EXPECT_EQ(first.kernel.state(), rondo::kernel_state::terminated);
  EXPECT_EQ(second.kernel.call({}, patience)->count, 4u);
}

TEST(runtime, finds_kernels_by_id_and_names_the_nearest) {
  auto runtime = open_runtime();
  runtime.launch<oracle>({.id = "first"});
  runtime.launch<oracle>({.id = "second"});
  EXPECT_EQ(runtime.find_kernel("second").id(), "second");
  EXPECT_EQ(runtime.find_kernel("second").handler_id(), "Oracle");
  EXPECT_EQ(runtime.find_kernel("second").backend(), "cpu");
  EXPECT_EQ(runtime.find_kernel("second").device(), 0u);
  EXPECT_EQ(runtime.kernels().size(), 2u);
  const auto info = refusal_of([&] { runtime.find_kernel("secund"); });
  EXPECT_EQ(info.code, RONDO_NO_SUCH_KERNEL);
  EXPECT_THAT(info.remedy, HasSubstr("'second'"));
}

TEST(runtime, gives_each_kernel_a_tag_of_its_own) {
  auto runtime = open_runtime();
  auto first = runtime.launch<oracle>({.id = "first"});
  auto second = runtime.launch<oracle>({.id = "second"});
  first.activate();
  second.activate();
  EXPECT_NE(first.call({}, patience)->kernel_tag, second.call({}, patience)->kernel_tag);
}

TEST(runtime, removes_only_ended_kernels_and_frees_their_id) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>({.id = "k"});
  const auto alive = refusal_of([&] { runtime.remove("k"); });
  EXPECT_EQ(alive.code, RONDO_INVALID_STATE);
  EXPECT_FALSE(alive.remedy.empty());
  kernel.terminate();
  EXPECT_EQ(refusal_of([&] { runtime.launch<oracle>({.id = "k"}); }).code, RONDO_ALREADY_EXISTS);
  runtime.remove("k");
  EXPECT_TRUE(runtime.queues().empty());
  EXPECT_EQ(refusal_of([&] { runtime.remove("k"); }).code, RONDO_NO_SUCH_KERNEL);
  auto again = runtime.launch<gated>({.id = "k"});
  EXPECT_EQ(runtime.find_kernel("k").handler_id(), "Gated");
  EXPECT_EQ(kernel.state(), rondo::kernel_state::terminated);
  EXPECT_EQ(kernel.call({}, patience).code(), RONDO_TERMINATED);
}

TEST(runtime, keeps_removed_kernels_from_coming_back) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>({.id = "k"});
  kernel.terminate();
  runtime.remove("k");
  EXPECT_EQ(refusal_of([&] { kernel.relaunch(); }).code, RONDO_INVALID_STATE);
  EXPECT_EQ(kernel.state(), rondo::kernel_state::terminated);
}

TEST(runtime, ends_its_kernels_when_it_closes_and_may_be_closed_twice) {
  running<oracle> it;
  it.runtime.close();
  it.runtime.close();
  EXPECT_EQ(it.kernel.state(), rondo::kernel_state::terminated);
  EXPECT_TRUE(it.runtime.kernels().empty());
  EXPECT_TRUE(it.runtime.queues().empty());
  EXPECT_EQ(refusal_of([&] { it.runtime.launch<oracle>(); }).code, RONDO_INVALID_STATE);
}

TEST(runtime, moves_and_ends_what_it_replaces) {
  running<oracle> it;
  auto other = open_runtime();
  auto others = other.launch<oracle>();
  others.activate();
  it.runtime = std::move(other);
  EXPECT_EQ(it.kernel.state(), rondo::kernel_state::terminated);
  EXPECT_TRUE(answers(*others.call({.nonce = 3}, patience), 3));
  EXPECT_EQ(it.runtime.find_kernel("Oracle").state(), rondo::kernel_state::active);
}

TEST(runtime, leaves_handles_that_answer_when_it_is_gone) {
  auto it = std::make_unique<running<oracle>>();
  auto kernel = it->kernel;
  auto sender = kernel.as_sender();
  auto receiver = kernel.as_receiver();
  auto buffer = kernel.create_buffer(64);
  it.reset();
  EXPECT_EQ(kernel.state(), rondo::kernel_state::terminated);
  EXPECT_EQ(kernel.call({}, patience).code(), RONDO_TERMINATED);
  EXPECT_EQ(sender.send({}, patience).code(), RONDO_TERMINATED);
  EXPECT_EQ(sender.try_send({}).code(), RONDO_TERMINATED);
  EXPECT_EQ(receiver.receive(patience).code(), RONDO_TERMINATED);
  EXPECT_EQ(kernel.snapshot().messages_in, 0u);
  EXPECT_EQ(kernel.queues().input, "ringkernel_Question_Oracle_input");
  EXPECT_EQ(refusal_of([&] { kernel.relaunch(); }).code, RONDO_INVALID_STATE);
  EXPECT_EQ(refusal_of([&] { kernel.activate(); }).code, RONDO_INVALID_STATE);
  kernel.terminate();
  buffer.write(std::span<const std::uint64_t>(std::vector<std::uint64_t>{1, 2}));
  EXPECT_THAT(buffer.read<std::uint64_t>(2), ElementsAre(1, 2));
}

TEST(runtime, closes_after_the_request_in_hand_and_ends_the_wait_of_the_others) {
  auto it = std::make_unique<running<gated>>();
  gate_use shut(0);
  auto kernel = it->kernel;
  std::jthread in_hand([&] {
    const auto reply = kernel.call({.gate = 0, .nonce = 7}, patience);
    EXPECT_TRUE(reply && answers(*reply, 7));
  });
  ASSERT_TRUE(shut.reached());
  for (std::uint64_t i = 0; i < 20; ++i)
    kernel.send({.gate = no_gate, .nonce = i}, patience).value();
  std::jthread waiting([&] {
    EXPECT_EQ(kernel.call({.gate = no_gate, .nonce = 1}, patience).code(), RONDO_TERMINATED);
  });
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().sent == 22; }));
  std::jthread opener([&] {
    EXPECT_TRUE(eventually([&] { return kernel.try_send({}).code() == RONDO_TERMINATED; }));
    shut.open();
  });
  it->runtime.close(patience);
  it.reset();
  EXPECT_EQ(kernel.state(), rondo::kernel_state::terminated);
}

TEST(runtime, keeps_queue_descriptions_and_kernel_lists_sound_while_kernels_come_and_go) {
  auto runtime = open_runtime();
  auto constant = runtime.launch<oracle>({.id = "constant"});
  std::atomic<bool> finished{false};
  std::jthread reader([&] {
    while (!finished) {
      EXPECT_NO_THROW(EXPECT_GE(runtime.queues().size(), 2u));
      EXPECT_GE(runtime.kernels().size(), 1u);
    }
  });
  for (int i = 0; i < 200; ++i) {
    runtime.launch<oracle>({.id = "passing"}).terminate();
    runtime.remove("passing");
  }
  finished = true;
}

}  // namespace
