// Order and scope of the ring's accesses, read from the PTX that nvcc makes of them. To pin another
// instruction, add a kernel to ring_access.cu and its row to the table.
#include "paths.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

namespace device_image_test {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

std::string ptx_of(const std::string& name) {
  const auto path = rondo::test::fixtures_dir() / "ptx" / (name + ".ptx");
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// From the kernel's name to the brace that ends it, which nvcc puts at the begin of a line.
std::string body_of(const std::string& ptx, const std::string& kernel) {
  const auto begin = ptx.find(".entry " + kernel + "(");
  const auto end = ptx.find("\n}", begin);
  if (begin == std::string::npos || end == std::string::npos)
    throw std::runtime_error("no kernel " + kernel);
  return ptx.substr(begin, end - begin);
}

std::vector<std::string> matches(const std::string& text, const std::string& expression) {
  const std::regex pattern(expression);
  std::vector<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at)
    found.push_back((*at)[1]);
  return found;
}

// Everything that orders memory. Plain accesses are the kernels' arguments and results.
std::vector<std::string> ring_accesses(const std::string& body) {
  return matches(
      body, R"(\b((?:ld|st|atom|red|fence|membar)\.)"
            R"((?:relaxed|acquire|release|acq_rel|volatile|weak|mmio|sc|cta|gl|sys)\b[\w.]*))");
}

struct expectation {
  const char* operation;
  std::vector<std::string> instructions;
};
void PrintTo(const expectation& row, std::ostream* out) { *out << row.operation; }

class a_ring_access : public ::testing::TestWithParam<expectation> {};

TEST_P(a_ring_access, is_this_instruction_and_no_other) {
  const auto body = body_of(ptx_of("ring_access"), GetParam().operation);
  EXPECT_THAT(ring_accesses(body), ElementsAreArray(GetParam().instructions)) << body;
}

INSTANTIATE_TEST_SUITE_P(
    of_the_platform, a_ring_access,
    ::testing::Values(expectation{"load_relaxed", {"ld.relaxed.sys.global.u64"}},
                      expectation{"load_acquire", {"ld.acquire.sys.global.u64"}},
                      expectation{"store_relaxed", {"st.relaxed.sys.global.u64"}},
                      expectation{"store_release", {"st.release.sys.global.u64"}},
                      expectation{"store_after_loads", {"st.relaxed.sys.global.u64"}},
                      expectation{"load_chunk", {"ld.relaxed.sys.global.b128"}},
                      expectation{"store_chunk", {"st.relaxed.sys.global.b128"}},
                      expectation{"compare_exchange", {"atom.relaxed.gpu.global.cas.b64"}},
                      expectation{"exchange_acq_rel", {"atom.acq_rel.gpu.global.exch.b64"}},
                      expectation{"blocks_load_acquire", {"ld.acquire.gpu.global.u64"}},
                      expectation{"blocks_store_release", {"st.release.gpu.global.u64"}},
                      expectation{"blocks_add_release", {"red.release.gpu.global.add.u64"}},
                      expectation{"settle_writes", {"fence.acq_rel.sys"}},
                      expectation{"pause", {}}),
    [](const auto& test) { return std::string(test.param.operation); });

// What a persistent kernel consists of: all that it may use, each of which it does use.
class a_persistent_kernel : public ::testing::TestWithParam<const char*> {
 protected:
  const std::string ptx_ = ptx_of(GetParam());
};

TEST_P(a_persistent_kernel, reaches_the_ring_by_these_instructions) {
  for (const char* instruction : {"ld.relaxed.sys.global.b128", "st.relaxed.sys.global.b128",
                                  "ld.acquire.sys.global.u64", "st.release.sys.global.u64"})
    EXPECT_NE(ptx_.find(instruction), std::string::npos) << instruction;
}

TEST_P(a_persistent_kernel, has_no_volatile_access_no_fence_but_one_and_no_print) {
  EXPECT_THAT(matches(ptx_, R"(\b((?:ld|st)\.volatile[\w.]*))"), IsEmpty());
  // Behind what handlers write into buffers that the host sees.
  EXPECT_THAT(matches(ptx_, R"(\b((?:membar|fence)\.[\w.]*))"), Each("fence.acq_rel.sys"));
  EXPECT_THAT(matches(ptx_, R"(\b(vprintf|__assertfail|malloc|free)\b)"), IsEmpty());
}

// Whether a buffer is one that the host sees is known when it is resolved; a handler that resolves
// none has nothing to wait for, and nothing to ask.
TEST(a_fence, is_in_handlers_that_resolve_buffers_and_in_no_other) {
  const auto ptx = ptx_of("device_smoke");
  const auto fences = [&](const std::string& kernel) {
    return matches(body_of(ptx, kernel), R"(\b(fence\.[\w.]*))");
  };
  for (const char* with : {"rondo_kernel_transform", "rondo_rules_transform"})
    EXPECT_THAT(fences(with), Contains("fence.acq_rel.sys")) << with;
  for (const char* without : {"rondo_kernel_swap_pair", "rondo_rules_swap_pair",
                              "rondo_kernel_count_down", "rondo_kernel_clockwork"})
    EXPECT_THAT(fences(without), IsEmpty()) << without;
}

INSTANTIATE_TEST_SUITE_P(of, a_persistent_kernel, ::testing::Values("vector_add", "device_smoke"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace device_image_test
