// Drivers that cannot be used: each is told with its reason, and the process goes on. A process
// opens one driver, so each case asks the command.
#include "paths.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <link.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace cuda_test {
namespace {

struct unusable_driver {
  const char* name;
  const char* file;  // among the fixtures
  std::vector<const char*> reason;
};
void PrintTo(const unusable_driver& d, std::ostream* out) { *out << d.name; }

std::string backends_with_driver(const std::string& file) {
  const auto rondo = rondo::test::bin_dir() / "rondo";
  const auto plugins = rondo::test::lib_dir() / "rondo" / "plugins";
  const std::string command = "RONDO_CUDA_DRIVER='" + file + "' '" + rondo.string() +
                              "' backends --only cuda --plugins '" + plugins.string() + "' 2>&1";
  std::string text;
  FILE* child = ::popen(command.c_str(), "r");
  for (int c; child != nullptr && (c = std::fgetc(child)) != EOF;) text += static_cast<char>(c);
  if (child != nullptr) ::pclose(child);
  return text;
}

class a_driver_that : public ::testing::TestWithParam<unusable_driver> {};

TEST_P(a_driver_that, gives_no_usable_device_and_the_reason) {
  const std::string said =
      backends_with_driver((rondo::test::fixtures_dir() / GetParam().file).string());
  EXPECT_NE(said.find("no usable device"), std::string::npos) << said;
  for (const char* part : GetParam().reason)
    EXPECT_NE(said.find(part), std::string::npos) << "without '" << part << "':\n" << said;
}

INSTANTIATE_TEST_SUITE_P(
    drivers, a_driver_that,
    ::testing::Values(
        unusable_driver{
            "is_not_there", "fake_cuda_absent.so", {"no NVIDIA driver", "fake_cuda_absent.so"}},
        unusable_driver{"has_no_functions", "no_entry.so", {"has no function cuInit"}},
        unusable_driver{
            "sees_no_device", "fake_cuda_no_device.so", {"does not start", "CUDA_ERROR_NO_DEVICE"}},
        unusable_driver{"is_too_old", "fake_cuda_old.so", {"supports CUDA 11.4"}},
        unusable_driver{"has_a_device_in_prohibited_mode",
                        "fake_cuda_prohibited.so",
                        {"device 0: ", "Prohibited"}},
        unusable_driver{"has_a_device_that_another_process_keeps",
                        "fake_cuda_busy.so",
                        {"device 0: ", "another process has it", "Exclusive_Process"}},
        unusable_driver{"has_a_device_that_is_too_weak",
                        "fake_cuda_weak.so",
                        {"device 0: ", "capability is 7.5", "8.0 or higher"}}),
    [](const auto& test) { return std::string(test.param.name); });

// What reads 0 and is not needed is no reason: an old driver, or a virtual machine, may not tell
// it.
TEST(a_device_of_which_most_attributes_read_0, is_not_refused_for_that) {
  const std::string said =
      backends_with_driver((rondo::test::fixtures_dir() / "fake_cuda_bare.so").string());
  // It was opened, which is as far as a driver goes that has nothing behind it.
  EXPECT_NE(said.find("no context can be had on it: CUDA_ERROR_UNKNOWN"), std::string::npos)
      << said;
  EXPECT_EQ(said.find("device 0: "), std::string::npos) << said;
}

// What the dynamic linker would load with it.
std::vector<std::string> needs_of(const std::filesystem::path& file) {
  void* const library = dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL);
  EXPECT_NE(library, nullptr) << dlerror();
  link_map* map = nullptr;
  if (library == nullptr || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) return {};
  const char* strings = nullptr;
  for (auto* d = map->l_ld; d->d_tag != DT_NULL; ++d)
    if (d->d_tag == DT_STRTAB) strings = reinterpret_cast<const char*>(d->d_un.d_ptr);
  std::vector<std::string> needs;
  for (auto* d = map->l_ld; d->d_tag != DT_NULL; ++d)
    if (d->d_tag == DT_NEEDED) needs.emplace_back(strings + d->d_un.d_val);
  dlclose(library);
  return needs;
}

// So they load where there is no driver, no CUDA and no Vulkan, and can say so.
TEST(plugin_and_modules, need_no_library_of_a_gpu) {
  const auto lib = rondo::test::lib_dir() / "rondo";
  for (const auto& file : {lib / "plugins" / "rondo_cuda.so", lib / "kernels" / "vector_add.so",
                           lib / "kernels" / "cuda_kernels.so"}) {
    const auto needs = needs_of(file);
    EXPECT_FALSE(needs.empty()) << file;
    for (const std::string& library : needs)
      for (const char* forbidden : {"libcuda", "libnv", "libvulkan", "libgdrapi"})
        EXPECT_FALSE(library.starts_with(forbidden)) << file << " needs " << library;
  }
}

}  // namespace
}  // namespace cuda_test
