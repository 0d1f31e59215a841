// The queue naming contract: the one place where queue names are built and taken apart. The runtime
// calls it when it makes or looks up queues, the `rondo queues` command when it explains a name.
// Backends get names as opaque strings. Any thread; nothing here keeps state.
#pragma once

#include <rondo/export.hpp>

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rondo {

enum class queue_direction { input, output };

// "input" or "output".
RONDO_EXPORT std::string_view to_string(queue_direction direction) noexcept;

// The parts of a queue's name. A full name has the form
// ringkernel_<message_type>_<kernel_id>_<input|output> [NAME-02].
struct queue_name {
  std::string message_type;  // A type is [A-Za-z][A-Za-z0-9.]*, so has no underscore [NAME-03]
  std::string kernel_id;  // An id is [A-Za-z][A-Za-z0-9_.-]*, not ending in a direction [NAME-04]
  queue_direction direction = queue_direction::input;

  auto operator<=>(const queue_name&) const = default;
};

// A full name has at most 255 bytes. The limit is taken with the longer direction, so that a kernel
// whose input can be named has an output that can be named too [NAME-05].
inline constexpr std::size_t max_queue_name = 255;
inline constexpr std::size_t max_type_and_id =
    max_queue_name - std::string_view("ringkernel___output").size();

RONDO_EXPORT bool is_valid_message_type(std::string_view text) noexcept;
RONDO_EXPORT bool is_valid_kernel_id(std::string_view text) noexcept;

// parse_queue_name(build_queue_name(x)) == x for every valid x, and the other way round [NAME-06].
// Both throw rondo::error INVALID_NAME that says which part is wrong, the character and its
// position counted from 0, and what is allowed.
RONDO_EXPORT std::string build_queue_name(const queue_name& name);
RONDO_EXPORT queue_name parse_queue_name(std::string_view full_name);

// One part of a name that was taken apart.
struct name_part {
  std::string label;         // "prefix", "message type", "kernel id", "direction"
  std::string text;          // as it stands in the name; empty if it is missing
  std::size_t position = 0;  // of text in the name, counted from 0
  std::string problem;       // why it is not valid; empty if it is

  bool valid() const noexcept { return problem.empty(); }
};

struct name_explanation {
  std::vector<name_part> parts;    // always the four, in the order of the name
  std::string problem;             // the first thing that is wrong; empty if nothing is
  std::optional<queue_name> name;  // the parsed name, if it is valid

  bool valid() const noexcept { return name.has_value(); }
};

// Takes any string apart as far as it goes. Never refuses one.
RONDO_EXPORT name_explanation explain_queue_name(std::string_view full_name);

// The text made fit for a terminal: bytes that are not printable ASCII become \xNN, and what is
// longer than 300 bytes is cut. in_quotes() puts it in single quotes.
RONDO_EXPORT std::string printable(std::string_view text);
RONDO_EXPORT std::string in_quotes(std::string_view text);

}  // namespace rondo
