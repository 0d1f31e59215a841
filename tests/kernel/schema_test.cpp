// The schema hash, by which two sides find out that they mean different things by one name: it
// differs whenever the bytes would, and is equal where the types are.
#include "kernel/values.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <tuple>

namespace kernel_test {
namespace {

template <class... Fields>
struct record {
  std::tuple<Fields...> fields;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    std::apply([&](auto&... field) { ar(field...); }, fields);
  }
};

template <class T, std::size_t N>
struct array_of {
  T values[N]{};
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(values);
  }
};

enum class small : std::uint8_t {};
enum class wide : std::uint32_t {};

template <class... Fields>
constexpr std::uint64_t fields_hash() {
  return rondo::detail::walk<rondo::detail::schema_archive, record<Fields...>>().hash;
}

template <class T, std::uint32_t N>
using vec = rondo::bounded_vector<T, N>;
template <std::uint32_t N>
using text = rondo::bounded_string<N>;
template <class T>
using opt = rondo::optional<T>;
using i32 = std::int32_t;

struct nothing {
  template <class A>
  RONDO_HANDLER constexpr void serialize(A&) {}
};

TEST(schema_hash, differs_for_fields_of_another_kind_width_order_or_bound) {
  std::map<std::uint64_t, std::string> seen;
  const auto expect_new = [&](const char* what, std::uint64_t hash) {
    const auto [at, is_new] = seen.emplace(hash, what);
    EXPECT_TRUE(is_new) << what << " has the hash of " << at->second;
  };
#define RONDO_EXPECT_NEW(...) expect_new(#__VA_ARGS__, fields_hash<__VA_ARGS__>())
  RONDO_EXPECT_NEW();
  RONDO_EXPECT_NEW(bool);
  RONDO_EXPECT_NEW(std::int8_t);
  RONDO_EXPECT_NEW(std::uint8_t);
  RONDO_EXPECT_NEW(std::int16_t);
  RONDO_EXPECT_NEW(i32);
  RONDO_EXPECT_NEW(std::uint32_t);
  RONDO_EXPECT_NEW(float);
  RONDO_EXPECT_NEW(std::int64_t);
  RONDO_EXPECT_NEW(std::uint64_t);
  RONDO_EXPECT_NEW(double);
  RONDO_EXPECT_NEW(i32, float);
  RONDO_EXPECT_NEW(float, i32);
  RONDO_EXPECT_NEW(i32, i32);
  RONDO_EXPECT_NEW(i32, i32, i32);
  RONDO_EXPECT_NEW(small, wide);
  RONDO_EXPECT_NEW(wide, small);
  RONDO_EXPECT_NEW(array_of<i32, 3>, float);
  RONDO_EXPECT_NEW(array_of<i32, 4>, float);
  RONDO_EXPECT_NEW(vec<i32, 3>);
  RONDO_EXPECT_NEW(vec<i32, 4>);
  RONDO_EXPECT_NEW(vec<float, 3>);
  RONDO_EXPECT_NEW(vec<vec<i32, 3>, 4>);
  RONDO_EXPECT_NEW(vec<vec<i32, 4>, 3>);
  RONDO_EXPECT_NEW(vec<record<i32, float>, 3>);
  RONDO_EXPECT_NEW(vec<i32, 3>, float);
  RONDO_EXPECT_NEW(text<3>);
  RONDO_EXPECT_NEW(text<4>);
  RONDO_EXPECT_NEW(vec<char, 3>);
  RONDO_EXPECT_NEW(vec<nothing, 3>);
  RONDO_EXPECT_NEW(opt<i32>);
  RONDO_EXPECT_NEW(opt<float>);
  RONDO_EXPECT_NEW(opt<opt<i32>>);
  RONDO_EXPECT_NEW(opt<i32>, i32);
  RONDO_EXPECT_NEW(opt<record<i32, i32>>);
  RONDO_EXPECT_NEW(opt<vec<i32, 3>>);
  RONDO_EXPECT_NEW(vec<opt<i32>, 3>);
#undef RONDO_EXPECT_NEW
}

TEST(schema_hash, agrees_where_the_bytes_agree) {
  EXPECT_EQ((fields_hash<small, i32>()), (fields_hash<std::uint8_t, i32>()));
  EXPECT_EQ((fields_hash<record<i32, float>, i32>()), (fields_hash<i32, float, i32>()));
  EXPECT_EQ((fields_hash<rondo::buffer_ref>()), (fields_hash<std::uint64_t>()));
  EXPECT_EQ((fields_hash<rondo::buffer_slice>()),
            (fields_hash<rondo::buffer_ref, std::uint64_t, std::uint64_t>()));
}

// Two declarations of one message, as two libraries would have them, and neighbours that differ
// from it in one property.
#define RONDO_DECLARE(where, wire_name, version, how) \
  namespace where {                                   \
  struct vec3 {                                       \
    float x, y, z;                                    \
    template <class A>                                \
    RONDO_HANDLER constexpr void serialize(A& ar) {   \
      ar(x, y, z);                                    \
    }                                                 \
  };                                                  \
  RONDO_MESSAGE(vec3, wire_name, version, how);       \
  }
RONDO_DECLARE(here, "Vec3", 1, plain)
RONDO_DECLARE(there, "Vec3", 1, plain)
RONDO_DECLARE(renamed, "Vec3b", 1, plain)
RONDO_DECLARE(newer, "Vec3", 2, plain)
RONDO_DECLARE(packed, "Vec3", 1, encoded)
#undef RONDO_DECLARE

TEST(schema_hash, is_the_same_for_equal_declarations) {
  EXPECT_EQ(rondo::detail::schema_hash<here::vec3>(), rondo::detail::schema_hash<there::vec3>());
}

TEST(schema_hash, differs_for_another_name_version_or_encoding) {
  const std::uint64_t hash = rondo::detail::schema_hash<here::vec3>();
  EXPECT_NE(hash, rondo::detail::schema_hash<renamed::vec3>());
  EXPECT_NE(hash, rondo::detail::schema_hash<newer::vec3>());
  EXPECT_NE(hash, rondo::detail::schema_hash<packed::vec3>());
}

// Modules and applications are compiled apart and years apart: the function may not change.
TEST(schema_hash, is_pinned) {
  EXPECT_EQ(rondo::detail::schema_hash<here::vec3>(), 15930879663726425380u);
  EXPECT_EQ(rondo::detail::schema_hash<everything>(), 8193036898290111746u);
}

TEST(message_record, says_what_the_type_is) {
  constexpr rondo_message_type plain = rondo::detail::describe_message<here::vec3>();
  EXPECT_EQ(plain.struct_size, sizeof(rondo_message_type));
  EXPECT_EQ(plain.encoding, std::uint32_t{RONDO_ENCODING_PLAIN});
  EXPECT_EQ(std::string(plain.wire_name.data, plain.wire_name.size), "Vec3");
  EXPECT_EQ(plain.version, 1u);
  EXPECT_EQ(plain.max_bytes, 12u);
  EXPECT_EQ(plain.alignment, alignof(float));
  EXPECT_EQ(plain.flags, 0u);
  EXPECT_EQ(plain.schema_hash, rondo::detail::schema_hash<here::vec3>());

  constexpr rondo_message_type packed_type = rondo::detail::describe_message<packed::vec3>();
  EXPECT_EQ(packed_type.encoding, std::uint32_t{RONDO_ENCODING_ENCODED});
  EXPECT_EQ(packed_type.max_bytes, 12u);
  EXPECT_EQ(packed_type.alignment, 1u);
}

struct derived : here::vec3 {
  float w;
};
static_assert(rondo::message_type<here::vec3>);
static_assert(!rondo::message_type<derived>, "a base's declaration is not its children's");
static_assert(!rondo::message_type<int>);

}  // namespace
}  // namespace kernel_test
