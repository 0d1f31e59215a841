// Figures of the timed cases: samples in nanoseconds, of which the report keeps percentiles. A
// sample is added only for what a handler has proved to have done; nothing is judged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::conformance {

struct figure {
  std::string name;  // "round trip of 64 B"
  std::uint64_t samples = 0;
  std::uint64_t p50_ns = 0, p99_ns = 0, p999_ns = 0, max_ns = 0;
};

class sampler {
 public:
  explicit sampler(std::string name) : name_(std::move(name)) {}
  void add(std::uint64_t ns) { all_.push_back(ns); }
  figure summary() const;
  // To the runner, as part of the case's result.
  void tell() const;

 private:
  std::string name_;
  std::vector<std::uint64_t> all_;
};

// "5000 1200 3400 9000 80000 round trip of 64 B", and back; a text that is none throws.
std::string to_event(const figure& one);
figure figure_of(std::string_view event);

}  // namespace rondo::conformance
