// The layout that host and device kernel share: who writes a line shares it with nobody.
#include <rondo/device/contract.hpp>

#include <gtest/gtest.h>

namespace {

using namespace rondo::device;

template <class Line>
constexpr bool lies_alone() {
  return alignof(Line) == rondo::ring::line_bytes && sizeof(Line) % rondo::ring::line_bytes == 0;
}
template <class Line>
void expect_own_lines() {
  EXPECT_TRUE(lies_alone<Line>()) << alignof(Line) << ", " << sizeof(Line);
}

TEST(contract, lines_of_host_and_kernel_are_never_one) {  // RING-04
  expect_own_lines<control_line>();
  expect_own_lines<report_line>();
  expect_own_lines<counters_line>();
  expect_own_lines<latency_block>();
  expect_own_lines<resume_block>();
}

TEST(contract, a_line_with_room_for_another_is_noticed) {  // breaks RING-04
  struct alignas(64) half_a_line {
    std::uint64_t word;
  };
  EXPECT_FALSE(lies_alone<half_a_line>());
}

}  // namespace
