// The cases of Boost.Lockfree's spsc_queue; see boost_pair.hpp.
#include "boost_pair.hpp"
#include "passes.hpp"

namespace bench {
namespace {

constexpr const char* peer = "Boost.Lockfree spsc_queue";

template <mode How, std::uint32_t Bytes, class Pair>
bench_case make_case(std::string name, const char* how_carried, processors cpus,
                     std::uint64_t window = window_for(Bytes), const char* wait = "spin") {
  row_key key{.name = std::move(name),
              .peer = std::string(peer) + ", " + how_carried,
              .size_bytes = Bytes,
              .how = How,
              .wait = wait,
              .window = How == mode::pipelined ? window : 0};
  return {std::move(key), [cpus](const row_key& k, double seconds) {
            Pair pair(cpus.worker, slots_for(Bytes),
                      How == mode::one_way ? duty::count : duty::answer);
            return measure<How, Bytes>(k, seconds, pair);
          }};
}

std::string name_of(const char* what, std::uint32_t bytes, const char* suffix = "") {
  return std::string("boost/") + what + '/' + std::to_string(bytes) + suffix;
}

template <std::uint32_t Bytes, class Pair>
void add_all_modes(std::vector<bench_case>& to, processors cpus, const char* how_carried,
                   const char* suffix = "") {
  to.push_back(
      make_case<mode::round_trip, Bytes, Pair>(name_of("call", Bytes, suffix), how_carried, cpus));
  to.push_back(
      make_case<mode::one_way, Bytes, Pair>(name_of("one-way", Bytes, suffix), how_carried, cpus));
  to.push_back(make_case<mode::pipelined, Bytes, Pair>(name_of("pipelined", Bytes, suffix),
                                                       how_carried, cpus));
}

}  // namespace

void add_boost_cases(std::vector<bench_case>& to, processors cpus) {
  constexpr auto one = "by value";
  constexpr auto ranges = "ranges of 16";
  add_all_modes<64, pair_by_value<64>>(to, cpus, one);
  to.push_back(make_case<mode::pipelined, 64, pair_by_value<64>>("boost/pipelined/64/window-64",
                                                                 one, cpus, 64));
  add_all_modes<64, pair_by_value<64, spin::without_pause>>(to, cpus, one, "/no-pause");
  add_all_modes<64, pair_by_range<64>>(to, cpus, ranges, "/ranges");
  to.push_back(make_case<mode::pipelined, 64, pair_by_range<64, 64>>("boost/pipelined/64/ranges-64",
                                                                     "ranges of 64", cpus));
  to.push_back(make_case<mode::pipelined, 64, pair_in_place<64>>(
      "boost/pipelined/64/ranges/in-place", "ranges of 16, read in place", cpus));
  to.push_back(make_case<mode::pipelined, 64, pair_enveloped<64>>(
      "boost/pipelined/64/ranges/enveloped", "ranges of 16, each behind an envelope", cpus));
  add_all_modes<256, pair_by_value<256>>(to, cpus, one);
  add_all_modes<256, pair_by_range<256>>(to, cpus, ranges, "/ranges");
  add_all_modes<65536, pair_by_value<65536>>(to, cpus, one);
  add_all_modes<65536, pair_by_pointer<65536>>(to, cpus, "by pointer", "/pointer");
}

}  // namespace bench
