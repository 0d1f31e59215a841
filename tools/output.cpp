// Text, colours and JSON of the `rondo` command.
#include "output.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace rondo::cli {
namespace {

bool has_colours(std::FILE* stream) {
  const char* const refused = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  return (refused == nullptr || *refused == '\0') && terminal != nullptr &&
         std::string_view(terminal) != "dumb" && ::isatty(::fileno(stream)) == 1;
}

std::string_view escape_of(colour how) {
  switch (how) {
    case colour::none: return "";
    case colour::bold: return "\033[1m";
    case colour::red: return "\033[31m";
    case colour::green: return "\033[32m";
    case colour::yellow: return "\033[33m";
  }
  return "";
}

std::string lines_fit_for_terminal(std::string_view text) {
  std::string out;
  for (;;) {
    const auto end = text.find('\n');
    out += clean(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    out += '\n';
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string painted(std::string_view text, colour how, std::FILE* stream) {
  if (how == colour::none || !has_colours(stream)) return std::string(text);
  return fmt::format("{}{}\033[0m", escape_of(how), text);
}

std::string clean(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) out += fmt::format("\\x{:02x}", byte);
    else out += c;
  }
  return out;
}

std::string human_duration(nanoseconds value) {
  const auto ns = static_cast<double>(value.count());
  if (ns < 1e3) return fmt::format("{:.0f} ns", ns);
  if (ns < 1e6) return fmt::format("{:.1f} us", ns / 1e3);
  if (ns < 1e9) return fmt::format("{:.1f} ms", ns / 1e6);
  return fmt::format("{:.1f} s", ns / 1e9);
}

std::string human_bytes(std::uint64_t value) {
  static constexpr std::array<std::string_view, 5> units{"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto scaled = static_cast<double>(value);
  std::size_t unit = 0;
  for (; scaled >= 1024 && unit + 1 < units.size(); ++unit) scaled /= 1024;
  return fmt::format("{:.{}f} {}", scaled, unit == 0 ? 0 : 1, units[unit]);
}

std::string counted(std::uint64_t n, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

void print_error(const error_info& info) {
  const std::string_view message = info.message;
  const auto end = std::min(message.find('\n'), message.size());
  auto sentence = message.substr(0, end);
  auto rest = message.substr(end);
  if (sentence.ends_with('.')) sentence.remove_suffix(1);
  while (rest.ends_with('\n')) rest.remove_suffix(1);
  auto text = fmt::format("{} {}: {} [{}]{}\n", painted("rondo:", colour::red, stderr),
                          info.object.empty() ? "''" : clean(info.object), clean(sentence),
                          status_name(info.code), lines_fit_for_terminal(rest));
  if (!info.remedy.empty()) text += fmt::format("  try: {}\n", clean(info.remedy));
  std::fflush(stdout);  // so that a terminal shows both in the order in which they were said
  fmt::print(stderr, "{}", text);
}

json to_json(const error_info& info) {
  return {{"code", status_name(info.code)},
          {"object", info.object},
          {"message", info.message},
          {"remedy", info.remedy}};
}

void print_json(const json& document) {
  fmt::print("{}\n", document.dump(2, ' ', false, json::error_handler_t::replace));
}

exit_code end_with(const error_info& info, exit_code code, bool as_json) {
  print_error(info);
  if (as_json) print_json({{"error", to_json(info)}});
  return code;
}

}  // namespace rondo::cli
