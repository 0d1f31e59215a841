// Groups of cases, each in a process of its own; a process that dies loses one case and the rest of
// its group goes on in the next.
#include "run.hpp"

#include "../support/reporter.hpp"
#include "child.hpp"
#include "honesty.hpp"
#include "process.hpp"

#include <fnmatch.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>

extern char** environ;

namespace rondo::conformance {

namespace {

using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point begin) {
  return std::chrono::duration<double>(clock::now() - begin).count();
}

std::string_view first_word(std::string_view& rest) {
  const auto end = std::min(rest.find(' '), rest.size());
  const auto word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

// Collects what a child says about the cases it runs.
class listener {
 public:
  listener(const run_options& options, run_result& run) : options_(options), run_(run) {}

  after_event hear(std::string_view event) {
    const auto what = first_word(event);
    if (what == "begin") return begin(event), after_event::starts_anew;
    if (what == "alive") return after_event::starts_anew;
    if (what == "rule") open_.rule = event;
    else if (what == "note") open_.notes.push_back(unescaped(event));
    else if (what == "figure") open_.figures.push_back(figure_of(unescaped(event)));
    else if (what == "pass") open_.checks = std::stoull(std::string(event)), end(outcome::pass);
    else if (what == "unsupported") left_out(event);
    else if (what == "fail") failed(event);
    else if (what == "fact") fact(event);
    else if (what == "end") ended_ = true;
    return stops_ ? after_event::stop : after_event::goes_on;
  }
  // The process is gone while a case was open, or after the last one.
  void died(const process_end& how) {
    open_.text = "the process " + describe(how) + " while " +
                 (open_.rule.empty() ? "the case ran" : "rule " + open_.rule + " was looked at");
    open_.output = how.output;
    end(how.timed_out ? outcome::timeout : outcome::crash);
  }

  // Between cases, or in what runs when the process ends: the doing of the last case.
  void last_died(const process_end& how, const case_record& first) {
    if (finished_ == 0) {
      begin(first.name());
    } else {
      open_ = run_.cases.back();
      run_.cases.pop_back();
      --finished_;
    }
    died(how);
  }

  bool is_open() const { return open_.of != nullptr; }
  bool has_ended() const { return ended_; }
  std::size_t finished() const { return finished_; }
  bool stops() const { return stops_; }

 private:
  void begin(std::string_view name) {
    open_ = {};
    for (const auto& record : all_cases())
      if (record.name() == name) open_.of = &record;
    begun_ = clock::now();
    if (options_.on_begin && open_.of != nullptr) options_.on_begin(*open_.of);
  }
  void fact(std::string_view event) {
    const std::string key(first_word(event));
    run_.facts.emplace_back(key, unescaped(event));
  }
  void failed(std::string_view event) {
    open_.rule = first_word(event);
    open_.file = first_word(event);
    open_.line = static_cast<unsigned>(std::stoul(std::string(first_word(event))));
    open_.text = unescaped(event);
    end(outcome::fail);
  }
  void left_out(std::string_view event) {
    open_.capability = first_word(event);
    open_.text = unescaped(event);
    end(outcome::unsupported);
  }
  void end(outcome how) {
    open_.outcome = how;
    if (how == outcome::unsupported && options_.strict) {
      open_.outcome = outcome::fail;
      open_.text += ", and --strict lets nothing be left out";
    }
    open_.seconds = seconds_since(begun_);
    stops_ = stops_ || (options_.stops && options_.stops(open_));
    run_.cases.push_back(open_);
    ++finished_;
    if (options_.on_result) options_.on_result(run_.cases.back());
    open_ = {};
  }

  const run_options& options_;
  run_result& run_;
  case_result open_;
  clock::time_point begun_ = clock::now();
  std::size_t finished_ = 0;
  bool ended_ = false, stops_ = false;
};

process_order order_for(const run_options& options, const std::vector<std::string>& environment,
                        std::vector<std::string> cases) {
  process_order order;
  child_order child{options.with, std::move(cases), order.event_descriptor};
  order.arguments = to_arguments(child);
  order.arguments.insert(order.arguments.begin(), options.program.string());
  order.environment = environment;
  order.limit = std::chrono::milliseconds(static_cast<std::int64_t>(options.case_limit_s * 1000));
  return order;
}

// The process that asks for facts died, and so did the first case: no other can begin, and a
// library that hangs would cost each its whole limit.
bool cannot_be_opened(const run_result& run) {
  const auto died = [](outcome o) { return o == outcome::crash || o == outcome::timeout; };
  return !run.facts_died.empty() && run.cases.size() == 1 && died(run.cases.front().outcome);
}

// False if the run should stop.
bool run_group(const run_options& options, const std::vector<std::string>& environment,
               const std::vector<const case_record*>& group, run_result& run) {
  std::size_t next = 0;
  while (next < group.size()) {
    std::vector<std::string> names;
    for (std::size_t i = next; i < group.size(); ++i) names.push_back(group[i]->name());
    listener heard(options, run);
    const process_end how =
        watch_process(order_for(options, environment, names),
                      [&](std::string_view event) { return heard.hear(event); });
    if (heard.stops()) return false;
    if (heard.is_open()) {
      heard.died(how);
    } else if (!heard.has_ended() || how.exit_code != 0) {
      heard.last_died(how, *group[next]);
    }
    next += std::max<std::size_t>(heard.finished(), 1);
    if (cannot_be_opened(run)) {
      run.unusable = true;
      run.problems.push_back(
          "nothing can be tried: the process that opened the plugin to ask what it is " +
          run.facts_died);
      return false;
    }
    if (heard.stops()) return false;
  }
  return true;
}

// Cases in this process, for a debugger: nothing is caught that a debugger should see. A file takes
// the events, which nobody reads before the case has ended.
void run_here(const run_options& options, const std::vector<const case_record*>& cases,
              run_result& run) {
  run.remarks.emplace_back(
      "all cases ran in one process, which nobody watched, and the plugin was not asked what it "
      "is");
  for (const case_record* record : cases) {
    if (record->group() == "plugin.entry") {
      run.remarks.push_back(record->name() +
                            " is not run: it calls the entry, which is called once in a process");
      continue;
    }
    const int file = ::memfd_create("events", MFD_CLOEXEC);
    listener heard(options, run);
    reporter to(file);
    use_reporter(to);
    run_case(*record, options.with);
    std::string all(static_cast<std::size_t>(::lseek(file, 0, SEEK_CUR)), '\0');
    const auto n = ::pread(file, all.data(), all.size(), 0);
    all.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    ::close(file);
    for (std::string_view rest = all; !rest.empty();) {
      const auto end = rest.find('\n');
      heard.hear(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
  }
}

void ask_for_facts(const run_options& options, const std::vector<std::string>& environment,
                   run_result& run) {
  listener heard(options, run);
  const process_end how = watch_process(order_for(options, environment, {}),
                                        [&](std::string_view event) { return heard.hear(event); });
  if (!heard.has_ended()) run.facts_died = describe(how);
  run.unusable = !run.fact("no_device").empty();
}

// What opens the library comes first: where that fails, it is the reason for all else.
std::vector<std::vector<const case_record*>> groups_of(
    const std::vector<const case_record*>& chosen) {
  std::vector<std::vector<const case_record*>> groups;
  std::map<std::string, std::size_t> index;
  for (const case_record* each : chosen) {
    const auto [where, is_new] = index.emplace(each->group(), groups.size());
    if (is_new) groups.emplace_back();
    groups[where->second].push_back(each);
  }
  std::stable_partition(groups.begin(), groups.end(), [](const auto& group) {
    return group.front()->object == "plugin" && group.front()->operation == "load";
  });
  return groups;
}

std::vector<std::string> environment_for(const run_options& options, run_result& run) {
  std::vector<std::string> cleared;
  auto environment = hermetic_environment(cleared);
  environment.insert(environment.end(), options.environment.begin(), options.environment.end());
  for (const auto& each : cleared) run.remarks.push_back("left out of the environment: " + each);
  for (const auto& each : environment)
    if (each.starts_with("RONDO_")) run.remarks.push_back("in the environment: " + each);
  return environment;
}

bool loads_failed(const run_result& run) {
  return std::any_of(run.cases.begin(), run.cases.end(), [](const case_result& c) {
    return c.of->object == "plugin" && c.of->operation == "load" && c.failed();
  });
}

}  // namespace

bool matches(std::string_view filter, const case_record& record) {
  if (filter.empty()) return true;
  const std::string name = record.name();
  for (std::size_t begin = 0; begin <= filter.size();) {
    const auto end = std::min(filter.find(',', begin), filter.size());
    const std::string one(filter.substr(begin, end - begin));
    begin = end + 1;
    if (one.empty()) continue;
    const auto rules = words(record.rules);
    if (std::find(rules.begin(), rules.end(), one) != rules.end()) return true;
    if (one.find_first_of("*?") != std::string::npos ? ::fnmatch(one.c_str(), name.c_str(), 0) == 0
                                                     : name.find(one) != std::string::npos)
      return true;
  }
  return false;
}

std::vector<const case_record*> select_cases(const run_options& options) {
  std::vector<const case_record*> chosen;
  for (const auto& record : all_cases())
    if (static_cast<int>(record.at) <= options.highest_level && matches(options.filter, record))
      chosen.push_back(&record);
  return chosen;
}

std::vector<std::string> hermetic_environment(std::vector<std::string>& cleared) {
  std::vector<std::string> kept;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view entry = *each;
    const auto name = entry.substr(0, entry.find('='));
    if (name == "RONDO_PLUGIN_PATH" || name == "RONDO_KERNEL_PATH") cleared.emplace_back(entry);
    else kept.emplace_back(entry);
  }
  return kept;
}

run_result facts_of(const run_options& options) {
  run_result run;
  const auto environment = environment_for(options, run);
  ask_for_facts(options, environment, run);
  return run;
}

run_result run_suite(const run_options& options) {
  const auto begin = clock::now();
  run_result run;
  run.seed = options.with.seed;
  const auto chosen = select_cases(options);
  const auto environment = environment_for(options, run);
  if (options.in_process) {
    run_here(options, chosen, run);
  } else if (!chosen.empty()) {
    if (options.asks_for_facts) ask_for_facts(options, environment, run);
    for (const auto& group : groups_of(chosen)) {
      const bool goes_on = run_group(options, environment, group, run);
      if (loads_failed(run)) run.unusable = true;
      const bool only_loads = static_cast<int>(group.front()->at) == 0;
      if (!goes_on || (run.unusable && !only_loads)) break;
    }
  }
  apply_waivers(options.waivers, today(), run);
  check_honesty(chosen, !options.with.options.empty(), run);
  run.seconds = seconds_since(begin);
  return run;
}

}  // namespace rondo::conformance
