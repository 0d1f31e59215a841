// What `rondo run` was asked to do and what came of it: filled by run.cpp, told by run_report.cpp.
#pragma once

#include "output.hpp"

#include <rondo/runtime.hpp>
#include <rondo/scenario_run.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace rondo::cli {

struct run_options {
  std::string module;
  std::string kernel;
  std::string backend;
  std::uint32_t device = 0;
  std::vector<std::filesystem::path> plugins;
  std::vector<std::filesystem::path> kernels;
  probe_options probe;
  double timeout_seconds = 5;
  std::uint32_t grid = 0;
  std::uint32_t block = 0;
  publish_policy publish = publish_policy::backend_default;
  pump_policy pump = pump_policy::automatic;
  std::vector<std::pair<std::string, std::string>> options;  // the backend's own
  bool as_json = false;
  bool stats = false;
  bool list = false;
};

// One handler, launched once for all its scenarios.
struct handler_run {
  std::string handler;
  std::string module;
  std::string backend;
  std::uint32_t device = 0;
  std::filesystem::path plugin;
  std::vector<scenario_outcome> scenarios;
  std::optional<kernel_snapshot> stats;
  std::optional<error_info> refusal;  // it could not be launched, driven or ended

  std::uint64_t passed() const;
  std::uint64_t executed() const;
};

void print_case(const std::string& scenario, const scenario_case& one);
void print_summary(const std::vector<handler_run>& runs);
void print_stats(const kernel_snapshot& stats);
json to_json(const std::vector<handler_run>& runs);

void print_handlers(const std::vector<handler_description>& handlers);
json to_json(const std::vector<handler_description>& handlers);

}  // namespace rondo::cli
