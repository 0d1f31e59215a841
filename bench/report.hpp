// What was measured, for people, for documents and for programs.
#pragma once

#include "machine.hpp"
#include "runner.hpp"

#include <optional>
#include <string>
#include <vector>

namespace bench {

struct report {
  std::string command;
  machine_description machine;
  clock_scale clock;
  run_options options;
  std::vector<row> rows;
};

// A quotient of two rows of one run: of the medians, and the least and largest of single repeats.
struct ratio {
  std::string name;
  std::string text;  // what is divided by what
  double value = 0;
  double least = 0;
  double most = 0;
};

struct goal {
  std::string text;
  double value = 0;
  bool met = false;
};

// Those whose rows were measured.
std::vector<ratio> ratios_of(const report&);
std::vector<goal> goals_of(const report&);
// A sentence if the processors were not in one place during the run, so that rows do not compare.
std::optional<std::string> doubt_about(const report&);

std::string to_table(const report&);
std::string to_markdown(const report&);
std::string to_json(const report&);

}  // namespace bench
