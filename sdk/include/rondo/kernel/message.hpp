// Message types: what a struct must be to travel, the macro that says so, and the two functions
// that every side uses to turn a message into bytes and back.
//
//   struct vec { float x, y; template <class A> RONDO_HANDLER constexpr void serialize(A& ar) {
//   ar(x, y); } }; RONDO_MESSAGE(vec, "Vec", 1, plain);
//
// `plain` types are trivially copyable, have no padding, and travel as they lie in memory.
// `encoded` types travel in the bytes described in archive.hpp. Either way serialize() names every
// field, in order; it is constexpr so that the largest size is known when the program is compiled.
#pragma once

#include <rondo/abi.h>
#include <rondo/kernel/archive.hpp>

#include <new>

// In front of every function that runs where the handler runs.
#define RONDO_HANDLER RONDO_HD

namespace rondo {

enum class encoding : std::uint32_t {
  plain = RONDO_ENCODING_PLAIN,
  encoded = RONDO_ENCODING_ENCODED
};

struct message_info {
  const char* wire_name;
  std::uint16_t version;
  enum encoding encoding;
  std::uint32_t host_only_max_bytes = 0;  // nonzero: only a host can read it, see cereal.hpp
};

namespace detail {

RONDO_HD constexpr std::uint64_t length_of(const char* text) {
  std::uint64_t n = 0;
  while (text[n] != '\0') ++n;
  return n;
}
RONDO_HD constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
RONDO_HD constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// [A-Za-z][A-Za-z0-9.]*, at most 100 characters: no underscore, because queue names are split
// there.
RONDO_HD constexpr bool is_wire_name(const char* text) {
  if (!is_letter(text[0])) return false;
  std::uint64_t i = 1;
  for (; text[i] != '\0'; ++i)
    if (!is_letter(text[i]) && !is_digit(text[i]) && text[i] != '.') return false;
  return i <= 100;
}

// How RONDO_MESSAGE is found: by the type itself and no other. A pointer would also find what was
// declared for a base class.
template <class T>
struct message_tag {};

template <class T>
concept declared_message = requires {
  rondo_message_of(message_tag<T>{});
};

template <class T>
inline constexpr message_info message_of = rondo_message_of(message_tag<T>{});

template <class T>
inline constexpr bool is_plain = message_of<T>.encoding == encoding::plain;
template <class T>
inline constexpr bool is_host_only = message_of<T>.host_only_max_bytes != 0;

template <class Archive, class T>
RONDO_HD constexpr Archive walk() {
  Archive ar;
  T value{};
  ar.field(value);
  return ar;
}

template <class T>
RONDO_HD constexpr std::uint32_t max_bytes() {
  if constexpr (is_host_only<T>) return message_of<T>.host_only_max_bytes;
  else if constexpr (is_plain<T>) return static_cast<std::uint32_t>(sizeof(T));
  else return static_cast<std::uint32_t>(walk<max_size_archive, T>().bytes);
}

template <class T>
RONDO_HD constexpr std::uint64_t schema_hash() {
  schema_archive ar;
  if constexpr (!is_host_only<T>) ar = walk<schema_archive, T>();
  ar.mix(static_cast<std::uint64_t>(message_of<T>.encoding));
  ar.mix(message_of<T>.version);
  for (const char* c = message_of<T>.wire_name; *c != '\0'; ++c)
    ar.mix(static_cast<unsigned char>(*c));
  return ar.hash;
}

// Refuses, when compiled, what could not travel. Instantiated by the macros.
template <class T>
struct message_rules {
  static constexpr message_info info = message_of<T>;
  static_assert(is_wire_name(info.wire_name),
                "a wire name is [A-Za-z][A-Za-z0-9.]*, at most 100 characters");
  static_assert(info.version >= 1, "a message version counts from 1");
  static_assert(!is_plain<T> || std::is_trivially_copyable_v<T>,
                "a plain message must be trivially copyable; use encoded");
  static_assert(!is_plain<T> || alignof(T) <= 16, "a plain message is aligned to at most 16 bytes");
  static constexpr bool has_no_padding() {
    if constexpr (is_plain<T>) {
      constexpr auto sum = walk<plain_sum_archive, T>();
      return sum.only_plain && sum.bytes == sizeof(T);
    }
    return true;
  }
  static_assert(has_no_padding(),
                "a plain message has no padding, and its serialize() names every field; bounded "
                "containers, optionals and bool need encoded");
  static_assert(max_bytes<T>() <= RONDO_MAX_PAYLOAD,
                "a message takes at most 65536 bytes; send larger data as a buffer");
  static constexpr bool ok = true;
};

template <class T>
constexpr rondo_message_type describe_message() {
  constexpr message_info info = message_of<T>;
  return {sizeof(rondo_message_type),
          static_cast<std::uint32_t>(info.encoding),
          {info.wire_name, length_of(info.wire_name)},
          info.version,
          max_bytes<T>(),
          is_plain<T> ? static_cast<std::uint32_t>(alignof(T)) : 1u,
          is_host_only<T> ? static_cast<std::uint32_t>(RONDO_MESSAGE_HOST_ONLY) : 0u,
          schema_hash<T>()};
}

// Specialised in cereal.hpp for types that only a host can read.
template <class T>
struct host_codec;

}  // namespace detail

template <class T>
concept message_type = detail::declared_message<T>;

// Writes at most `room` bytes; returns how many, or -1 if they do not suffice.
template <message_type T>
RONDO_HD inline std::int64_t encode(const T& message, void* to, std::uint32_t room) {
  if constexpr (detail::is_host_only<T>) {
    return detail::host_codec<T>::encode(message, to, room);
  } else if constexpr (detail::is_plain<T>) {
    if (room < sizeof(T)) return -1;
    __builtin_memcpy(to, &message, sizeof(T));
    return sizeof(T);
  } else {
    detail::write_archive ar(to, room);
    ar.field(const_cast<T&>(message));
    return ar.ok ? static_cast<std::int64_t>(room - ar.left) : -1;
  }
}

// False if the bytes are not exactly one message of this type.
template <message_type T>
RONDO_HD inline bool decode(const void* from, std::uint32_t bytes, T& out) {
  if constexpr (detail::is_host_only<T>) {
    return detail::host_codec<T>::decode(from, bytes, out);
  } else if constexpr (detail::is_plain<T>) {
    if (bytes != sizeof(T)) return false;
    __builtin_memcpy(&out, from, sizeof(T));
    return true;
  } else {
    detail::read_archive ar(from, bytes);
    ar.field(out);
    return ar.ok && ar.left == 0;
  }
}

}  // namespace rondo

// Declares a struct as a message. Put it behind the struct, in the struct's namespace.
#define RONDO_MESSAGE(Type, wire_name, version, how)                                              \
  RONDO_HD constexpr ::rondo::message_info rondo_message_of(::rondo::detail::message_tag<Type>) { \
    return {wire_name, version, ::rondo::encoding::how};                                          \
  }                                                                                               \
  static_assert(::rondo::detail::message_rules<Type>::ok)
