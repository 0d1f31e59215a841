// What `rondo run` prints: a line per case while it runs, the sum at the end, the kernel's own
// counters, and all of it as JSON.
#include "run.hpp"

#include <fmt/format.h>

#include <map>

namespace rondo::cli {
namespace {

json to_json(const scenario_case& one) {
  return {{"label", one.label},
          {"passed", one.code == RONDO_OK},
          {"code", status_name(one.code)},
          {"failure", one.failure},
          {"round_trip_ns", one.round_trip.count()}};
}

json to_json(const scenario_outcome& scenario) {
  json cases = json::array();
  for (const auto& one : scenario.cases) cases.push_back(to_json(one));
  return {{"name", scenario.name}, {"cases", std::move(cases)}};
}

// Null: the last bucket, which has no end. Of no durations at all it is 0.
json below(const latency_histogram::bounds& of) {
  return of.below == nanoseconds::max() ? json() : json(of.below.count());
}

json to_json(const latency_histogram& durations) {
  json buckets = json::array();
  for (std::size_t i = 0; i < latency_histogram::bucket_count; ++i) {
    if (durations.buckets[i] == 0) continue;
    const auto bounds = latency_histogram::bounds_of(i);
    buckets.push_back({{"at_least_ns", bounds.at_least.count()},
                       {"below_ns", below(bounds)},
                       {"count", durations.buckets[i]}});
  }
  return {{"count", durations.count()},
          {"p50_below_ns", below(durations.quantile(0.5))},
          {"p90_below_ns", below(durations.quantile(0.9))},
          {"p99_below_ns", below(durations.quantile(0.99))},
          {"max_below_ns", below(durations.quantile(1))},
          {"buckets", std::move(buckets)}};
}

std::string human_bound(const latency_histogram::bounds& of) {
  return of.below == nanoseconds::max() ? ">= " + human_duration(of.at_least)
                                        : "< " + human_duration(of.below);
}

void print_latency(const char* what, const latency_histogram& durations) {
  if (durations.count() == 0) return;
  const auto at = [&](double share) { return human_bound(durations.quantile(share)); };
  fmt::print("  {:<10} p50 {}, p90 {}, p99 {}, max {}, of {}\n", what, at(0.5), at(0.9), at(0.99),
             at(1), counted(durations.count(), "sample", "samples"));
}

json to_json(const kernel_snapshot& stats) {
  return {{"id", stats.id},
          {"backend", stats.backend},
          {"state", to_string(stats.state)},
          {"failure_code", status_name(stats.failure_code)},
          {"failure", stats.failure},
          {"messages_in", stats.messages_in},
          {"messages_out", stats.messages_out},
          {"messages_failed", stats.messages_failed},
          {"messages_dropped", stats.messages_dropped},
          {"bytes_in", stats.bytes_in},
          {"bytes_out", stats.bytes_out},
          {"polls", stats.polls},
          {"input_depth", stats.input_depth},
          {"output_depth", stats.output_depth},
          {"uptime_ns", stats.uptime.count()},
          {"since_heartbeat_ns", stats.since_heartbeat.count()},
          {"handler_samples", stats.handler_samples},
          {"handler_sampled_mean_ns", stats.handler_sampled_mean.count()},
          {"handler_sampled_max_ns", stats.handler_sampled_max.count()},
          {"handling", to_json(stats.handling)},
          {"queueing", to_json(stats.queueing)},
          {"sent", stats.sent},
          {"late_replies", stats.late_replies},
          {"dropped_oldest", stats.dropped_oldest},
          {"dropped_newest", stats.dropped_newest},
          {"expired", stats.expired},
          {"duplicates", stats.duplicates},
          {"pumped", stats.pumped},
          {"pump_calls", stats.pump_calls},
          {"replies_dropped", stats.replies_dropped}};
}

json to_json(const handler_run& run) {
  json scenarios = json::array();
  for (const auto& scenario : run.scenarios) scenarios.push_back(to_json(scenario));
  json out = {{"handler", run.handler},
              {"module", run.module},
              {"backend", run.backend},
              {"device", run.device},
              {"plugin", run.plugin.string()},
              {"passed", run.passed()},
              {"failed", run.executed() - run.passed()},
              {"scenarios", std::move(scenarios)}};
  if (run.stats) out["stats"] = to_json(*run.stats);
  if (run.refusal) out["error"] = cli::to_json(*run.refusal);
  return out;
}

}  // namespace

std::uint64_t handler_run::passed() const {
  std::uint64_t n = 0;
  for (const auto& scenario : scenarios) n += scenario.passed();
  return n;
}

std::uint64_t handler_run::executed() const {
  std::uint64_t n = 0;
  for (const auto& scenario : scenarios) n += scenario.cases.size();
  return n;
}

void print_case(const std::string& scenario, const scenario_case& one) {
  const bool passed = one.code == RONDO_OK;
  fmt::print("{}  {}: {}  ({})\n",
             passed ? painted("PASS", colour::green, stdout) : painted("FAIL", colour::red, stdout),
             clean(scenario), clean(one.label), human_duration(one.round_trip));
  if (!passed) fmt::print("      {}\n", clean(one.failure));
  std::fflush(stdout);  // the next case may take its time
}

void print_summary(const std::vector<handler_run>& runs) {
  struct sum {
    std::uint64_t passed = 0;
    std::uint64_t executed = 0;
  };
  std::map<std::pair<std::string, std::filesystem::path>, sum> sums;
  for (const auto& run : runs) {
    if (run.stats) print_stats(*run.stats);
    if (run.executed() == 0) continue;
    auto& total = sums[{run.backend, run.plugin}];
    total.passed += run.passed();
    total.executed += run.executed();
  }
  for (const auto& [where, total] : sums) {
    const bool passed = total.passed == total.executed;
    const auto counts =
        fmt::format("{} passed, {} failed", total.passed, total.executed - total.passed);
    fmt::print("{} on backend {} ({})\n",
               painted(counts, passed ? colour::green : colour::red, stdout), clean(where.first),
               clean(where.second.string()));
  }
}

void print_stats(const kernel_snapshot& stats) {
  fmt::print("kernel {} on {}, {}\n", clean(stats.id), clean(stats.backend),
             to_string(stats.state));
  if (stats.failure_code != RONDO_OK)
    fmt::print("  failure    {} [{}]\n",
               clean(stats.failure.empty() ? status_text(stats.failure_code) : stats.failure),
               status_name(stats.failure_code));
  fmt::print("  messages   {} sent, {} in, {} out, {} failed, {} dropped, {} late\n", stats.sent,
             stats.messages_in, stats.messages_out, stats.messages_failed, stats.messages_dropped,
             stats.late_replies);
  fmt::print("  payload    {} in, {} out\n", human_bytes(stats.bytes_in),
             human_bytes(stats.bytes_out));
  fmt::print("  waiting    {} in, {} out\n", stats.input_depth, stats.output_depth);
  fmt::print("  lost       {} oldest, {} newest, {} expired, {} repeated, {}\n",
             stats.dropped_oldest, stats.dropped_newest, stats.expired, stats.duplicates,
             counted(stats.replies_dropped, "reply", "replies"));
  if (stats.pump_calls > 0)
    fmt::print("  pump       {} in {}\n", stats.pumped, counted(stats.pump_calls, "call", "calls"));
  fmt::print("  handler    mean {}, max {}, of {}\n", human_duration(stats.handler_sampled_mean),
             human_duration(stats.handler_sampled_max),
             counted(stats.handler_samples, "sample", "samples"));
  print_latency("handling", stats.handling);
  print_latency("queueing", stats.queueing);
  fmt::print("  life       up {}, heartbeat {} ago, {}\n", human_duration(stats.uptime),
             human_duration(stats.since_heartbeat), counted(stats.polls, "poll", "polls"));
}

json to_json(const std::vector<handler_run>& runs) {
  json each = json::array();
  std::uint64_t passed = 0;
  std::uint64_t executed = 0;
  for (const auto& run : runs) {
    each.push_back(to_json(run));
    passed += run.passed();
    executed += run.executed();
  }
  return {{"passed", passed}, {"failed", executed - passed}, {"runs", std::move(each)}};
}

void print_handlers(const std::vector<handler_description>& handlers) {
  for (const auto& handler : handlers)
    fmt::print(
        "{}\n  module     {}\n  request    {}\n  response   {}\n  images     {}\n"
        "  scenarios  {}\n",
        painted(clean(handler.id), colour::bold, stdout), clean(handler.module),
        clean(handler.request), clean(handler.response),
        clean(fmt::format("{}", fmt::join(handler.images, " "))), handler.scenarios);
  if (handlers.empty()) fmt::print("no handler\n");
}

json to_json(const std::vector<handler_description>& handlers) {
  json each = json::array();
  for (const auto& handler : handlers)
    each.push_back({{"id", handler.id},
                    {"module", handler.module},
                    {"request", handler.request},
                    {"response", handler.response},
                    {"images", handler.images},
                    {"scenarios", handler.scenarios}});
  return each;
}

}  // namespace rondo::cli
