// Runs the cases interleaved: every case once, then every case again, so that what changes on the
// machine meanwhile meets all of them alike. Before and after each case it probes where the two
// processors are, and measures a case again that was moved, or that other processes never left
// alone.
#pragma once

#include "cases.hpp"

#include <functional>
#include <vector>

namespace bench {

struct run_options {
  processors cpus;
  int repeats = 5;
  double seconds = 0.15;  // of each pass
  int retries = 3;        // of a measurement that does not stand
};

// The circumstances of one measurement.
struct placement {
  int repeat = 0;
  int attempt = 0;
  double before_ns = 0;  // the probe
  double after_ns = 0;
  double disturbed = 0;  // part of it
  bool moved() const;
};

// One case in all repeats.
struct row {
  row_key key;
  std::vector<measurement> repeats;
  std::vector<placement> placements;  // every attempt; the last of a repeat is the one that counts

  // Medians over the repeats; the largest maximum; the sum of what was checked.
  measurement summary() const;
  double spread() const;  // of the mean
  int moved() const;      // repeats that were moved in their last attempt too
};

// `progress` is called before each measurement. A wrong reply ends the run with its exception.
using progress_function = std::function<void(int repeat, std::size_t index, const row_key&)>;
std::vector<row> run_all(const std::vector<bench_case>& cases, const run_options& options,
                         const progress_function& progress);

}  // namespace bench
