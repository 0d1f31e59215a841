// The raw cost of handing a cache line from one processor to the other and back, which is the limit
// that everything else is compared with, and a short probe of it. A virtual machine's processors
// move: on one core, on one cache, or on two, the probe reads up to eight times as much, and
// whatever spins scales with it.
#pragma once

#include "cases.hpp"
#include "waiting.hpp"

namespace bench {

// Round trips of an 8-byte flag over two lines, as round_trip rows are measured.
template <spin How>
measurement measure_ping_pong(processors cpus, double seconds);
extern template measurement measure_ping_pong<spin::with_pause>(processors, double);
extern template measurement measure_ping_pong<spin::without_pause>(processors, double);

// Nanoseconds of a round trip now: the median of short series, so that a preemption does not look
// like a move. Takes about 2 ms.
double probe_placement(processors cpus);

}  // namespace bench
