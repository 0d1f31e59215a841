// Percentiles.
#include "timing.hpp"

#include "reporter.hpp"

#include <algorithm>
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

}  // namespace

figure sampler::summary() const {
  auto sorted = all_;
  std::sort(sorted.begin(), sorted.end());
  return {name_,           sorted.size(),   at(sorted, 500),
          at(sorted, 990), at(sorted, 999), at(sorted, 1000)};
}

void sampler::tell() const { current_reporter().figure(to_event(summary())); }

std::string to_event(const figure& one) {
  std::ostringstream out;
  out << one.samples << ' ' << one.p50_ns << ' ' << one.p99_ns << ' ' << one.p999_ns << ' '
      << one.max_ns << ' ' << one.name;
  return out.str();
}

figure figure_of(std::string_view event) {
  figure one;
  std::istringstream in{std::string(event)};
  in >> one.samples >> one.p50_ns >> one.p99_ns >> one.p999_ns >> one.max_ns >> std::ws;
  if (!in || !std::getline(in, one.name))
    throw std::invalid_argument("no figure: " + std::string(event));
  return one;
}

}  // namespace rondo::conformance
