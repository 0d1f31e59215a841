// See the header.
#include "statistics.hpp"

#include "machine.hpp"

#include <algorithm>

namespace bench {

percentiles percentiles_of(samples& from, std::uint32_t messages) {
  auto& all = from.all();
  if (all.empty()) return {};
  std::sort(all.begin(), all.end());
  const auto at = [&](double part) {
    const auto i = static_cast<std::size_t>(part * static_cast<double>(all.size()));
    return ns_of(all[std::min(i, all.size() - 1)]) / messages;
  };
  return {at(0.5), at(0.99), at(0.999), at(1)};
}

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double spread_of(const std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double middle = median_of(values);
  return middle > 0 ? (*most - *least) / middle : 0;
}

}  // namespace bench
