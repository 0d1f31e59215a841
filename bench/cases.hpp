// What there is to measure: every case has a key, which becomes its row in the report, and a
// function that measures it once.
#pragma once

#include "statistics.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

enum class mode { round_trip, one_way, pipelined };
constexpr std::string_view to_string(mode m) {
  switch (m) {
    case mode::round_trip: return "round_trip";
    case mode::one_way: return "one_way";
    case mode::pipelined: return "pipelined";
  }
  return "";
}

struct row_key {
  std::string name;  // contender/what/size[/variant]
  std::string peer;
  std::uint32_t size_bytes = 0;
  mode how = mode::round_trip;
  std::string publication = {};  // of Rondo's rings
  std::string wait = {};
  std::uint64_t window = 0;  // requests on their way at most, pipelined
};

struct measurement {
  double mean_ns = 0;  // per message; from the pass without stamps
  double per_second = 0;
  percentiles latency;      // from the stamped pass
  std::uint64_t proof = 0;  // replies, or counted messages, that were checked
  double disturbed = 0;     // part of the unstamped pass that another process disturbed
};

struct bench_case {
  row_key key;
  // Measures once, each pass for about so many seconds; the client's thread calls it.
  std::function<measurement(const row_key&, double seconds)> run;
};

struct processors {
  int client = 0;
  int worker = 1;
};

void add_limit_cases(std::vector<bench_case>& to, processors cpus);
void add_boost_cases(std::vector<bench_case>& to, processors cpus);
void add_rondo_cases(std::vector<bench_case>& to, processors cpus);
// `reader` is a third processor; -1: there is none.
void add_reading_cases(std::vector<bench_case>& to, processors cpus, int reader);

// Names that goals and ratios refer to.
inline constexpr std::string_view ping_pong_pause = "limit/ping-pong/pause";
inline constexpr std::string_view ping_pong_no_pause = "limit/ping-pong/no-pause";
inline constexpr std::string_view raw_in_place = "limit/in-place/65536";
inline constexpr std::string_view boost_call_64 = "boost/call/64";
inline constexpr std::string_view boost_pipelined_64 = "boost/pipelined/64";
inline constexpr std::string_view rondo_call_64 = "rondo/call/64";
inline constexpr std::string_view rondo_pipelined_64 = "rondo/pipelined/64";

// Messages that are sent at once in a pipelined case, by batch or one by one, unless its name says
// otherwise.
inline constexpr std::size_t usual_batch = 16;
// Requests on their way in a pipelined case, unless its name says otherwise; and slots of a peer's
// queue, which are as many as Rondo takes by itself.
constexpr std::uint64_t window_for(std::uint32_t bytes) { return bytes > 4096 ? 8 : 256; }
constexpr std::uint64_t slots_for(std::uint32_t bytes) { return bytes > 4096 ? 16 : 1024; }

}  // namespace bench
