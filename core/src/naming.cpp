// Building, splitting and judging queue names. parse_queue_name() and explain_queue_name() share
// split(), and build_queue_name() shares the judges, so that the three cannot disagree.
#include <rondo/error.hpp>
#include <rondo/naming.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace rondo {
namespace {

constexpr std::string_view prefix = "ringkernel_";
constexpr std::string_view input_suffix = "_input";
constexpr std::string_view output_suffix = "_output";
constexpr std::string_view form = "ringkernel_<MessageType>_<KernelId>_<input|output>";
constexpr std::string_view type_rule =
    "a message type is a letter followed by letters, digits and '.'";
constexpr std::string_view id_rule =
    "a kernel id is a letter followed by letters, digits, '_', '.' and '-', and does not end in "
    "_input or _output";

// Not <cctype>: the contract is about bytes, whatever the locale.
constexpr bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
constexpr bool is_alphanumeric(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }
constexpr bool is_type_char(char c) { return is_alphanumeric(c) || c == '.'; }
constexpr bool is_id_char(char c) { return is_type_char(c) || c == '_' || c == '-'; }

bool ends_like_a_direction(std::string_view id) {
  return id.ends_with(input_suffix) || id.ends_with(output_suffix);
}

// The index of the first character that may not stand where it does, or npos.
std::size_t first_bad(std::string_view text, bool (*allowed)(char)) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (i == 0 ? !is_letter(text[i]) : !allowed(text[i])) return i;
  return std::string_view::npos;
}

// What is wrong with a part, or nothing. `offset` is where the part begins in what the user wrote.
std::string problem_of(std::string_view text, std::size_t offset, std::string_view label,
                       bool (*allowed)(char), std::string_view rule) {
  if (text.empty()) return fmt::format("the {} is missing; {}", label, rule);
  const auto bad = first_bad(text, allowed);
  if (bad == std::string_view::npos) return {};
  return fmt::format("the {} {} has {} at position {}; {}", label, in_quotes(text),
                     in_quotes(text.substr(bad, 1)), offset + bad, rule);
}

std::string type_problem(std::string_view type, std::size_t offset) {
  return problem_of(type, offset, "message type", is_type_char, type_rule);
}

std::string id_problem(std::string_view id, std::size_t offset) {
  auto problem = problem_of(id, offset, "kernel id", is_id_char, id_rule);
  if (problem.empty() && ends_like_a_direction(id))
    problem = fmt::format("the kernel id {} ends in {} at position {}; {}", in_quotes(id),
                          in_quotes(id.substr(id.rfind('_'))), offset + id.rfind('_'), id_rule);
  return problem;
}

std::string length_problem(std::size_t type_and_id) {
  if (type_and_id <= max_type_and_id) return {};
  return fmt::format("message type and kernel id have {} bytes together; at most {} are allowed",
                     type_and_id, max_type_and_id);
}

struct parts_of_name {
  std::string_view prefix, type, id, direction;
};

// Cuts at the first underscore after the prefix and at the last direction. Parts that are not there
// stay empty, but point to where they should be.
parts_of_name split(std::string_view text) {
  parts_of_name parts;
  parts.prefix = text.substr(0, text.starts_with(prefix) ? prefix.size() : 0);
  auto rest = text.substr(parts.prefix.size());
  const auto end_of_type = std::min(rest.find('_'), rest.size());
  parts.type = rest.substr(0, end_of_type);
  rest = rest.substr(std::min(end_of_type + 1, rest.size()));
  parts.id = rest;
  parts.direction = rest.substr(rest.size());
  for (const auto suffix : {input_suffix, output_suffix})
    if (rest.ends_with(suffix)) {
      parts.id = rest.substr(0, rest.size() - suffix.size());
      parts.direction = rest.substr(parts.id.size() + 1);
    }
  return parts;
}

std::string missing_direction(const parts_of_name& parts) {
  if (parts.id == "input" || parts.id == "output")
    return fmt::format(
        "{} follows the message type at once, so either the kernel id or the "
        "direction is missing; the form is {}",
        in_quotes(parts.id), form);
  return "the direction is missing at the end; it is _input or _output";
}

[[noreturn]] void refuse(std::string_view name, std::string problem) {
  throw error(RONDO_INVALID_NAME, printable(name), std::move(problem),
              fmt::format("Queue names have the form {}", form));
}

}  // namespace

std::string_view to_string(queue_direction direction) noexcept {
  return direction == queue_direction::input ? "input" : "output";
}

std::string printable(std::string_view text) {
  constexpr std::size_t longest = 300;
  std::string out;
  for (const char c : text.substr(0, longest)) {
    if (c >= ' ' && c <= '~') out += c;
    else out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return text.size() > longest ? out + "..." : out;
}

std::string in_quotes(std::string_view text) { return "'" + printable(text) + "'"; }

bool is_valid_message_type(std::string_view text) noexcept {
  return !text.empty() && text.size() < max_type_and_id &&
         first_bad(text, is_type_char) == std::string_view::npos;
}

bool is_valid_kernel_id(std::string_view text) noexcept {
  return !text.empty() && text.size() < max_type_and_id &&
         first_bad(text, is_id_char) == std::string_view::npos && !ends_like_a_direction(text);
}

std::string build_queue_name(const queue_name& name) {
  const auto& [type, id, direction] = name;
  auto full = fmt::format("{}{}_{}_{}", prefix, type, id, to_string(direction));
  for (auto& problem :
       {type_problem(type, 0), id_problem(id, 0), length_problem(type.size() + id.size())})
    if (!problem.empty()) refuse(full, problem);
  return full;
}

name_explanation explain_queue_name(std::string_view full_name) {
  const auto parts = split(full_name);
  const auto position = [&](std::string_view part) {
    return static_cast<std::size_t>(part.data() - full_name.data());
  };
  const auto part = [&](std::string_view label, std::string_view text, std::string problem) {
    return name_part{std::string(label), std::string(text), position(text), std::move(problem)};
  };
  name_explanation out;
  out.parts = {
      part("prefix", parts.prefix,
           parts.prefix.empty() ? fmt::format("the name does not begin with {}", prefix) : ""),
      part("message type", parts.type, type_problem(parts.type, position(parts.type))),
      part("kernel id", parts.id, id_problem(parts.id, position(parts.id))),
      part("direction", parts.direction, parts.direction.empty() ? missing_direction(parts) : "")};
  for (const auto& each : out.parts)
    if (out.problem.empty()) out.problem = each.problem;
  if (out.problem.empty()) out.problem = length_problem(parts.type.size() + parts.id.size());
  if (out.problem.empty())
    out.name =
        queue_name{std::string(parts.type), std::string(parts.id),
                   parts.direction == "input" ? queue_direction::input : queue_direction::output};
  return out;
}

queue_name parse_queue_name(std::string_view full_name) {
  auto explanation = explain_queue_name(full_name);
  if (!explanation.valid()) refuse(full_name, std::move(explanation.problem));
  return *std::move(explanation.name);
}

}  // namespace rondo
