// Values of bounded size that messages are made of, the same bytes on host and device: no heap, no
// pointers, no exceptions. What does not fit is refused by a false return and leaves the value as
// it was; nothing is cut off silently.
#pragma once

#include <rondo/ring/platform.hpp>

#include <cstddef>
#include <cstdint>

namespace rondo {

// At most N values of T. Encoded like std::vector<T>.
template <class T, std::uint32_t N>
class bounded_vector {
 public:
  using value_type = T;
  RONDO_HD static constexpr std::uint32_t max_size() { return N; }

  constexpr bounded_vector() = default;

  RONDO_HD constexpr std::uint32_t size() const { return size_; }
  RONDO_HD constexpr bool empty() const { return size_ == 0; }
  RONDO_HD constexpr T* data() { return data_; }
  RONDO_HD constexpr const T* data() const { return data_; }
  RONDO_HD constexpr T* begin() { return data_; }
  RONDO_HD constexpr T* end() { return data_ + size_; }
  RONDO_HD constexpr const T* begin() const { return data_; }
  RONDO_HD constexpr const T* end() const { return data_ + size_; }
  RONDO_HD constexpr T& operator[](std::uint32_t i) { return data_[i]; }
  RONDO_HD constexpr const T& operator[](std::uint32_t i) const { return data_[i]; }

  RONDO_HD constexpr bool push_back(const T& value) {
    if (size_ == N) return false;
    data_[size_++] = value;
    return true;
  }
  // New elements are value-initialised. Inlined always: GCC 12 merges the loops of two bounds into
  // one function and then warns of the larger one's accesses to the smaller one's elements.
  RONDO_HD __attribute__((always_inline)) constexpr bool resize(std::uint32_t size) {
    if (size > N) return false;
    for (std::uint32_t i = size_; i < size; ++i) data_[i] = T{};
    size_ = size;
    return true;
  }
  RONDO_HD constexpr void clear() { size_ = 0; }

  RONDO_HD friend constexpr bool operator==(const bounded_vector& a, const bounded_vector& b) {
    if (a.size_ != b.size_) return false;
    for (std::uint32_t i = 0; i < a.size_; ++i)
      if (!(a.data_[i] == b.data_[i])) return false;
    return true;
  }

 private:
  static_assert(N > 0);
  std::uint32_t size_ = 0;
  T data_[N]{};
};

// At most N bytes of text. Encoded like std::string.
template <std::uint32_t N>
class bounded_string {
 public:
  RONDO_HD static constexpr std::uint32_t max_size() { return N; }

  constexpr bounded_string() = default;
  // From a literal; too long a literal does not compile.
  template <std::size_t L>
  RONDO_HD constexpr bounded_string(const char (&text)[L]) {
    static_assert(L - 1 <= N, "the literal is longer than the bounded_string");
    assign(text, static_cast<std::uint32_t>(L - 1));
  }

  RONDO_HD constexpr std::uint32_t size() const { return size_; }
  RONDO_HD constexpr bool empty() const { return size_ == 0; }
  RONDO_HD constexpr char* data() { return data_; }
  RONDO_HD constexpr const char* data() const { return data_; }
  RONDO_HD constexpr const char* begin() const { return data_; }
  RONDO_HD constexpr const char* end() const { return data_ + size_; }

  RONDO_HD constexpr bool assign(const char* text, std::uint32_t size) {
    if (size > N) return false;
    for (std::uint32_t i = 0; i < size; ++i) data_[i] = text[i];
    size_ = size;
    return true;
  }
  // Any string type with data() and size().
  template <class Text>
  RONDO_HD constexpr bool assign(const Text& text) {
    if (text.size() > N) return false;
    return assign(text.data(), static_cast<std::uint32_t>(text.size()));
  }
  // For readers that fill data() themselves. Inlined always, as above.
  RONDO_HD __attribute__((always_inline)) constexpr bool resize(std::uint32_t size) {
    if (size > N) return false;
    for (std::uint32_t i = size_; i < size; ++i) data_[i] = '\0';
    size_ = size;
    return true;
  }
  // Compiles where the target type has a (pointer, size) constructor, e.g. std::string_view.
  template <class Text>
  constexpr Text to() const {
    return Text(data_, size_);
  }

  RONDO_HD friend constexpr bool operator==(const bounded_string& a, const bounded_string& b) {
    if (a.size_ != b.size_) return false;
    for (std::uint32_t i = 0; i < a.size_; ++i)
      if (a.data_[i] != b.data_[i]) return false;
    return true;
  }

 private:
  static_assert(N > 0);
  std::uint32_t size_ = 0;
  char data_[N]{};
};

// A value or none. Encoded like std::optional<T> under Cereal. T is default constructible; its
// bytes are there also when it is not set, which keeps the type trivially copyable.
template <class T>
class optional {
 public:
  using value_type = T;

  constexpr optional() = default;
  RONDO_HD constexpr optional(const T& value) : value_(value), set_(true) {}

  RONDO_HD constexpr bool has_value() const { return set_; }
  RONDO_HD constexpr explicit operator bool() const { return set_; }
  RONDO_HD constexpr T& operator*() { return value_; }
  RONDO_HD constexpr const T& operator*() const { return value_; }
  RONDO_HD constexpr T* operator->() { return &value_; }
  RONDO_HD constexpr const T* operator->() const { return &value_; }
  RONDO_HD constexpr T value_or(const T& other) const { return set_ ? value_ : other; }
  RONDO_HD constexpr void reset() { value_ = T{}, set_ = false; }
  RONDO_HD constexpr T& emplace() {
    value_ = T{};
    set_ = true;
    return value_;
  }

  RONDO_HD friend constexpr bool operator==(const optional& a, const optional& b) {
    return a.set_ == b.set_ && (!a.set_ || a.value_ == b.value_);
  }

 private:
  T value_{};
  bool set_ = false;
};

// A buffer in a message: the handle of memory on the kernel's device. Resolve it through the
// context. Whoever sends it keeps the buffer alive until the reply has come.
struct buffer_ref {
  std::uint64_t handle = 0;  // 0 = none

  RONDO_HD constexpr explicit operator bool() const { return handle != 0; }
  RONDO_HD friend constexpr bool operator==(const buffer_ref& a, const buffer_ref& b) {
    return a.handle == b.handle;
  }
  template <class A>
  RONDO_HD constexpr void serialize(A& ar) {
    ar(handle);
  }
};

// A part of a buffer in a message: `bytes` bytes from `offset` on. Made by buffer::slice() on the
// host, and by anybody from numbers: whoever resolves it holds it to the buffer's real size.
struct buffer_slice {
  buffer_ref buffer{};
  std::uint64_t offset = 0;  // bytes
  std::uint64_t bytes = 0;

  RONDO_HD constexpr explicit operator bool() const { return static_cast<bool>(buffer); }
  RONDO_HD friend constexpr bool operator==(const buffer_slice& a, const buffer_slice& b) {
    return a.buffer == b.buffer && a.offset == b.offset && a.bytes == b.bytes;
  }
  // Whether it lies in a buffer of that size, also where offset and bytes together overflow.
  RONDO_HD constexpr bool lies_in(std::uint64_t buffer_bytes) const {
    return offset <= buffer_bytes && bytes <= buffer_bytes - offset;
  }
  template <class A>
  RONDO_HD constexpr void serialize(A& ar) {
    ar(buffer, offset, bytes);
  }
};

}  // namespace rondo
