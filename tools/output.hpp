// How `rondo` speaks: answers on stdout, as text or as one JSON document; errors on stderr. Colours
// only where a terminal shows them. One thread.
#pragma once

#include "exit_code.hpp"

#include <rondo/options.hpp>

#include <nlohmann/json.hpp>

#include <cstdio>
#include <string>
#include <string_view>

namespace rondo::cli {

using json = nlohmann::ordered_json;  // keys stay in the order in which they are written

enum class colour { none, bold, red, green, yellow };

// The text with the terminal's colour around it, or as it is if `stream` is no terminal or the
// environment has NO_COLOR.
std::string painted(std::string_view text, colour how, std::FILE* stream);

// Text of others made fit for a terminal: control characters become \xNN, all else stays, UTF-8
// too.
std::string clean(std::string_view text);

std::string human_duration(nanoseconds value);                                      // "12.3 us"
std::string human_bytes(std::uint64_t value);                                       // "1.5 GiB"
std::string counted(std::uint64_t n, std::string_view one, std::string_view many);  // "1 entry"

// `rondo: <object>: <message> [CODE]` and `  try: <remedy>`. Of a message with several lines the
// first is the sentence and the rest follows as it is.
void print_error(const error_info& info);
json to_json(const error_info& info);
// Bytes that are no UTF-8 are replaced.
void print_json(const json& document);

// The end of a command that has nothing but a failure to tell.
exit_code end_with(const error_info& info, exit_code code, bool as_json);

}  // namespace rondo::cli
