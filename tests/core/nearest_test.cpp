// Suggestions for mistyped names.
#include <rondo/nearest.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace {

const std::vector<std::string> backends = {"cpu", "cuda", "remote", "VectorAddProcessor"};

TEST(nearest, finds_the_name_that_was_meant) {
  EXPECT_EQ(rondo::nearest("cuad", backends), "cuda");  // swapped
  EXPECT_EQ(rondo::nearest("cud", backends), "cuda");   // missing
  EXPECT_EQ(rondo::nearest("cudaa", backends), "cuda");
  EXPECT_EQ(rondo::nearest("CUDA", backends), "cuda");
  EXPECT_EQ(rondo::nearest("VectoraddProcesor", backends), "VectorAddProcessor");
  EXPECT_EQ(rondo::nearest("cpu", backends), "cpu");
}

TEST(nearest, suggests_nothing_far_fetched) {
  EXPECT_EQ(rondo::nearest("opencl", backends), "");
  EXPECT_EQ(rondo::nearest("", backends), "");
  EXPECT_EQ(rondo::nearest("x", std::vector<std::string>{"y"}), "");
  EXPECT_EQ(rondo::nearest("cpu", std::vector<std::string>{}), "");
  EXPECT_EQ(rondo::nearest("cpu", std::vector<std::string>{""}), "");
}

TEST(nearest, prefers_fewer_edits_and_then_the_first) {
  const std::vector<std::string_view> names = {"abcdeX", "abcdef", "abcdeY"};
  EXPECT_EQ(rondo::nearest("abcdef", names), "abcdef");
  EXPECT_EQ(rondo::nearest("abcdeZ", names), "abcdeX");
}

TEST(nearest, the_answer_points_into_the_candidates) {
  const auto found = rondo::nearest("remot", backends);
  EXPECT_EQ(found.data(), backends[2].data());
}

TEST(nearest, absurd_lengths_are_answered_with_nothing) {
  const std::string absurd(1'000'000, 'a');
  EXPECT_EQ(rondo::nearest(absurd, backends), "");
  EXPECT_EQ(rondo::nearest("cpuu", std::vector<std::string>{absurd, "cpu"}), "cpu");
}

}  // namespace
