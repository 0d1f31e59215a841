// Ratios and goals.
#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace bench {
namespace {

const row* find(const report& r, std::string_view name) {
  for (const row& candidate : r.rows)
    if (candidate.key.name == name) return &candidate;
  return nullptr;
}

// The row with the lower mean; one that was measured, if the other was not.
const row* faster(const row* a, const row* b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  return a->summary().mean_ns <= b->summary().mean_ns ? a : b;
}

// Times per message, or for throughput, messages per second: `of` by `by`.
std::optional<ratio> divide(std::string name, const row* of, const row* by, bool throughput) {
  if (of == nullptr || by == nullptr) return std::nullopt;
  const auto figure = [&](const measurement& m) { return throughput ? m.per_second : m.mean_ns; };
  ratio r{std::move(name),
          fmt::format("{} of {} / {}", throughput ? "messages per second" : "mean", of->key.name,
                      by->key.name),
          figure(of->summary()) / figure(by->summary()), 1e300, 0};
  for (std::size_t i = 0; i < std::min(of->repeats.size(), by->repeats.size()); ++i) {
    const double one = figure(of->repeats[i]) / figure(by->repeats[i]);
    r.least = std::min(r.least, one);
    r.most = std::max(r.most, one);
  }
  return r;
}

constexpr const char* over_limit = "call_64_over_ping_pong";
constexpr const char* few_over_limit = "call_64_slots_16_over_ping_pong";
constexpr const char* over_boost = "call_64_over_boost_call_64";
constexpr const char* stream_over_boost = "pipelined_64_over_boost_pipelined_64";
constexpr const char* brief_over_ranges = "brief_batch_16_over_boost_ranges";
constexpr const char* long_over_ranges = "brief_batch_64_over_boost_ranges";
constexpr std::string_view batches_in_place = "rondo/pipelined/64/batch-16/in-place";
// The fastest way to stream small messages, and the same in batches as long as the peer's.
constexpr std::string_view fastest_batches =
    "rondo/pipelined/64/brief/counted/dense/batch-64/in-place";
constexpr std::string_view brief_batches =
    "rondo/pipelined/64/brief/counted/dense/batch-16/in-place";
constexpr std::string_view large_in_place = "rondo/pipelined/65536/in-place";
constexpr std::string_view large_overwritten = "rondo/pipelined/65536/in-place/for-overwrite";
// Of ratios: what a kernel and its callers lose by sleeping when there is nothing to do.
constexpr std::string_view over_spin = "_over_spin";
constexpr std::string_view over_raw_ring = "_over_raw_ring";

}  // namespace

std::vector<ratio> ratios_of(const report& r) {
  const row* limit = faster(find(r, ping_pong_pause), find(r, ping_pong_no_pause));
  const row* call = find(r, rondo_call_64);
  std::vector<ratio> all;
  const auto add = [&](std::optional<ratio> found) {
    if (found) all.push_back(std::move(*found));
  };
  add(divide(over_limit, call, limit, false));
  add(divide(few_over_limit, find(r, "rondo/call/64/slots-16"), limit, false));
  add(divide("call_64_over_limit_call_64", call, find(r, "limit/call/64"), false));
  add(divide(over_boost, call, find(r, boost_call_64), false));
  add(divide("call_64_over_boost_call_64_without_pause", call, find(r, "boost/call/64/no-pause"),
             false));
  add(divide("call_64_spin_then_park_over_ping_pong", find(r, "rondo/call/64/spin-then-park"),
             limit, false));
  add(divide("boost_call_64_over_ping_pong", find(r, boost_call_64), limit, false));
  add(divide(stream_over_boost, find(r, rondo_pipelined_64), find(r, boost_pipelined_64), true));
  const row* ranges = find(r, "boost/pipelined/64/ranges");
  const row* in_place = find(r, batches_in_place);
  add(divide("batch_16_over_boost_ranges", find(r, "rondo/pipelined/64/batch-16"), ranges, true));
  add(divide("batch_16_in_place_over_boost_ranges", in_place, ranges, true));
  add(divide("brief_batch_16_copied_over_boost_ranges",
             find(r, "rondo/pipelined/64/brief/counted/dense/batch-16"), ranges, true));
  add(divide(long_over_ranges, find(r, fastest_batches), ranges, true));
  add(divide("brief_batch_64_over_boost_ranges_64", find(r, fastest_batches),
             find(r, "boost/pipelined/64/ranges-64"), true));
  add(divide(brief_over_ranges, find(r, brief_batches), ranges, true));
  add(divide("brief_batch_16_over_boost_ranges_enveloped", find(r, brief_batches),
             find(r, "boost/pipelined/64/ranges/enveloped"), true));
  add(divide("brief_batch_16_by_word_over_boost_ranges",
             find(r, "rondo/pipelined/64/brief/batch-16/in-place"), ranges, true));
  add(divide("batch_16_in_place_over_boost_in_place", in_place,
             find(r, "boost/pipelined/64/ranges/in-place"), true));
  add(divide("batch_16_in_place_over_limit", in_place, find(r, "limit/pipelined/64"), true));
  for (const char* size : {"64", "256", "65536"})
    for (const char* what : {"one-way", "pipelined", "call"}) {
      const bool stream = std::string_view(what) != "call";
      if (std::string_view(size) == "64" && std::string_view(what) != "one-way") continue;
      add(divide(fmt::format("{}_{}_over_boost_{}_{}", stream ? what : "call", size, what, size),
                 find(r, fmt::format("rondo/{}/{}", what, size)),
                 find(r, fmt::format("boost/{}/{}", what, size)), stream));
    }
  for (const char* slot : {"64", "80", "96", "128"})
    add(divide(fmt::format("slot_{}_over_boost_ranges", slot),
               find(r, fmt::format("limit/pipelined/64/slot-{}", slot)), ranges, true));
  add(divide(fmt::format("in_place_65536{}", over_raw_ring), find(r, large_in_place),
             find(r, raw_in_place), false));
  add(divide(fmt::format("in_place_65536_for_overwrite{}", over_raw_ring),
             find(r, large_overwritten), find(r, raw_in_place), false));
  for (const char* what : {"call", "pipelined"})
    for (const char* how : {"spin-then-park", "park"})
      add(divide(fmt::format("{}_64_{}{}", what, how, over_spin),
                 find(r, fmt::format("rondo/{}/64/{}", what, how)),
                 find(r, fmt::format("rondo/{}/64", what)), false));
  for (const char* what : {"call", "one-way", "pipelined"})
    add(divide(fmt::format("slow_push_{}_64_pumped_over_called", what),
               find(r, fmt::format("rondo/{}/64/slow-push/pumped", what)),
               find(r, fmt::format("rondo/{}/64/slow-push/called", what)),
               std::string_view(what) != "call"));
  for (const char* what : {"call", "pipelined"}) {
    const auto named = [&](const char* how) {
      return find(r, fmt::format("rondo/{}/64{}", what, how));
    };
    add(divide(fmt::format("{}_64_client_reads_over_reads_another", what), named("/client-reads"),
               named("/client-reads-another"), false));
    for (const char* how : {"/read-each-ms", "/read-always"})
      add(divide(fmt::format("{}_64_{}_over_unread", what, how + 1), named(how), named(""), false));
  }
  for (ratio& one : all) std::replace(one.name.begin(), one.name.end(), '-', '_');
  return all;
}

std::vector<goal> goals_of(const report& r) {
  std::vector<goal> goals;
  for (const ratio& one : ratios_of(r)) {
    if (one.name == over_limit)
      goals.push_back({"mean round trip of call at 64 B at most 1.5 x the ping-pong", one.value,
                       one.value <= 1.5});
    if (one.name == few_over_limit)
      goals.push_back(
          {"mean round trip of call at 64 B through queues of 16 slots at most 1.5 x the "
           "ping-pong",
           one.value, one.value <= 1.5});
    if (one.name == over_boost)
      goals.push_back({"mean round trip of call at 64 B below the Boost.Lockfree pair", one.value,
                       one.value < 1});
    if (one.name == stream_over_boost)
      goals.push_back(
          {"pipelined at 64 B at least the rate of the Boost.Lockfree pair, one at a time",
           one.value, one.value >= 1});
    if (one.name == brief_over_ranges || one.name == long_over_ranges)
      goals.push_back(
          {fmt::format("batches of {} at 64 B, of a brief handler, at least the rate of "
                       "Boost.Lockfree's ranges of 16",
                       one.name == brief_over_ranges ? 16 : 64),
           one.value, one.value >= 1});
    if (one.name.ends_with(over_raw_ring))
      goals.push_back({fmt::format("{}: mean at most 1.2 x the raw ring of 64 KiB", one.name),
                       one.value, one.value <= 1.2});
    if (one.name.ends_with(over_spin))
      goals.push_back(
          {fmt::format("{}: mean at most 1.1 x spinning", one.name), one.value, one.value <= 1.1});
  }
  for (const auto& [size, name] : {std::pair(16, brief_batches), std::pair(64, fastest_batches)}) {
    const row* found = find(r, name);
    if (found == nullptr) continue;
    const double millions = found->summary().per_second / 1e6;
    goals.push_back({fmt::format("batches of {} at 64 B, of a brief handler, at least 60 million a "
                                 "second, in millions",
                                 size),
                     millions, millions >= 60});
  }
  return goals;
}

std::optional<std::string> doubt_about(const report& r) {
  std::vector<double> probes;
  int moved = 0;
  for (const row& one : r.rows) {
    moved += one.moved();
    for (const placement& p : one.placements) probes.push_back((p.before_ns + p.after_ns) / 2);
  }
  if (probes.empty()) return std::nullopt;
  std::sort(probes.begin(), probes.end());
  const double low = probes[probes.size() / 10];
  const double high = probes[probes.size() * 9 / 10];
  if (moved == 0 && high <= 1.3 * low) return std::nullopt;
  return fmt::format(
      "The processors were not in one place: the probe read {:.0f} to {:.0f} ns (10th to 90th "
      "percentile), and {} measurements were moved in every attempt. Rows compare badly; run "
      "again.",
      low, high, moved);
}

}  // namespace bench
