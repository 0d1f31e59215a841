// Figures of the timed cases: samples in nanoseconds, of which the report keeps percentiles and a
// histogram. A sample is added only for what a handler has proved to have done; nothing is judged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::conformance {

// Four to each power of two: how many samples were at least from_ns, and shorter than where the
// next one begins.
struct time_bucket {
  std::uint64_t from_ns = 0, count = 0;
};
std::uint64_t bucket_begin(std::uint64_t ns);

struct figure {
  std::string name;  // "round trip of 64 B"
  std::uint64_t samples = 0;
  std::uint64_t p50_ns = 0, p99_ns = 0, p999_ns = 0, max_ns = 0;
  std::vector<time_bucket> histogram;  // those that hold any, in order
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

// "3 1200 3400 9000 80000 1024:2,65536:1 round trip of 64 B", with - for no histogram, and back; a
// text that is none throws.
std::string to_event(const figure& one);
figure figure_of(std::string_view event);

}  // namespace rondo::conformance
