// A module whose device image does not belong to what else there is: told before anything runs,
// with both sides' numbers. The images are those of cuda_kernels, in records that lie about them.
#include "support.hpp"

#include <dlfcn.h>

#include <stdexcept>
#include <vector>

namespace cuda_test {
namespace {

const rondo_module& real_module() {
  static const rondo_module* const module = [] {
    const auto file = rondo::test::lib_dir() / "rondo" / "kernels" / "cuda_kernels.so";
    void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(dlerror());
    const auto entry =
        reinterpret_cast<rondo_module_entry_fn>(dlsym(library, "rondo_module_entry"));
    return entry();
  }();
  return *module;
}

struct liar {
  rondo_module module = real_module();
  std::vector<rondo_image> images{module.images, module.images + module.image_count};
  std::vector<rondo_handler> handlers;
  std::vector<const rondo_handler*> list;

  liar() {
    for (std::uint64_t i = 0; i < module.handler_count; ++i)
      handlers.push_back(*module.handlers[i]);
    for (auto& handler : handlers) list.push_back(&handler);
    module.handlers = list.data();
    module.images = images.data();
    module.scenario_count = 0;
    module.name = {"liar", 4};
  }
};
// The entry of a linked module takes no argument.
liar* told = nullptr;

class a_lying_module : public on_gpu {
 protected:
  void SetUp() override {
    on_gpu::SetUp();
    if (!IsSkipped()) told = &lies;
  }
  rondo::error refusal() {
    auto options = where();
    options.linked_modules = {+[]() -> const rondo_module* { return &told->module; }};
    rt.emplace(rondo::runtime::open(options));
    auto launch = how();
    launch.module = "liar";
    try {
      rt->launch<plain_teller>(launch);
    } catch (const rondo::error& refused) {
      EXPECT_TRUE(rt->kernels().empty());
      return refused;
    }
    throw std::runtime_error("it was launched");
  }
  liar lies;
};

TEST_F(a_lying_module, with_an_image_of_another_ring_layout_is_refused_with_both_versions) {
  const std::uint32_t right = lies.images[0].ring_layout_version;
  for (auto& image : lies.images) image.ring_layout_version = right + 41;
  const auto refused = refusal();
  EXPECT_EQ(refused.code(), RONDO_VERSION_MISMATCH) << refused.message();
  EXPECT_NE(refused.message().find(std::to_string(right)), std::string::npos);
  EXPECT_NE(refused.message().find(std::to_string(right + 41)), std::string::npos);
}

// The device is asked what its image was built with: the record is not believed.
TEST_F(a_lying_module, whose_images_disagree_about_the_state_is_refused_with_both_sizes) {
  std::uint64_t right = 0;
  for (auto& handler : lies.handlers)
    if (std::string(handler.id.data, handler.id.size) == plain_teller::id.text) {
      right = handler.state_bytes;
      handler.state_bytes += 64;
    }
  const auto refused = refusal();
  EXPECT_EQ(refused.code(), RONDO_VERSION_MISMATCH) << refused.message();
  EXPECT_NE(refused.message().find("state"), std::string::npos) << refused.message();
  EXPECT_NE(refused.message().find(std::to_string(right)), std::string::npos);
  EXPECT_NE(refused.message().find(std::to_string(right + 64)), std::string::npos);
}

TEST_F(a_lying_module, without_the_entry_that_it_names_is_refused) {
  for (auto& handler : lies.handlers) handler.device_entry = {"rondo_kernel_nobody", 19};
  const auto refused = refusal();
  EXPECT_NE(refused.message().find("rondo_kernel_nobody"), std::string::npos) << refused.message();
}

}  // namespace
}  // namespace cuda_test
