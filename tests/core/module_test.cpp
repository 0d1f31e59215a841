// Kernel modules: the one that is linked into this program, found by name, and files found by path
// or by name in the directories that the runtime was given.
#include "support.hpp"

#include "loader_support.hpp"

#include <rondo/kernel/module.hpp>

#include <gmock/gmock.h>

#include <cstring>

namespace core_test {

RONDO_KERNEL(oracle);
RONDO_KERNEL(gated);
RONDO_KERNEL(culprit);
RONDO_KERNEL(emitting);
RONDO_KERNEL(mirror);
RONDO_KERNEL(repeating);
RONDO_KERNEL(measuring);
RONDO_KERNEL(summing);
RONDO_KERNEL(part_summing);
RONDO_KERNEL(choosing);
RONDO_KERNEL(stillborn);

}  // namespace core_test

RONDO_MODULE("tests");

namespace {

using namespace core_test;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

const fs::path kernels_dir = rondo::test::fixtures_dir() / "kernels";

rondo::runtime_options with_kernels(std::vector<fs::path> paths) {
  auto options = hermetic();
  options.kernel_paths = std::move(paths);
  return options;
}

// What Tally answers, for a caller that knows no types: total and number of requests.
std::pair<std::uint64_t, std::uint64_t> tally(rondo::kernel_handle& kernel, std::uint64_t amount) {
  std::vector<std::byte> reply;
  const auto header = kernel.call_bytes(&amount, sizeof amount, 1, reply, patience);
  EXPECT_TRUE(header) << header.failure().text();
  std::pair<std::uint64_t, std::uint64_t> both{};
  EXPECT_EQ(reply.size(), 16u);
  std::memcpy(&both.first, reply.data(), 8);
  std::memcpy(&both.second, reply.data() + 8, 8);
  return both;
}

void expect_works(rondo::kernel_handle kernel) {
  kernel.activate();
  EXPECT_EQ(tally(kernel, 40), std::pair(std::uint64_t{40}, std::uint64_t{1}));
  EXPECT_EQ(tally(kernel, 2), std::pair(std::uint64_t{42}, std::uint64_t{2}));
}

TEST(module, is_found_by_path) {
  auto runtime = open_runtime();
  expect_works(runtime.launch("Tally", {.module = (kernels_dir / "tally.so").string()}));
}

TEST(module, is_found_by_name_in_a_directory) {
  auto runtime = rondo::runtime::open(with_kernels({kernels_dir}));
  expect_works(runtime.launch("Tally", {.module = "tally"}));
}

TEST(module, is_found_by_its_handler_alone) {
  auto runtime = rondo::runtime::open(with_kernels({kernels_dir / "tally.so"}));
  expect_works(runtime.launch("Tally"));
}

TEST(module, that_is_linked_in_comes_before_files_and_a_name_chooses_another) {
  auto runtime = rondo::runtime::open(with_kernels({kernels_dir}));
  auto linked = runtime.launch<oracle>({.id = "linked"});
  EXPECT_EQ(linked.queues().input, "ringkernel_Question_linked_input");
  auto named = runtime.launch<oracle>({.id = "named", .module = "tests"});
  EXPECT_EQ(named.queues().input, "ringkernel_Question_named_input");
  auto other = runtime.launch("Oracle", {.id = "other", .module = "tally"});
  EXPECT_EQ(other.queues().input, "ringkernel_TallyRequest_other_input");
}

TEST(module, that_is_unknown_is_refused_with_the_nearest_name) {
  auto runtime = rondo::runtime::open(with_kernels({kernels_dir}));
  const auto info = refusal_of([&] { runtime.launch("Tally", {.module = "tallyy"}); });
  EXPECT_EQ(info.code, RONDO_NO_SUCH_MODULE);
  EXPECT_EQ(info.object, "tallyy");
  EXPECT_THAT(info.message, HasSubstr(kernels_dir.string()));
  EXPECT_THAT(info.remedy, HasSubstr("'tally'"));
}

TEST(module, that_is_linked_in_is_suggested_too) {
  auto runtime = open_runtime();
  const auto info = refusal_of([&] { runtime.launch("Oracle", {.module = "test"}); });
  EXPECT_EQ(info.code, RONDO_NO_SUCH_MODULE);
  EXPECT_THAT(info.remedy, HasSubstr("'tests'"));
}

TEST(module, at_a_path_that_leads_nowhere_is_refused) {
  auto runtime = open_runtime();
  const auto info = refusal_of([&] { runtime.launch("Tally", {.module = "/no/such/module.so"}); });
  EXPECT_EQ(info.code, RONDO_NO_SUCH_MODULE);
  EXPECT_EQ(info.object, "/no/such/module.so");
  EXPECT_FALSE(info.remedy.empty());
}

TEST(module, that_is_no_library_or_throws_is_refused_and_does_not_keep_others_out) {
  const loader_support::scratch_directory dir;
  const auto throws = dir.put_fixture("module_that_throws", "a_module.so");
  const auto text = dir.put("a_text.so", "not a library\n");
  const auto foreign = dir.put_fixture("minimal", "b_plugin.so");
  const auto good = dir.put("tally.so", loader_support::read_file(kernels_dir / "tally.so"));
  auto runtime = rondo::runtime::open(with_kernels({dir.path()}));
  expect_works(runtime.launch("Tally"));
  EXPECT_EQ(refusal_of([&] { runtime.launch("X", {.module = text.string()}); }).code,
            RONDO_NOT_A_SHARED_OBJECT);
  EXPECT_EQ(refusal_of([&] { runtime.launch("X", {.module = foreign.string()}); }).code,
            RONDO_ENTRY_MISSING);
  const auto thrown = refusal_of([&] { runtime.launch("X", {.module = throws.string()}); });
  EXPECT_EQ(thrown.code, RONDO_BAD_DESCRIPTOR);
  EXPECT_THAT(thrown.message, HasSubstr("no module today"));
}

TEST(module, lists_its_handlers) {
  auto runtime = rondo::runtime::open(with_kernels({kernels_dir / "tally.so"}));
  const auto from_file = runtime.handlers("tally");
  ASSERT_EQ(from_file.size(), 2u);
  std::vector<std::string> ids;
  for (const auto& handler : runtime.handlers("tests")) ids.push_back(handler.id);
  EXPECT_THAT(ids,
              UnorderedElementsAre("Oracle", "Gated", "Culprit", "Emitting", "Mirror", "Repeating",
                                   "Measuring", "Summing", "PartSumming", "Choosing", "Borrowing",
                                   "Stillborn", "Noting", "Counting", "Flooded", "Probe", "Started",
                                   "Ticking", "Pulsing", "BriskPulsing", "Timeless", "Unwilling"));
  for (const auto& handler : from_file) {
    EXPECT_EQ(handler.module, "tally");
    EXPECT_EQ(handler.request, "TallyRequest");
    EXPECT_EQ(handler.response, "TallyReply");
    EXPECT_THAT(handler.images, ElementsAre("host"));
    EXPECT_EQ(handler.scenarios, 0u);
  }
  EXPECT_EQ(runtime.handlers().size(), from_file.size() + ids.size());
}

TEST(module, entry_gives_the_same_record_each_time) {  // MOD-01
  const rondo_module* const record = rondo_module_entry();
  ASSERT_NE(record, nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rondo_module_entry(), record);
  const rondo_module* elsewhere = nullptr;
  std::jthread([&] { elsewhere = rondo_module_entry(); }).join();
  EXPECT_EQ(elsewhere, record);
  EXPECT_EQ(record->magic, RONDO_MODULE_MAGIC);
  EXPECT_GT(record->handler_count, 0u);
}

TEST(module, of_another_interface_version_is_refused) {
  static rondo_module record = *rondo_module_entry();
  const auto opened_with = [](auto change) {
    record = *rondo_module_entry();
    change(record);
    auto options = hermetic();
    options.linked_modules = {+[]() -> const rondo_module* { return &record; }};
    return refusal_of([&] { rondo::runtime::open(options); });
  };
  const auto newer = opened_with([](auto& m) { m.abi_version = RONDO_ABI_VERSION + 1; });
  EXPECT_EQ(newer.code, RONDO_ABI_MISMATCH);
  EXPECT_FALSE(newer.remedy.empty());
  EXPECT_EQ(opened_with([](auto& m) { m.magic = 1; }).code, RONDO_BAD_DESCRIPTOR);
  EXPECT_EQ(opened_with([](auto& m) { m.struct_size = 8; }).code, RONDO_BAD_DESCRIPTOR);
  EXPECT_EQ(opened_with([](auto& m) { m.handler_count = 0; }).code, RONDO_BAD_DESCRIPTOR);
}

TEST(module, directory_that_does_not_exist_is_refused_when_the_runtime_opens) {
  const auto info = refusal_of([&] { rondo::runtime::open(with_kernels({"/no/such/directory"})); });
  EXPECT_EQ(info.code, RONDO_NO_SUCH_DIRECTORY);
  EXPECT_EQ(info.object, "/no/such/directory");
}

}  // namespace
