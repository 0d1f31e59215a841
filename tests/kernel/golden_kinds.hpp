// One golden case for each kind of field, at its edges.
#pragma once

#include "kernel/golden.hpp"

#include <cereal/types/array.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>

#include <array>
#include <optional>

namespace kernel_test {

// A message of one field; it adds no byte to the field's.
template <class T>
struct one {
  T value{};
  bool operator==(const one&) const = default;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(value);
  }
};

enum class signed_enum : std::int8_t { minus = -2 };
enum unscoped_enum : std::uint32_t { large = 0x80000001 };

using integers = rondo::bounded_vector<std::int32_t, 3>;
using bools = rondo::bounded_vector<bool, 3>;
using shades = rondo::bounded_vector<shade, 2>;
using matrix = rondo::bounded_vector<integers, 2>;
using text = rondo::bounded_string<5>;
using texts = rondo::bounded_vector<text, 2>;
using inners = rondo::bounded_vector<inner, 2>;

// With the same fields as `inner`.
struct std_inner {
  bool flag = false;
  std::string text;
  std::optional<std::vector<std::int16_t>> numbers;
  bool operator==(const std_inner&) const = default;
  template <class A>
  void serialize(A& ar) {
    ar(flag, text, numbers);
  }
};

#define RONDO_ONE(Type) RONDO_MESSAGE(one<Type>, "One", 1, encoded)
RONDO_ONE(bool);
RONDO_ONE(char);
RONDO_ONE(std::int8_t);
RONDO_ONE(std::uint8_t);
RONDO_ONE(std::int16_t);
RONDO_ONE(std::uint16_t);
RONDO_ONE(std::int32_t);
RONDO_ONE(std::uint32_t);
RONDO_ONE(std::int64_t);
RONDO_ONE(std::uint64_t);
RONDO_ONE(float);
RONDO_ONE(double);
RONDO_ONE(shade);
RONDO_ONE(signed_enum);
RONDO_ONE(unscoped_enum);
RONDO_ONE(std::int32_t[3]);
RONDO_ONE(std::uint8_t[2][3]);
RONDO_ONE(bool[2]);
RONDO_ONE(shade[2]);
RONDO_ONE(integers);
RONDO_ONE(bools);
RONDO_ONE(shades);
RONDO_ONE(matrix);
RONDO_ONE(text);
RONDO_ONE(texts);
RONDO_ONE(inner);
RONDO_ONE(inners);
RONDO_ONE(rondo::optional<std::int32_t>);
RONDO_ONE(rondo::optional<text>);
RONDO_ONE(rondo::optional<inner>);
RONDO_ONE(rondo::optional<rondo::optional<bool>>);
RONDO_ONE(rondo::buffer_ref);
RONDO_ONE(rondo::buffer_slice);
#undef RONDO_ONE

template <class Vector>
Vector vector_of(std::initializer_list<typename Vector::value_type> values) {
  Vector out;
  for (const auto& value : values) out.push_back(value);
  return out;
}

template <class T, class Mirror = T>
golden_case kind(const std::string& name, const std::string& about, const T& value,
                 const Mirror& mirror) {
  return make_case(name, about, one<T>{value}, mirror);
}
template <class T>
golden_case scalar(const std::string& name, const std::string& about, T value) {
  return kind(name, about, value, value);
}

inline void add_scalars(std::vector<golden_case>& to) {
  to.push_back(scalar("bool_false", "bool: false", false));
  to.push_back(scalar("bool_true", "bool: true", true));
  to.push_back(scalar("char", "char: 'R'", 'R'));
  to.push_back(scalar("int8", "int8: -2", std::int8_t{-2}));
  to.push_back(scalar("uint8", "uint8: 254", std::uint8_t{254}));
  to.push_back(scalar("int16", "int16: -0x0102", std::int16_t{-0x0102}));
  to.push_back(scalar("uint16", "uint16: 0x0102", std::uint16_t{0x0102}));
  to.push_back(scalar("int32", "int32: -0x01020304", std::int32_t{-0x01020304}));
  to.push_back(scalar("uint32", "uint32: 0x01020304", std::uint32_t{0x01020304}));
  to.push_back(scalar("int64", "int64: -0x0102030405060708", std::int64_t{-0x0102030405060708}));
  to.push_back(scalar("uint64", "uint64: 0x0102030405060708", std::uint64_t{0x0102030405060708}));
  to.push_back(scalar("float", "float: -1.5", -1.5f));
  to.push_back(scalar("double", "double: 0.1", 0.1));
  to.push_back(scalar("enum_uint16", "enum of uint16: 0x0203", shade::dark));
  to.push_back(scalar("enum_int8", "enum of int8: -2", signed_enum::minus));
  to.push_back(scalar("enum_unscoped", "unscoped enum of uint32: 0x80000001", large));
}

inline void add_arrays(std::vector<golden_case>& to) {
  to.push_back(make_case("array_int32", "int32[3]: 1, 2, -3", one<std::int32_t[3]>{{1, 2, -3}},
                         std::array<std::int32_t, 3>{1, 2, -3}));
  to.push_back(make_case("array_of_arrays", "uint8[2][3]: 1 2 3, 4 5 6",
                         one<std::uint8_t[2][3]>{{{1, 2, 3}, {4, 5, 6}}},
                         std::array<std::array<std::uint8_t, 3>, 2>{{{1, 2, 3}, {4, 5, 6}}}));
  to.push_back(make_case("array_bool", "bool[2]: false, true", one<bool[2]>{{false, true}},
                         std::array<bool, 2>{false, true}));
  to.push_back(make_case("array_enum", "enum of uint16[2]: 1, 0x0203",
                         one<shade[2]>{{shade::light, shade::dark}},
                         std::array<shade, 2>{shade::light, shade::dark}));
}

inline void add_vectors(std::vector<golden_case>& to) {
  using ints = std::vector<std::int32_t>;
  to.push_back(kind("vector_0", "bounded_vector<int32, 3>: empty", integers{}, ints{}));
  to.push_back(
      kind("vector_1", "bounded_vector<int32, 3>: -1", vector_of<integers>({-1}), ints{-1}));
  to.push_back(kind("vector_max", "bounded_vector<int32, 3>: 1, 2, 3",
                    vector_of<integers>({1, 2, 3}), ints{1, 2, 3}));
  to.push_back(kind("vector_bool", "bounded_vector<bool, 3>: true, false, true",
                    vector_of<bools>({true, false, true}), std::vector<bool>{true, false, true}));
  to.push_back(kind("vector_enum", "bounded_vector<enum of uint16, 2>: 0x0203, 1",
                    vector_of<shades>({shade::dark, shade::light}),
                    std::vector<shade>{shade::dark, shade::light}));
  to.push_back(kind("vector_of_vectors", "bounded_vector of bounded_vector<int32, 3>: (1, 2), ()",
                    vector_of<matrix>({vector_of<integers>({1, 2}), {}}),
                    std::vector<ints>{{1, 2}, {}}));
  to.push_back(kind("vector_of_strings", "bounded_vector<bounded_string<5>, 2>: \"ab\", \"\"",
                    vector_of<texts>({"ab", ""}), std::vector<std::string>{"ab", ""}));
}

inline void add_strings(std::vector<golden_case>& to) {
  to.push_back(kind("string_0", "bounded_string<5>: empty", text{}, std::string{}));
  to.push_back(kind("string_1", "bounded_string<5>: \"R\"", text("R"), std::string("R")));
  to.push_back(
      kind("string_max", "bounded_string<5>: \"Rondo\"", text("Rondo"), std::string("Rondo")));
  to.push_back(kind("string_with_zero", "bounded_string<5>: 'a', 0, 'b'", text("a\0b"),
                    std::string("a\0b", 3)));
}

inline void add_optionals(std::vector<golden_case>& to) {
  using maybe_int = rondo::optional<std::int32_t>;
  using maybe_text = rondo::optional<text>;
  using maybe_maybe = rondo::optional<rondo::optional<bool>>;
  using std_maybe_maybe = std::optional<std::optional<bool>>;
  to.push_back(
      kind("optional_unset", "optional<int32>: unset", maybe_int{}, std::optional<std::int32_t>{}));
  to.push_back(
      kind("optional_set", "optional<int32>: 5", maybe_int(5), std::optional<std::int32_t>(5)));
  to.push_back(kind("optional_set_to_zero", "optional<int32>: 0", maybe_int(0),
                    std::optional<std::int32_t>(0)));
  to.push_back(kind("optional_string_unset", "optional<bounded_string<5>>: unset", maybe_text{},
                    std::optional<std::string>{}));
  to.push_back(kind("optional_string_set", "optional<bounded_string<5>>: \"Rondo\"",
                    maybe_text(text("Rondo")), std::optional<std::string>("Rondo")));
  to.push_back(kind("optional_of_unset", "optional<optional<bool>>: set, to one that is unset",
                    maybe_maybe(rondo::optional<bool>{}), std_maybe_maybe(std::optional<bool>{})));
}

inline void add_structs(std::vector<golden_case>& to) {
  inner a{true, "abcdefg", {}};
  a.numbers.emplace().push_back(-2);
  const inner b{false, "", {}};
  const std_inner std_a{true, "abcdefg", std::vector<std::int16_t>{-2}};
  const std_inner std_b;
  to.push_back(kind("struct", "struct: true, \"abcdefg\", optional vector of int16 -2", a, std_a));
  to.push_back(kind("struct_default", "struct: false, \"\", unset", b, std_b));
  to.push_back(kind("vector_of_structs", "bounded_vector of the two structs",
                    vector_of<inners>({a, b}), std::vector<std_inner>{std_a, std_b}));
  to.push_back(kind("optional_struct",
                    "optional struct: true, \"abcdefg\", optional vector of int16 -2",
                    rondo::optional<inner>(a), std::optional<std_inner>(std_a)));
  to.push_back(kind("buffer_ref", "buffer_ref: generation 0x01020304, index 5",
                    rondo::buffer_ref{0x0102030400000005}, std::uint64_t{0x0102030400000005}));
  to.push_back(kind("buffer_slice",
                    "buffer_slice: generation 0x01020304, index 5, 0x708 bytes from 16",
                    rondo::buffer_slice{{0x0102030400000005}, 16, 0x708},
                    std::array<std::uint64_t, 3>{0x0102030400000005, 16, 0x708}));
}

}  // namespace kernel_test
