// What `rondo` returns to the shell, and which failure becomes which code. README.md has the same
// table, and the tests compare the two.
#pragma once

#include <rondo/error.hpp>

#include <string_view>

namespace rondo::cli {

enum class exit_code : int { done = 0, failed = 1, unusable = 2, nothing_executed = 3, usage = 4 };

inline constexpr std::string_view exit_code_table =
    "Exit codes:\n"
    "  0  done: what was asked for happened, and all of it passed\n"
    "  1  failed: something ran and failed\n"
    "  2  unusable: no plugin, device or kernel module that can be used\n"
    "  3  nothing executed: there was nothing to run, so nothing is shown\n"
    "  4  usage: bad arguments, an invalid name, or a name that nothing answers to";

// For a failure that ends the command. A file that is not there or cannot be used is 2; a name that
// a user typed and that nothing found answers to is 4.
inline exit_code exit_code_of(status code) noexcept {
  switch (code) {
    case RONDO_OK: return exit_code::done;
    case RONDO_INVALID_ARGUMENT:
    case RONDO_INVALID_NAME:
    case RONDO_AMBIGUOUS_NAME:
    case RONDO_NO_SUCH_QUEUE:
    case RONDO_NO_SUCH_KERNEL:
    case RONDO_NO_SUCH_BACKEND:
    case RONDO_NO_SUCH_DEVICE: return exit_code::usage;
    case RONDO_UNSUPPORTED:
    case RONDO_NO_SUCH_MODULE:
    case RONDO_NO_IMAGE: return exit_code::unusable;
    default: break;
  }
  const bool of_loading = code <= RONDO_NO_SUCH_DIRECTORY && code >= RONDO_FILTERED;
  return of_loading ? exit_code::unusable : exit_code::failed;
}

}  // namespace rondo::cli
