// One message with every kind of field in it, and archives that fill any message with values: the
// largest that fits, or random ones from a seed that the test prints.
#pragma once

#include <rondo/kernel/message.hpp>

#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace kernel_test {

using bytes = std::vector<unsigned char>;

enum class shade : std::uint16_t { light = 1, dark = 0x0203 };

struct inner {
  bool flag = false;
  rondo::bounded_string<7> text;
  rondo::optional<rondo::bounded_vector<std::int16_t, 3>> numbers;

  bool operator==(const inner&) const = default;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(flag, text, numbers);
  }
};

struct everything {
  std::int8_t i8 = 0;
  std::uint64_t u64 = 0;
  float f32 = 0;
  double f64 = 0;
  shade tone{};
  bool bits[3]{};
  std::int32_t grid[2][3]{};
  shade tones[2]{};
  rondo::bounded_vector<double, 5> doubles;
  rondo::bounded_vector<bool, 4> flags;
  rondo::bounded_vector<shade, 3> shades;
  rondo::bounded_vector<inner, 4> inners;
  rondo::bounded_string<20> text;
  rondo::optional<inner> maybe;
  rondo::buffer_ref buffer;

  bool operator==(const everything&) const = default;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(i8, u64, f32, f64, tone, bits, grid, tones);
    ar(doubles, flags, shades, inners, text, maybe, buffer);
  }
};
RONDO_MESSAGE(everything, "Everything", 1, encoded);

// What both ways of filling share: arrays and structs. `Derived` answers for single values and says
// how many elements a sequence gets and whether an optional is set.
template <class Derived>
struct filler : rondo::detail::archive<Derived> {
  template <class T, std::size_t N>
  void array(T (&x)[N]) {
    for (auto& element : x) this->field(element);
  }
  template <class S>
  void sequence(S& s) {
    s.resize(this->self().count(S::max_size()));
    if constexpr (rondo::detail::is_text<S>::value)
      for (std::uint32_t i = 0; i < s.size(); ++i) this->field(s.data()[i]);
    else
      for (auto& element : s) this->field(element);
  }
  template <class O>
  void maybe(O& o) {
    o.reset();
    if (this->self().present()) this->field(o.emplace());
  }
};

struct largest : filler<largest> {
  static std::uint32_t count(std::uint32_t max) { return max; }
  static bool present() { return true; }
  template <class T>
  void scalar(T& x) {
    if constexpr (std::is_enum_v<T>)
      x = static_cast<T>(std::numeric_limits<std::underlying_type_t<T>>::max());
    else x = std::numeric_limits<T>::max();
  }
};

struct random_values : filler<random_values> {
  explicit random_values(std::uint64_t seed) : numbers(seed) {}
  std::mt19937_64 numbers;

  std::uint32_t count(std::uint32_t max) {
    return static_cast<std::uint32_t>(numbers() % (std::uint64_t{max} + 1));
  }
  bool present() { return numbers() % 2 == 0; }
  template <class T>
  void scalar(T& x) {
    if constexpr (std::is_same_v<T, bool>) x = present();
    else if constexpr (std::is_floating_point_v<T>)
      x = static_cast<T>(static_cast<std::int32_t>(numbers())) / 16;
    else x = static_cast<T>(numbers());
  }
};

template <class T>
T largest_value() {
  T value{};
  largest fill;
  fill.field(value);
  return value;
}

template <class T>
bytes encoded(const T& message) {
  bytes out(rondo::detail::max_bytes<T>());
  const std::int64_t length =
      rondo::encode(message, out.data(), static_cast<std::uint32_t>(out.size()));
  if (length < 0) std::abort();  // max_bytes is wrong; archive_test says so in other words
  out.resize(static_cast<std::size_t>(length));
  return out;
}

// From a copy with nothing behind it, so that a sanitizer sees a read past the end.
template <class T>
bool decodes(const bytes& from, T& out) {
  const bytes exact(from.begin(), from.end());
  return rondo::decode(exact.data(), static_cast<std::uint32_t>(exact.size()), out);
}
template <class T>
bool decodes(const bytes& from) {
  T out{};
  return decodes(from, out);
}

// RONDO_TEST_SEED repeats a run.
inline std::uint64_t test_seed() {
  const char* chosen = std::getenv("RONDO_TEST_SEED");
  return chosen != nullptr ? std::stoull(chosen) : std::random_device{}();
}

}  // namespace kernel_test
