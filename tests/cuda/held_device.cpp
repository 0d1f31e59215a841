// With RONDO_CUDA_TEST_HOLDS_DEVICE=1 the device is open as long as the test program runs, for
// tools under which to open it takes seconds. Without it each test opens and closes it.
#include "support.hpp"

namespace cuda_test {
namespace {

class held_device : public ::testing::Environment {
 public:
  void SetUp() override {
    const char* const wanted = std::getenv("RONDO_CUDA_TEST_HOLDS_DEVICE");
    if (wanted == nullptr || std::string(wanted) != "1" || !why_unavailable().empty()) return;
    rt_.emplace(rondo::runtime::open(where()));
    rt_->launch<plain_teller>(how_on_gpu()).terminate();
  }
  void TearDown() override { rt_.reset(); }

 private:
  std::optional<rondo::runtime> rt_;
};

[[maybe_unused]] const auto* const the_device =
    ::testing::AddGlobalTestEnvironment(new held_device);

}  // namespace
}  // namespace cuda_test
