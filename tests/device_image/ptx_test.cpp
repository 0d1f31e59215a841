// Order and scope of the ring's accesses, read from the PTX that nvcc makes of them. To pin another
// instruction, add a kernel to ring_access.cu and its row to the table.
#include "paths.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <regex>
#include <sstream>

namespace device_image_test {
namespace {

using ::testing::ElementsAreArray;

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

// A search for plain text: an expression takes a minute for a module of megabytes. What ends with a
// dot goes on in any way.
bool has_word(const std::string& text, const std::string& word) {
  const auto is_of_name = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const auto end = at + word.size();
    if (at > 0 && is_of_name(text[at - 1])) continue;
    if (word.back() != '.' && end < text.size() && is_of_name(text[end])) continue;
    return true;
  }
  return false;
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
  for (const char* word :
       {"ld.volatile", "st.volatile", "membar.", "vprintf", "__assertfail", "malloc", "free"})
    EXPECT_FALSE(has_word(ptx_, word)) << word;
  // Behind what handlers write into buffers that the host sees.
  const std::string known = "fence.acq_rel.sys";
  std::string rest = ptx_;
  for (auto at = rest.find(known); at != std::string::npos; at = rest.find(known, at))
    rest.erase(at, known.size());
  EXPECT_FALSE(has_word(rest, "fence."));
}

TEST(a_word, is_found_only_where_it_stands_alone) {
  EXPECT_TRUE(has_word("st; fence.acq_rel.sys; ld", "fence."));
  EXPECT_TRUE(has_word("call free;", "free"));
  EXPECT_FALSE(has_word("defence.x carefree freed _free", "fence."));
  EXPECT_FALSE(has_word("carefree freed _free", "free"));
}

// Whether a buffer is one that the host sees is known when it is resolved; a handler that resolves
// none has nothing to wait for, and nothing to ask.
TEST(a_fence, is_in_handlers_that_resolve_buffers_and_in_no_other) {
  const auto ptx = ptx_of("device_smoke");
  const auto has_fence = [&](const std::string& kernel) {
    return has_word(body_of(ptx, kernel), "fence.");
  };
  for (const char* with : {"rondo_kernel_transform", "rondo_rules_transform"})
    EXPECT_TRUE(has_fence(with)) << with;
  for (const char* without : {"rondo_kernel_swap_pair", "rondo_rules_swap_pair",
                              "rondo_kernel_count_down", "rondo_kernel_clockwork"})
    EXPECT_FALSE(has_fence(without)) << without;
}

INSTANTIATE_TEST_SUITE_P(of, a_persistent_kernel, ::testing::Values("vector_add", "device_smoke"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace device_image_test
