// The layout that host and device kernel share: who writes a line shares it with nobody.
#include <rondo/device/contract.hpp>

#include <gtest/gtest.h>

namespace {

using namespace rondo::device;

template <class Line>
void expect_own_lines() {
  EXPECT_EQ(alignof(Line), rondo::ring::line_bytes);
  EXPECT_EQ(sizeof(Line) % rondo::ring::line_bytes, 0u);
}

TEST(contract, lines_of_host_and_kernel_are_never_one) {  // RING-04
  expect_own_lines<control_line>();
  expect_own_lines<report_line>();
  expect_own_lines<counters_line>();
  expect_own_lines<latency_block>();
  expect_own_lines<resume_block>();
}

}  // namespace
