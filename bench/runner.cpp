// See the header.
#include "runner.hpp"

#include "machine.hpp"
#include "placement.hpp"

#include <algorithm>

namespace bench {
namespace {

constexpr double most_change = 1.3;

void measure_once(const bench_case& c, const run_options& options, int repeat, row& into) {
  for (int attempt = 0;; ++attempt) {
    placement where{repeat, attempt, probe_placement(options.cpus), 0, 0};
    const measurement m = c.run(c.key, options.seconds);
    where.after_ns = probe_placement(options.cpus);
    where.disturbed = m.disturbed;
    into.placements.push_back(where);
    if ((!where.moved() && where.disturbed < 1) || attempt == options.retries) {
      into.repeats.push_back(m);
      return;
    }
  }
}

}  // namespace

bool placement::moved() const {
  return std::max(before_ns, after_ns) > most_change * std::min(before_ns, after_ns);
}

measurement row::summary() const {
  const auto median = [&](auto&& part) {
    std::vector<double> values;
    for (const measurement& m : repeats) values.push_back(part(m));
    return median_of(std::move(values));
  };
  measurement all;
  all.mean_ns = median([](const measurement& m) { return m.mean_ns; });
  all.per_second = median([](const measurement& m) { return m.per_second; });
  all.latency.p50_ns = median([](const measurement& m) { return m.latency.p50_ns; });
  all.latency.p99_ns = median([](const measurement& m) { return m.latency.p99_ns; });
  all.latency.p999_ns = median([](const measurement& m) { return m.latency.p999_ns; });
  all.disturbed = median([](const measurement& m) { return m.disturbed; });
  for (const measurement& m : repeats) {
    all.latency.max_ns = std::max(all.latency.max_ns, m.latency.max_ns);
    all.proof += m.proof;
  }
  return all;
}

double row::spread() const {
  std::vector<double> means;
  for (const measurement& m : repeats) means.push_back(m.mean_ns);
  return spread_of(means);
}

int row::moved() const {
  int count = 0;
  for (std::size_t i = 0; i < placements.size(); ++i) {
    const bool last = i + 1 == placements.size() || placements[i + 1].attempt == 0;
    count += last && placements[i].moved();
  }
  return count;
}

std::vector<row> run_all(const std::vector<bench_case>& cases, const run_options& options,
                         const progress_function& progress) {
  pin_this_thread(options.cpus.client);
  std::vector<row> rows;
  for (const bench_case& c : cases) rows.push_back({c.key, {}, {}});
  for (int repeat = 0; repeat < options.repeats; ++repeat)
    for (std::size_t i = 0; i < cases.size(); ++i) {
      progress(repeat, i, cases[i].key);
      measure_once(cases[i], options, repeat, rows[i]);
    }
  return rows;
}

}  // namespace bench
