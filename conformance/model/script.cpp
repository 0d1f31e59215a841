// Sequences: made by chance, written and read.
#include "script.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

namespace rondo::conformance::model {

namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(op::count)> names = {
    "launch",      "activate",     "deactivate", "drain",      "discard",     "push",
    "push_batch",  "push_threads", "push_bad",   "push_large", "push_urgent", "push_late",
    "push_early",  "reserve",      "commit",     "abandon",    "pop",         "pop_batch",
    "peek",        "await",        "ask",        "counters",   "hold",        "timer",
    "timer_often", "timer_far",    "tick"};

bool has_number(op what) {
  switch (what) {
    case op::push:
    case op::push_batch:
    case op::push_threads:
    case op::push_urgent:
    case op::push_late:
    case op::push_early:
    case op::pop:
    case op::pop_batch: return true;
    default: return false;
  }
}

[[noreturn]] void refuse(std::string_view word) {
  std::string known;
  for (const auto name : names) known += " " + std::string(name);
  throw std::invalid_argument("'" + std::string(word) +
                              "' is no operation; they are, with a kernel's letter in front as in "
                              "b:push and a number behind as in push=3:" +
                              known);
}

step parse_step(std::string_view word) {
  step one;
  std::string_view rest = word;
  if (rest.size() > 2 && rest[1] == ':') {
    one.kernel = static_cast<unsigned>(rest[0] - 'a');
    rest.remove_prefix(2);
  }
  const auto equals = rest.find('=');
  const auto found = std::find(names.begin(), names.end(), rest.substr(0, equals));
  if (found == names.end() || one.kernel >= kernel_count) refuse(word);
  one.what = static_cast<op>(found - names.begin());
  if (equals == std::string_view::npos) return one;
  rest.remove_prefix(equals + 1);
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), one.number);
  if (error != std::errc() || end != rest.data() + rest.size() || one.number == 0 ||
      one.number > most_at_once || !has_number(one.what))
    refuse(word);
  return one;
}

// "b{urgent}"; before all operations, or the kernel might be made already.
bool is_header(std::string_view word) { return word.size() > 1 && word[1] == '{'; }

void parse_header(std::string_view word, script& all) {
  const auto kernel = static_cast<unsigned>(word[0] - 'a');
  if (kernel >= kernel_count || !all.steps.empty()) refuse(word);
  all.kernels[kernel] = parse_traits(word.substr(1));
}

// What such kernels get besides what all of them do.
std::vector<op> operations_for(traits of) {
  std::vector<op> all;
  for (unsigned i = 0; i < static_cast<unsigned>(op::push_urgent); ++i)
    all.push_back(static_cast<op>(i));
  for (unsigned i = static_cast<unsigned>(op::reserve); i <= static_cast<unsigned>(op::counters);
       ++i)
    all.push_back(static_cast<op>(i));
  if (of.has(trait::urgent)) all.insert(all.end(), 3, op::push_urgent);
  if (of.has(trait::timed)) all.insert(all.end(), {op::push_late, op::push_late, op::push_early});
  if (of.has(trait::drop_oldest)) all.insert(all.end(), 2, op::push);
  if (of.has(trait::hooks)) all.insert(all.end(), {op::launch, op::activate, op::drain, op::await});
  if (of.has(trait::timer))
    all.insert(all.end(), {op::activate, op::timer, op::timer, op::timer_often, op::timer_far,
                           op::tick, op::tick, op::hold});
  return all;
}

}  // namespace

std::string_view name_of(op what) { return names[static_cast<std::size_t>(what)]; }

std::string to_text(const script& all) {
  std::string text;
  const auto begin_word = [&] {
    if (!text.empty()) text += ' ';
  };
  for (unsigned k = 0; k < kernel_count; ++k) {
    if (all.kernels[k].none()) continue;
    begin_word();
    text += static_cast<char>('a' + k) + to_text(all.kernels[k]);
  }
  for (const step& one : all.steps) {
    begin_word();
    if (one.kernel != 0) text += {static_cast<char>('a' + one.kernel), ':'};
    text += name_of(one.what);
    if (one.number != 1) text += "=" + std::to_string(one.number);
  }
  return text;
}

script parse_script(std::string_view text) {
  script all;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    if (is_header(word)) parse_header(word, all);
    else if (end > 0) all.steps.push_back(parse_step(word));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

script random_script(std::mt19937_64& random, std::size_t length,
                     const std::function<bool(trait)>& offered) {
  script all;
  std::array<std::vector<op>, kernel_count> operations;
  for (unsigned k = 0; k < kernel_count; ++k) {
    all.kernels[k] = random_traits(random, offered);
    operations[k] = operations_for(all.kernels[k]);
    // Begins with kernels that do something, most of the time.
    if (random() % 4 != 0)
      all.steps.insert(all.steps.end(), {{op::launch, k, 1}, {op::activate, k, 1}});
  }
  while (all.steps.size() < length) {
    step one;
    one.kernel = static_cast<unsigned>(random() % kernel_count);
    one.what = operations[one.kernel][random() % operations[one.kernel].size()];
    if (has_number(one.what)) one.number = 1 + static_cast<unsigned>(random() % most_at_once);
    // Ends of kernels come often enough when they are half as frequent as the rest.
    const bool ends = one.what == op::drain || one.what == op::discard;
    if (ends && random() % 2 != 0) continue;
    all.steps.push_back(one);
    // What has ended is of use again.
    if (ends && random() % 2 == 0)
      all.steps.insert(all.steps.end(),
                       {{op::launch, one.kernel, 1}, {op::activate, one.kernel, 1}});
  }
  return all;
}

}  // namespace rondo::conformance::model
