// Messages of the suite with chance in every field, and with the edges of each field more often
// than chance would bring them.
#pragma once

#include "../kernels/messages.hpp"

#include <random>

namespace rondo::conformance {

namespace kernels = conformance_kernels;

class chance {
 public:
  explicit chance(std::mt19937_64& random) : random_(random) {}

  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  bool coin() { return below(2) == 0; }
  // 0, 1, most, or anything between.
  std::uint32_t size(std::uint32_t most) {
    switch (below(4)) {
      case 0: return 0;
      case 1: return 1;
      case 2: return most;
      default: return static_cast<std::uint32_t>(below(most + 1));
    }
  }
  template <class T>
  T number() {
    switch (below(5)) {
      case 0: return 0;
      case 1: return std::numeric_limits<T>::max();
      case 2: return std::numeric_limits<T>::min();
      default: return static_cast<T>(random_());
    }
  }
  // Halves and quarters of which are exact, so that all processors agree on every bit.
  template <class T>
  T real() {
    return static_cast<T>(static_cast<std::int64_t>(below(1u << 20)) - (1 << 19)) / 8;
  }
  kernels::point point() { return {real<float>(), static_cast<std::int16_t>(below(1000))}; }

  kernels::types_request types() {
    kernels::types_request in;
    in.flag = coin();
    in.i8 = number<std::int8_t>();
    in.u8 = number<std::uint8_t>();
    in.i16 = number<std::int16_t>();
    in.u16 = number<std::uint16_t>();
    in.i32 = number<std::int32_t>();
    in.u32 = number<std::uint32_t>();
    in.i64 = number<std::int64_t>();
    in.u64 = number<std::uint64_t>();
    in.f32 = real<float>();
    in.f64 = real<double>();
    in.colour = coin() ? kernels::shade::dark : kernels::shade::light;
    for (auto& each : in.array) each = number<std::int32_t>();
    in.text.resize(size(40));
    for (std::uint32_t i = 0; i < in.text.size(); ++i)
      in.text.data()[i] = static_cast<char>(below(256));
    in.numbers.resize(size(8));
    for (auto& each : in.numbers) each = number<std::uint32_t>();
    in.points.resize(size(3));
    for (auto& each : in.points) each = point();
    if (coin()) in.maybe = static_cast<std::int32_t>(below(1000));
    if (coin()) in.maybe_point = point();
    return in;
  }
  // Few walks get beyond twenty rounds, because of an early return.
  kernels::control_request control() {
    return {static_cast<std::uint32_t>(below(12)), size(coin() ? 20 : 300),
            number<std::uint64_t>()};
  }
  kernels::fail_request fail(bool may_throw) {
    return {static_cast<kernels::misdeed>(below(may_throw ? 5 : 4)), number<std::int32_t>(),
            size(kernels::longest_text)};
  }
  kernels::nonce_request nonce() {
    kernels::nonce_request in;
    in.nonce = number<std::uint64_t>();
    for (auto& each : in.filling) each = number<std::uint64_t>();
    return in;
  }
  void fill(kernels::large_request& in) {
    for (auto& word : in.word) word = random_();
  }
  kernels::emit_request emit() { return {number<std::uint64_t>(), size(12), coin() ? 1u : 0u}; }

 private:
  std::mt19937_64& random_;
};

}  // namespace rondo::conformance
