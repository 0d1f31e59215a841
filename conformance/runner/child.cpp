// Runs the cases that the runner has ordered, and says after each what became of it.
#include "child.hpp"

#include "../support/reporter.hpp"
#include "../support/suite.hpp"

#include <rondo/error.hpp>
#include <rondo/host_services.hpp>

#include <sys/prctl.h>

#include <algorithm>
#include <csignal>

namespace rondo::conformance {

namespace {

constexpr int fixed_arguments = 12;

std::string_view text_of(const rondo_string& s) {
  return s.data == nullptr ? std::string_view() : std::string_view(s.data, s.size);
}

void tell_device(bench& it, reporter& to) {
  rondo_device_info info{};
  info.struct_size = sizeof info;
  const host_call_guard guard;
  if (it.api().backend.device_count(it.backend()) == 0) {
    char why[256];
    const auto n = it.api().backend.why_none(it.backend(), why, sizeof why);
    to.fact("no_device", std::string_view(why, std::min<std::size_t>(n, sizeof why)));
    return;
  }
  if (it.api().backend.device_info(it.backend(), it.with().device, &info) != RONDO_OK) {
    to.fact("no_device", "there is no device " + std::to_string(it.with().device));
    return;
  }
  info.name[sizeof info.name - 1] = '\0';
  info.reason[sizeof info.reason - 1] = '\0';
  to.fact("device", info.name);
  if (info.usable == 0) {
    to.fact("no_device", info.reason);
    return;
  }
  (void)it.api().backend.device_properties(
      it.device(), &to, [](void* self, rondo_string key, rondo_string value) {
        static_cast<reporter*>(self)->fact("device." + std::string(text_of(key)), text_of(value));
      });
}

// Nothing here is judged: what is wrong with the plugin is the cases' to find out.
void tell_facts(const settings& with, reporter& to) {
  try {
    bench it(with, "facts");
    const plugin_info& info = it.plugin().info();
    to.fact("id", info.id);
    to.fact("name", info.name);
    to.fact("version", info.version);
    to.fact("build", info.build);
    to.fact("abi", std::to_string(it.api().abi_version));
    std::string all;
    for (const auto& each : info.capabilities) all += (all.empty() ? "" : " ") + each;
    to.fact("capabilities", all);
    tell_device(it, to);
  } catch (const std::exception& failure) {
    to.fact("refused", failure.what());
  }
}

// The capability that is missing; empty if none is.
std::string_view missing(bench& it, const case_record& record) {
  for (const auto need : words(record.needs))
    if (!it.has(need)) return need;
  return {};
}

}  // namespace

void run_case(const case_record& record, const settings& with) {
  reporter& to = current_reporter();
  to.case_begins(record.name());
  const auto rules = words(record.rules);
  if (!rules.empty()) rule(rules.front());
  const std::uint64_t before = checks_made();
  try {
    bench it(with, record.name());
    if (!record.needs.empty())
      if (const auto capability = missing(it, record); !capability.empty())
        return to.unsupported(capability,
                              "the plugin does not advertise " + std::string(capability));
    record.body(it);
    it.close_device();
    it.close_backend();
    const std::uint64_t made = checks_made() - before;
    if (made > 0) to.passed(made);
    else to.failed(record.file, static_cast<unsigned>(record.line), "the case checked nothing");
  } catch (const case_unsupported& why) {
    to.unsupported(why.capability, "in this run the plugin does not offer " + why.capability);
  } catch (const case_failure& failure) {
    to.failed(failure.file, failure.line, failure.text);
  } catch (const rondo::error& failure) {
    to.failed(record.file, static_cast<unsigned>(record.line), failure.info().text());
  } catch (const std::exception& failure) {
    to.failed(record.file, static_cast<unsigned>(record.line), failure.what());
  }
}

std::vector<std::string> to_arguments(const child_order& order) {
  const settings& with = order.with;
  std::vector<std::string> arguments = {std::string(child_verb),
                                        std::to_string(order.descriptor),
                                        with.plugin.string(),
                                        with.kernels.string(),
                                        std::to_string(with.device),
                                        std::string(with.mode()),
                                        std::to_string(with.seed),
                                        std::to_string(with.patience.count()),
                                        std::to_string(with.soak.count()),
                                        with.replay,
                                        std::to_string(with.options.size())};
  for (const auto& [key, value] : with.options) arguments.insert(arguments.end(), {key, value});
  arguments.insert(arguments.end(), order.cases.begin(), order.cases.end());
  return arguments;
}

bool is_child(int argc, char** argv) {
  return argc >= fixed_arguments && std::string_view(argv[1]) == child_verb;
}

int child_main(int argc, char** argv) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nothing is left behind, whatever ends the runner
  settings with;
  reporter to(std::stoi(argv[2]));
  use_reporter(to);
  with.plugin = argv[3];
  with.kernels = argv[4];
  with.device = static_cast<std::uint32_t>(std::stoul(argv[5]));
  with.set_mode(argv[6]);
  with.seed = std::stoull(argv[7]);
  with.patience = nanoseconds(std::stoll(argv[8]));
  with.soak = nanoseconds(std::stoll(argv[9]));
  with.replay = argv[10];
  const int first_case = fixed_arguments + 2 * std::stoi(argv[11]);
  for (int i = fixed_arguments; i < first_case; i += 2)
    with.options.emplace_back(argv[i], argv[i + 1]);
  if (argc == first_case) tell_facts(with, to);
  for (int i = first_case; i < argc; ++i)
    for (const case_record& record : all_cases())
      if (record.name() == argv[i]) run_case(record, with);
  to.ended();
  return 0;
}

}  // namespace rondo::conformance
