// `rondo queues build|parse|explain`: the naming contract on the command line. Everything it says
// about names comes from rondo/naming.hpp.
#include "output.hpp"
#include "verbs.hpp"

#include <rondo/naming.hpp>
#include <rondo/nearest.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <array>
#include <memory>

namespace rondo::cli {
namespace {

struct queues_options {
  std::string message_type, kernel_id, direction, name;
  bool as_json = false;
};

queue_direction direction_of(const std::string& text) {
  static constexpr std::array<std::string_view, 2> known{"input", "output"};
  if (text == known[0]) return queue_direction::input;
  if (text == known[1]) return queue_direction::output;
  const auto near = nearest(text, known);
  throw error(RONDO_INVALID_ARGUMENT, "queues build",
              fmt::format("{} is no direction", in_quotes(text)),
              near.empty() ? "Say input or output" : fmt::format("Did you mean {}?", near));
}

json to_json(const std::string& full, const queue_name& name) {
  return {{"name", full},
          {"message_type", name.message_type},
          {"kernel_id", name.kernel_id},
          {"direction", to_string(name.direction)}};
}

exit_code build(const queues_options& options) {
  const queue_name name{options.message_type, options.kernel_id, direction_of(options.direction)};
  const auto full = build_queue_name(name);
  if (options.as_json) print_json(to_json(full, name));
  else fmt::print("{}\n", full);
  return exit_code::done;
}

exit_code parse(const queues_options& options) {
  const auto name = parse_queue_name(options.name);
  if (options.as_json) print_json(to_json(options.name, name));
  else
    fmt::print("message type  {}\nkernel id     {}\ndirection     {}\n", name.message_type,
               name.kernel_id, to_string(name.direction));
  return exit_code::done;
}

json to_json(const std::string& full, const name_explanation& explanation) {
  json parts = json::array();
  for (const auto& part : explanation.parts)
    parts.push_back({{"label", part.label},
                     {"text", part.text},
                     {"position", part.position},
                     {"valid", part.valid()},
                     {"problem", part.problem}});
  return {{"name", full},
          {"valid", explanation.valid()},
          {"problem", explanation.problem},
          {"parts", std::move(parts)}};
}

void print(const std::string& full, const name_explanation& explanation) {
  fmt::print("{}\n", printable(full));
  for (const auto& part : explanation.parts) {
    fmt::print("  {:>3}  {:<13} {}\n", part.position, part.label,
               part.text.empty() ? "(missing)" : printable(part.text));
    if (!part.valid()) fmt::print("       {}\n", painted("^ " + part.problem, colour::red, stdout));
  }
}

// The explanation is the answer, also of a name that breaks the contract; the error says so.
exit_code explain(const queues_options& options) {
  const auto explanation = explain_queue_name(options.name);
  auto document = to_json(options.name, explanation);
  if (!options.as_json) print(options.name, explanation);
  error_info problem;
  if (!explanation.valid()) {
    problem = {RONDO_INVALID_NAME, printable(options.name), explanation.problem,
               "Queue names have the form ringkernel_<MessageType>_<KernelId>_<input|output>"};
    print_error(problem);
    document["error"] = cli::to_json(problem);
  }
  if (options.as_json) print_json(document);
  return exit_code_of(problem.code);
}

CLI::App* add_verb(CLI::App& queues, const char* name, const char* what, action& chosen,
                   const std::shared_ptr<queues_options>& options,
                   exit_code (*run)(const queues_options&)) {
  auto* const verb = queues.add_subcommand(name, what);
  verb->add_flag("--json", options->as_json, "Print one JSON document");
  verb->callback([&chosen, options, run] { chosen = [options, run] { return run(*options); }; });
  return verb;
}

}  // namespace

void add_queues(CLI::App& app, action& chosen) {
  auto* const queues = app.add_subcommand("queues", "Build, parse and explain queue names");
  queues->require_subcommand(0, 1);
  const auto options = std::make_shared<queues_options>();
  auto* const built =
      add_verb(*queues, "build", "Print the name of a queue", chosen, options, build);
  built->add_option("MESSAGE_TYPE", options->message_type, "Wire name of the message")->required();
  built->add_option("KERNEL_ID", options->kernel_id, "Id of the kernel")->required();
  built->add_option("DIRECTION", options->direction, "input or output, seen from the kernel")
      ->required();
  add_verb(*queues, "parse", "Print the parts of a name", chosen, options, parse)
      ->add_option("NAME", options->name, "A full queue name")
      ->required();
  add_verb(*queues, "explain", "Take any text apart and say what is wrong with it", chosen, options,
           explain)
      ->add_option("NAME", options->name, "Any text")
      ->required();
}

}  // namespace rondo::cli
