// Percentiles and histograms.
#include "timing.hpp"

#include "reporter.hpp"

#include <algorithm>
#include <bit>
#include <sstream>
#include <stdexcept>

namespace rondo::conformance {

namespace {

// The smallest sample that so many thousandths of all do not exceed.
std::uint64_t at(const std::vector<std::uint64_t>& sorted, std::uint64_t thousandths) {
  if (sorted.empty()) return 0;
  const std::uint64_t rank = (sorted.size() * thousandths + 999) / 1000;
  return sorted[std::max<std::uint64_t>(rank, 1) - 1];
}

std::vector<time_bucket> histogram_of(const std::vector<std::uint64_t>& sorted) {
  std::vector<time_bucket> all;
  for (const std::uint64_t ns : sorted) {
    const std::uint64_t from = bucket_begin(ns);
    if (all.empty() || all.back().from_ns != from) all.push_back({from, 0});
    ++all.back().count;
  }
  return all;
}

std::vector<time_bucket> histogram_from(const std::string& text) {
  std::vector<time_bucket> all;
  std::istringstream in(text == "-" ? "" : text);
  char colon = 0, comma = 0;
  for (time_bucket one; in >> one.from_ns >> colon >> one.count; in >> comma) all.push_back(one);
  return all;
}

}  // namespace

std::uint64_t bucket_begin(std::uint64_t ns) {
  constexpr int bits = 2;  // four buckets to each power of two
  const int width = static_cast<int>(std::bit_width(ns));
  return width <= bits ? ns : ns >> (width - bits - 1) << (width - bits - 1);
}

figure sampler::summary() const {
  auto sorted = all_;
  std::sort(sorted.begin(), sorted.end());
  return {name_,           sorted.size(),    at(sorted, 500),     at(sorted, 990),
          at(sorted, 999), at(sorted, 1000), histogram_of(sorted)};
}

void sampler::tell() const { current_reporter().figure(to_event(summary())); }

std::string to_event(const figure& one) {
  std::ostringstream out;
  out << one.samples << ' ' << one.p50_ns << ' ' << one.p99_ns << ' ' << one.p999_ns << ' '
      << one.max_ns << ' ';
  for (std::size_t i = 0; i < one.histogram.size(); ++i)
    out << (i == 0 ? "" : ",") << one.histogram[i].from_ns << ':' << one.histogram[i].count;
  out << (one.histogram.empty() ? "- " : " ") << one.name;
  return out.str();
}

figure figure_of(std::string_view event) {
  figure one;
  std::istringstream in{std::string(event)};
  std::string histogram;
  in >> one.samples >> one.p50_ns >> one.p99_ns >> one.p999_ns >> one.max_ns >> histogram >>
      std::ws;
  if (!in || !std::getline(in, one.name))
    throw std::invalid_argument("no figure: " + std::string(event));
  one.histogram = histogram_from(histogram);
  return one;
}

}  // namespace rondo::conformance
