// rondo_bench: measures Rondo, what a user would pick instead, and the limit of the machine, in one
// run, and prints how they compare. Exit codes: 0 measured, whatever the figures; 1 not measured; 4
// usage.
#include "profile.hpp"
#include "report.hpp"
#include "rondo_client.hpp"

#include <rondo/error.hpp>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>

namespace {

struct arguments {
  bench::run_options run;
  std::string json_file;
  std::vector<std::string> filters;
  std::string profile;
  double profile_seconds = 5;
  int client_cpu = -1;
  int worker_cpu = -1;
  bool quick = false;
  bool list = false;
  bool markdown = false;
};

void declare(CLI::App& app, arguments& a) {
  app.add_option("--json", a.json_file, "Keep every figure in this file");
  app.add_option("--repeat", a.run.repeats, "How often each case is measured")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--seconds", a.run.seconds, "Length of one pass; a case has three")
      ->check(CLI::Range(0.001, 60.0))
      ->capture_default_str();
  app.add_option("--filter", a.filters,
                 "Only cases whose name contains this; one that is a whole name means that case")
      ->delimiter(',');
  app.add_flag("--quick", a.quick, "3 repeats of 0.02 s: whether it works, not how fast it is");
  app.add_flag("--list", a.list, "Print the names of the cases and measure nothing");
  app.add_flag("--markdown", a.markdown, "Print the table as Markdown");
  app.add_option("--client-cpu", a.client_cpu, "Processor of the client; the first allowed one");
  app.add_option("--worker-cpu", a.worker_cpu, "Processor of the worker; the second allowed one");
  app.add_option("--profile", a.profile, "Only run one loop at 64 B, for a profiler")
      ->check(CLI::IsMember({"call", "one-way", "pipelined", "batch"}));
  app.add_option("--profile-seconds", a.profile_seconds, "For how long")->capture_default_str();
}

bench::processors choose_processors(const arguments& a) {
  const auto allowed = bench::allowed_cpus();
  if (allowed.size() < 2)
    throw rondo::error(
        RONDO_UNSUPPORTED, "rondo_bench",
        fmt::format("this process may use {} processor, and two threads that spin on one processor "
                    "measure its scheduler",
                    allowed.size()),
        "Allow it two, for example with taskset -c 0,1");
  bench::processors chosen{a.client_cpu, a.worker_cpu};
  const auto first_but = [&](int other) { return allowed[allowed[0] == other ? 1 : 0]; };
  if (chosen.client < 0) chosen.client = first_but(chosen.worker);
  if (chosen.worker < 0) chosen.worker = first_but(chosen.client);
  for (const int cpu : {chosen.client, chosen.worker})
    if (std::find(allowed.begin(), allowed.end(), cpu) == allowed.end())
      throw rondo::error(RONDO_INVALID_ARGUMENT, fmt::format("processor {}", cpu),
                         "this process may not use it",
                         fmt::format("It may use {}", fmt::join(allowed, ", ")));
  if (chosen.client == chosen.worker)
    throw rondo::error(RONDO_INVALID_ARGUMENT, fmt::format("processor {}", chosen.client),
                       "client and worker cannot share it", "Name two");
  return chosen;
}

int processor_left_by(const bench::processors& chosen) {
  for (const int cpu : bench::allowed_cpus())
    if (cpu != chosen.client && cpu != chosen.worker) return cpu;
  return -1;
}

std::vector<bench::bench_case> choose_cases(const arguments& a) {
  std::vector<bench::bench_case> cases;
  add_limit_cases(cases, a.run.cpus);
  add_boost_cases(cases, a.run.cpus);
  add_rondo_cases(cases, a.run.cpus);
  add_reading_cases(cases, a.run.cpus, processor_left_by(a.run.cpus));
  if (a.filters.empty()) return cases;
  std::vector<bool> chosen(cases.size(), false);
  for (const std::string& filter : a.filters) {
    const bool whole = std::any_of(cases.begin(), cases.end(),
                                   [&](const auto& c) { return c.key.name == filter; });
    bool found = false;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const std::string& name = cases[i].key.name;
      if (whole ? name != filter : name.find(filter) == std::string::npos) continue;
      chosen[i] = found = true;
    }
    if (!found)
      throw rondo::error(RONDO_INVALID_ARGUMENT, filter, "no case has this in its name",
                         "rondo_bench --list prints the names");
  }
  std::vector<bench::bench_case> some;
  for (std::size_t i = 0; i < cases.size(); ++i)
    if (chosen[i]) some.push_back(std::move(cases[i]));
  return some;
}

std::string command_of(int argc, char** argv) {
  std::string text = "./dev bench";
  for (int i = 1; i < argc; ++i) text += std::string(" ") + argv[i];
  return text;
}

void keep(const std::string& file, const std::string& text) {
  std::ofstream out(file);
  if (!(out << text) || !out.flush())
    throw rondo::error(RONDO_INVALID_ARGUMENT, file, "it cannot be written",
                       "Name a file in a directory that exists");
}

int measure(arguments a, const std::string& command) {
  if (a.quick) {
    a.run.repeats = 3;
    a.run.seconds = 0.02;
  }
  const auto cases = choose_cases(a);
  if (a.list) {
    for (const auto& c : cases) fmt::print("{}\n", c.key.name);
    return 0;
  }
  if (!a.json_file.empty()) keep(a.json_file, "");  // better now than after the measurements
  // Before this thread is pinned, and to learn now that there is no backend.
  if (std::any_of(cases.begin(), cases.end(), [](const auto& c) { return c.key.peer == "rondo"; }))
    bench::the_runtime();
  bench::report report{command, bench::describe_machine(), bench::scale(), a.run, {}};
  const bool shows_progress = isatty(STDERR_FILENO) != 0;
  report.rows =
      bench::run_all(cases, a.run, [&](int repeat, std::size_t index, const bench::row_key& key) {
        if (shows_progress)
          fmt::print(stderr, "\r{}/{} {:>3}/{} {:<40}", repeat + 1, a.run.repeats, index + 1,
                     cases.size(), key.name);
      });
  if (shows_progress) fmt::print(stderr, "\r{:60}\r", "");
  fmt::print("{}", a.markdown ? to_markdown(report) : to_table(report));
  if (!a.json_file.empty()) keep(a.json_file, to_json(report));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures Rondo beside Boost.Lockfree and the limit of the machine.", "rondo_bench");
  arguments a;
  declare(app, a);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 4;
  }
  try {
    if (!a.list) a.run.cpus = choose_processors(a);
    if (!a.profile.empty()) return bench::run_profile(a.profile, a.profile_seconds, a.run.cpus);
    return measure(a, command_of(argc, argv));
  } catch (const std::exception& e) {
    fmt::print(stderr, "rondo_bench: {}\n", e.what());
    return 1;
  }
}
