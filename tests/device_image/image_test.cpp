// The device images inside modules, as a backend sees them.
#include "device_image/fatbin.hpp"
#include "paths.hpp"

#include <rondo/abi.h>
#include <rondo/ring/layout.hpp>

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace device_image_test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Not;

// Stays loaded: nothing here is about unloading.
const rondo_module& module_at(const std::filesystem::path& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  const auto entry =
      reinterpret_cast<rondo_module_entry_fn>(dlsym(library, RONDO_MODULE_ENTRY_NAME));
  if (entry == nullptr) throw std::runtime_error(path.string() + " has no entry");
  return *entry();
}

std::string_view bytes_of(const rondo_image& image) {
  return {static_cast<const char*>(image.bytes), image.size};
}

struct expected_code {
  code_kind kind;
  std::uint32_t architecture;
  bool operator==(const expected_code&) const = default;
  auto operator<=>(const expected_code&) const = default;
};
void PrintTo(const expected_code& code, std::ostream* out) {
  *out << (code.kind == code_kind::ptx ? "compute_" : "sm_") << code.architecture;
}

// What "80-real,90" stands for, sorted.
std::vector<expected_code> codes_for(const char* architectures) {
  std::vector<expected_code> codes;
  std::istringstream words(architectures);
  for (std::string word; std::getline(words, word, ',');) {
    const auto number = static_cast<std::uint32_t>(std::stoul(word));
    if (word.find("-virtual") == std::string::npos) codes.push_back({code_kind::elf, number});
    if (word.find("-real") == std::string::npos) codes.push_back({code_kind::ptx, number});
  }
  std::sort(codes.begin(), codes.end());
  return codes;
}

const rondo_module& smoke_module() {
  return module_at(rondo::test::fixtures_dir() / "kernels/device_smoke.so");
}
const rondo_module& sample_module() {
  return module_at(rondo::test::lib_dir() / "rondo/kernels/vector_add.so");
}

struct built_module {
  const rondo_module& (*open)();
  const char* architectures;
};

class a_module_with_a_device_image : public ::testing::TestWithParam<built_module> {
 protected:
  const rondo_module& module_ = GetParam().open();
};

TEST_P(a_module_with_a_device_image, has_one_for_cuda_and_this_ring_layout) {
  ASSERT_EQ(module_.image_count, 1u);
  const rondo_image& image = module_.images[0];
  EXPECT_EQ(image.struct_size, sizeof(rondo_image));
  EXPECT_EQ(std::string_view(image.backend.data, image.backend.size), "cuda");
  EXPECT_EQ(image.ring_layout_version, rondo::ring::layout_version);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(image.bytes) % 64, 0u);
}

TEST_P(a_module_with_a_device_image, has_code_for_the_architectures_that_it_was_built_for) {
  ASSERT_EQ(module_.image_count, 1u);
  std::vector<expected_code> found;
  for (const auto& entry : entries_of(bytes_of(module_.images[0])))
    found.push_back({entry.kind, entry.architecture});
  std::sort(found.begin(), found.end());
  EXPECT_THAT(found, ElementsAreArray(codes_for(GetParam().architectures)));
}

INSTANTIATE_TEST_SUITE_P(vector_add, a_module_with_a_device_image,
                         ::testing::Values(built_module{&sample_module,
                                                        RONDO_TEST_CUDA_ARCHITECTURES}));
INSTANTIATE_TEST_SUITE_P(device_smoke, a_module_with_a_device_image,
                         ::testing::Values(built_module{&smoke_module,
                                                        RONDO_TEST_SMOKE_ARCHITECTURES}));

TEST(machine_code, has_both_entries_of_each_handler_and_prints_nothing) {
  const auto& smoke = smoke_module();
  ASSERT_EQ(smoke.image_count, 1u);
  ASSERT_EQ(smoke.handler_count, 6u);
  int read = 0;
  for (const auto& entry : entries_of(bytes_of(smoke.images[0]))) {
    if (entry.kind != code_kind::elf) continue;
    ASSERT_FALSE(entry.compressed);
    const auto symbols = symbols_of(entry.bytes);
    for (std::uint64_t i = 0; i < smoke.handler_count; ++i) {
      const auto& name = smoke.handlers[i]->device_entry;
      const std::string plain(name.data, name.size);
      EXPECT_THAT(symbols, Contains(plain));
      ASSERT_EQ(plain.rfind("rondo_kernel_", 0), 0u);
      EXPECT_THAT(symbols, Contains("rondo_rules_" + plain.substr(13)));
    }
    EXPECT_THAT(symbols, Not(Contains(HasSubstr("printf"))));
    ++read;
  }
  EXPECT_GT(read, 0);
}

TEST(a_module_that_asked_for_no_device_image, has_none) {
  EXPECT_EQ(module_at(rondo::test::fixtures_dir() / "kernels/tally.so").image_count, 0u);
}

TEST(an_image_reader, refuses_what_is_no_image) {
  EXPECT_THROW(entries_of(""), std::runtime_error);
  EXPECT_THROW(entries_of(std::string(64, 'x')), std::runtime_error);
  const auto& smoke = smoke_module();
  EXPECT_THROW(entries_of(bytes_of(smoke.images[0]).substr(0, 200)), std::runtime_error);
}

}  // namespace
}  // namespace device_image_test
