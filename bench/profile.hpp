// One of Rondo's loops at 64 B, and nothing else, for a profiler to look at:
//   perf record -g rondo_bench --profile call
#pragma once

#include "cases.hpp"

#include <string>

namespace bench {

// `what` is call, one-way, pipelined or batch. Prints the mean; returns the exit code.
int run_profile(const std::string& what, double seconds, processors cpus);

}  // namespace bench
