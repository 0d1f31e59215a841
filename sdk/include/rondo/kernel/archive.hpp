// How a message turns into bytes and back, on host and device: one walk over the fields, in the
// order in which the type's serialize() names them, and small archives that measure, write, read or
// fingerprint what the walk meets. The bytes are those of Cereal's BinaryArchive on a little-endian
// machine: scalars as they lie in memory, a sequence as a 64-bit count and its elements, an
// optional as one byte that is 1 when there is *no* value.
#pragma once

#include <rondo/kernel/containers.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace rondo::detail {

template <class T>
struct is_vector : std::false_type {};
template <class T, std::uint32_t N>
struct is_vector<bounded_vector<T, N>> : std::true_type {};
template <class T>
struct is_text : std::false_type {};
template <std::uint32_t N>
struct is_text<bounded_string<N>> : std::true_type {};
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<optional<T>> : std::true_type {};

// Not long double: it has 6 bytes of padding on x86-64 and is another type on a GPU.
template <class T>
inline constexpr bool is_scalar =
    (std::is_arithmetic_v<T> && !std::is_same_v<T, long double>) || std::is_enum_v<T>;

// The walk. Every archive derives from it and answers scalar(), array(), sequence() and maybe().
template <class Derived>
struct archive {
  template <class... Fields>
  RONDO_HD constexpr void operator()(Fields&&... fields) {
    (field(const_cast<std::remove_cvref_t<Fields>&>(fields)), ...);
  }

  template <class T>
  RONDO_HD constexpr void field(T& x) {
    if constexpr (is_scalar<T>) {
      self().scalar(x);
    } else if constexpr (std::is_array_v<T>) {
      self().array(x);
    } else if constexpr (is_vector<T>::value || is_text<T>::value) {
      self().sequence(x);
    } else if constexpr (is_optional<T>::value) {
      self().maybe(x);
    } else {
      static_assert(
          requires(T & t, Derived & ar) { t.serialize(ar); },
          "a message field is arithmetic (not long double), an enum, an array, "
          "bounded_vector, bounded_string, rondo::optional, or has `template <class A> "
          "RONDO_HANDLER "
          "constexpr void serialize(A& ar)`");
      x.serialize(self());
    }
  }

  RONDO_HD constexpr Derived& self() { return static_cast<Derived&>(*this); }
};

// Largest number of bytes any value of the type can take. Looks at types, not at values. Arrays are
// measured by one element, here and below: compilers limit the steps of a constant expression, and
// 64 KiB one by one are beyond what some of them take.
struct max_size_archive : archive<max_size_archive> {
  std::uint64_t bytes = 0;

  template <class T>
  RONDO_HD constexpr void scalar(T&) {
    bytes += sizeof(T);
  }
  template <class T, std::size_t N>
  RONDO_HD constexpr void array(T (&x)[N]) {
    max_size_archive one;
    one.field(x[0]);
    bytes += one.bytes * N;
  }
  template <class S>
  RONDO_HD constexpr void sequence(S&) {
    bytes += sizeof(std::uint64_t);
    if constexpr (is_text<S>::value) {
      bytes += S::max_size();
    } else {
      max_size_archive one;
      typename S::value_type element{};
      one.field(element);
      bytes += one.bytes * S::max_size();
    }
  }
  template <class O>
  RONDO_HD constexpr void maybe(O&) {
    typename O::value_type value{};
    bytes += 1;
    field(value);
  }
};

// A number that differs when the sequence of field kinds, widths or bounds differs. FNV-1a.
struct schema_archive : archive<schema_archive> {
  std::uint64_t hash = 0xcbf29ce484222325u;

  RONDO_HD constexpr void mix(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) {
      hash ^= value & 0xff;
      hash *= 0x100000001b3u;
      value >>= 8;
    }
  }
  template <class T>
  RONDO_HD constexpr void scalar(T&) {
    using U = typename std::conditional_t<std::is_enum_v<T>, std::underlying_type<T>,
                                          std::type_identity<T>>::type;
    const char kind = std::is_same_v<U, bool>       ? 'b'
                      : std::is_floating_point_v<U> ? 'f'
                      : std::is_signed_v<U>         ? 'i'
                                                    : 'u';
    mix(static_cast<std::uint64_t>(kind) << 8 | sizeof(T));
  }
  template <class T, std::size_t N>
  RONDO_HD constexpr void array(T (&x)[N]) {
    mix(static_cast<std::uint64_t>('(') << 32 | N);
    field(x[0]);
    mix(')');
  }
  template <class S>
  RONDO_HD constexpr void sequence(S&) {
    mix(static_cast<std::uint64_t>(is_text<S>::value ? '"' : '[') << 32 | S::max_size());
    if constexpr (is_vector<S>::value) {
      typename S::value_type element{};
      field(element);
    }
    mix(']');
  }
  template <class O>
  RONDO_HD constexpr void maybe(O&) {
    typename O::value_type value{};
    mix('?');
    field(value);
    mix('!');
  }
};

// Adds up the sizes of the fields of a plain type: less than sizeof means padding, or a field that
// serialize() forgets.
struct plain_sum_archive : archive<plain_sum_archive> {
  std::uint64_t bytes = 0;
  bool only_plain = true;

  template <class T>
  RONDO_HD constexpr void scalar(T&) {
    bytes += sizeof(T);
    if constexpr (std::is_same_v<T, bool>) only_plain = false;  // a byte of 2 is no bool
  }
  template <class T, std::size_t N>
  RONDO_HD constexpr void array(T (&x)[N]) {
    plain_sum_archive one;
    one.field(x[0]);
    bytes += one.bytes * N;
    only_plain = only_plain && one.only_plain;
  }
  template <class S>
  RONDO_HD constexpr void sequence(S&) {
    only_plain = false;
  }
  template <class O>
  RONDO_HD constexpr void maybe(O&) {
    only_plain = false;
  }
};

// Writes into a fixed range; `ok` turns false, for good, when it is too small.
struct write_archive : archive<write_archive> {
  RONDO_HD write_archive(void* to, std::uint32_t room)
      : at(static_cast<std::byte*>(to)), left(room) {}

  std::byte* at;
  std::uint32_t left;
  bool ok = true;

  RONDO_HD void raw(const void* from, std::uint32_t bytes) {
    if (bytes > left) ok = false;
    if (!ok) return;
    __builtin_memcpy(at, from, bytes);
    at += bytes;
    left -= bytes;
  }
  template <class T>
  RONDO_HD void scalar(T& x) {
    raw(&x, sizeof(T));
  }
  template <class T, std::size_t N>
  RONDO_HD void array(T (&x)[N]) {
    if constexpr (std::is_arithmetic_v<T>) raw(x, static_cast<std::uint32_t>(sizeof x));
    else
      for (auto& element : x) field(element);
  }
  template <class S>
  RONDO_HD void sequence(S& s) {
    const std::uint64_t count = s.size();
    raw(&count, sizeof count);
    if constexpr (is_text<S>::value) raw(s.data(), s.size());
    else if constexpr (std::is_arithmetic_v<typename S::value_type>)
      raw(s.data(), static_cast<std::uint32_t>(s.size() * sizeof(typename S::value_type)));
    else
      for (auto& element : s) field(element);
  }
  template <class O>
  RONDO_HD void maybe(O& o) {
    const std::uint8_t is_null = o.has_value() ? 0 : 1;
    raw(&is_null, 1);
    if (o.has_value()) field(*o);
  }
};

// Reads from a fixed range; `ok` turns false, for good, when bytes are missing or a count, a bool
// or an optional's mark is not one that a writer produces. The value is then incomplete: do not use
// it.
struct read_archive : archive<read_archive> {
  RONDO_HD read_archive(const void* from, std::uint32_t bytes)
      : at(static_cast<const std::byte*>(from)), left(bytes) {}

  const std::byte* at;
  std::uint32_t left;
  bool ok = true;

  RONDO_HD void raw(void* to, std::uint32_t bytes) {
    if (bytes > left) ok = false;
    if (!ok) return;
    __builtin_memcpy(to, at, bytes);
    at += bytes;
    left -= bytes;
  }
  template <class T>
  RONDO_HD void scalar(T& x) {
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = 0;
      raw(&byte, 1);
      if (byte > 1) ok = false;
      x = byte == 1;
    } else {
      raw(&x, sizeof(T));
    }
  }
  template <class T, std::size_t N>
  RONDO_HD void array(T (&x)[N]) {
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
      raw(x, static_cast<std::uint32_t>(sizeof x));
    else
      for (auto& element : x) field(element);
  }
  template <class S>
  RONDO_HD void sequence(S& s) {
    std::uint64_t count = 0;
    raw(&count, sizeof count);
    if (count > S::max_size()) ok = false;
    if (!ok) return;
    s.resize(static_cast<std::uint32_t>(count));
    if constexpr (is_text<S>::value) raw(s.data(), s.size());
    else if constexpr (std::is_arithmetic_v<typename S::value_type> &&
                       !std::is_same_v<typename S::value_type, bool>)
      raw(s.data(), static_cast<std::uint32_t>(s.size() * sizeof(typename S::value_type)));
    else
      for (auto& element : s) field(element);
  }
  template <class O>
  RONDO_HD void maybe(O& o) {
    std::uint8_t is_null = 0;
    raw(&is_null, 1);
    if (is_null > 1) ok = false;
    o.reset();
    if (ok && is_null == 0) field(o.emplace());
  }
};

}  // namespace rondo::detail
