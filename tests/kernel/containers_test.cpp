// bounded_vector, bounded_string, optional and buffer_ref as values: what fits is kept, what does
// not is refused and changes nothing.
#include <rondo/kernel/containers.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace kernel_test {
namespace {

using rondo::bounded_string;
using rondo::bounded_vector;

static_assert(std::is_trivially_copyable_v<bounded_vector<float, 25>>);
static_assert(std::is_trivially_copyable_v<bounded_string<25>>);
static_assert(std::is_trivially_copyable_v<rondo::optional<bounded_string<5>>>);

template <class V>
std::vector<int> elements(const V& v) {
  return {v.begin(), v.end()};
}

TEST(bounded_vector, starts_empty_and_takes_up_to_its_bound) {
  bounded_vector<int, 3> v;
  EXPECT_TRUE(v.empty());
  EXPECT_EQ(v.max_size(), 3u);
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(v.push_back(10 * i));
  EXPECT_FALSE(v.push_back(40));
  EXPECT_EQ(elements(v), (std::vector{10, 20, 30}));
  EXPECT_EQ(v.size(), 3u);
  EXPECT_EQ(v[2], 30);
}

TEST(bounded_vector, resize_keeps_what_remains_and_initialises_what_is_new) {
  bounded_vector<int, 4> v;
  for (const int i : {1, 2, 3, 4}) v.push_back(i);
  EXPECT_TRUE(v.resize(1));
  EXPECT_TRUE(v.resize(3));
  EXPECT_EQ(elements(v), (std::vector{1, 0, 0}));
  EXPECT_TRUE(v.resize(4));
  EXPECT_FALSE(v.resize(5));
  EXPECT_EQ(elements(v), (std::vector{1, 0, 0, 0}));
  v.clear();
  EXPECT_TRUE(v.empty());
}

TEST(bounded_vector, takes_an_element_of_its_own) {
  bounded_vector<int, 3> v;
  v.push_back(7);
  EXPECT_TRUE(v.push_back(v[0]));
  EXPECT_EQ(elements(v), (std::vector{7, 7}));
}

TEST(bounded_vector, equality_looks_at_the_elements_and_not_at_what_was_there_before) {
  bounded_vector<int, 3> a, b;
  a.push_back(1);
  b.push_back(1);
  b.push_back(2);
  EXPECT_FALSE(a == b);
  b.resize(1);
  EXPECT_TRUE(a == b);
  b[0] = 9;
  EXPECT_FALSE(a == b);
}

TEST(bounded_string, holds_a_literal_without_its_terminator) {
  const bounded_string<5> s = "five!";
  EXPECT_EQ(s.size(), 5u);
  EXPECT_EQ(s.to<std::string>(), "five!");
  EXPECT_TRUE(bounded_string<5>("").empty());
  EXPECT_EQ(bounded_string<5>("a\0b").size(), 3u);
}

TEST(bounded_string, refuses_what_is_too_long_and_stays_as_it_was) {
  bounded_string<3> s = "abc";
  EXPECT_FALSE(s.assign("wxyz", 4));
  EXPECT_FALSE(s.assign(std::string("wxyz")));
  EXPECT_FALSE(s.resize(4));
  EXPECT_EQ(s.to<std::string_view>(), "abc");
}

TEST(bounded_string, takes_any_string_type_that_fits) {
  bounded_string<3> s;
  EXPECT_TRUE(s.assign(std::string("xyz")));
  EXPECT_EQ(s.to<std::string_view>(), "xyz");
  EXPECT_TRUE(s.assign(std::string_view("p")));
  EXPECT_EQ(s, bounded_string<3>("p"));
  EXPECT_TRUE(s.assign(bounded_string<8>("pq")));
  EXPECT_EQ(s, bounded_string<3>("pq"));
  EXPECT_TRUE(s.assign(nullptr, 0));
  EXPECT_TRUE(s.empty());
}

TEST(bounded_string, new_characters_are_zero) {
  bounded_string<4> s = "abcd";
  EXPECT_TRUE(s.resize(1));
  EXPECT_TRUE(s.resize(3));
  EXPECT_EQ(s.to<std::string>(), std::string("a\0\0", 3));
}

TEST(bounded_string, equality_looks_at_the_text_and_not_at_what_was_there_before) {
  bounded_string<4> a = "ab", b = "abcd";
  EXPECT_FALSE(a == b);
  b.resize(2);
  EXPECT_TRUE(a == b);
  EXPECT_FALSE(a == bounded_string<4>("ax"));
}

TEST(optional, is_unset_until_a_value_is_given) {
  rondo::optional<int> o;
  EXPECT_FALSE(o.has_value());
  EXPECT_FALSE(static_cast<bool>(o));
  EXPECT_EQ(o.value_or(4), 4);
  o = 0;
  EXPECT_TRUE(o.has_value());
  EXPECT_EQ(*o, 0);
  EXPECT_EQ(o.value_or(4), 0);
  o.reset();
  EXPECT_FALSE(o.has_value());
}

TEST(optional, emplace_sets_a_fresh_value) {
  rondo::optional<bounded_string<3>> o(bounded_string<3>("abc"));
  EXPECT_EQ(o->size(), 3u);
  EXPECT_TRUE(o.emplace().empty());
  EXPECT_TRUE(o.has_value());
}

TEST(optional, unset_ones_are_equal_whatever_they_held) {
  rondo::optional<int> a(5), b(6);
  EXPECT_FALSE(a == b);
  a.reset();
  EXPECT_FALSE(a == b);
  b.reset();
  EXPECT_TRUE(a == b);
  EXPECT_FALSE(a == rondo::optional<int>(0)) << "a set zero is not unset";
}

TEST(buffer_ref, is_none_until_it_has_a_handle) {
  rondo::buffer_ref ref;
  EXPECT_FALSE(static_cast<bool>(ref));
  ref.handle = 1;
  EXPECT_TRUE(static_cast<bool>(ref));
  EXPECT_FALSE(ref == rondo::buffer_ref{});
}

TEST(buffer_slice, lies_in_a_buffer_or_not_also_where_its_numbers_overflow) {
  constexpr std::uint64_t end = ~std::uint64_t{0};
  const auto lies_in_100 = [](std::uint64_t offset, std::uint64_t bytes) {
    return rondo::buffer_slice{{1}, offset, bytes}.lies_in(100);
  };
  EXPECT_TRUE(lies_in_100(0, 100));
  EXPECT_TRUE(lies_in_100(100, 0));
  EXPECT_TRUE(lies_in_100(99, 1));
  EXPECT_FALSE(lies_in_100(0, 101));
  EXPECT_FALSE(lies_in_100(101, 0));
  EXPECT_FALSE(lies_in_100(99, 2));
  EXPECT_FALSE(lies_in_100(end, 1));
  EXPECT_FALSE(lies_in_100(1, end));
  EXPECT_FALSE(lies_in_100(end - 50, 100));
  EXPECT_FALSE(static_cast<bool>(rondo::buffer_slice{}));
  EXPECT_TRUE(static_cast<bool>(rondo::buffer_slice{{1}, 0, 0}));
}

constexpr bool works_when_compiled() {
  bounded_vector<int, 2> v;
  bounded_string<4> s = "ab";
  rondo::optional<int> o;
  o.emplace() = 3;
  return v.push_back(1) && v.push_back(2) && !v.push_back(3) && s.resize(1) && s.size() == 1 &&
         *o == 3 && v == v && s == bounded_string<4>("a");
}
static_assert(works_when_compiled());

}  // namespace
}  // namespace kernel_test
