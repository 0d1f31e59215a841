// The `rondo` command: what is installed here, does it work, and what are its queues called. This
// file turns whatever ends a verb into a message and an exit code.
#include "output.hpp"
#include "verbs.hpp"

#include "conformance/runner/child.hpp"

#include <rondo/runtime.hpp>

#include <algorithm>
#include <exception>
#include <string_view>

namespace {

using namespace rondo;
using namespace rondo::cli;

// Asked of the raw arguments, because a line that cannot be parsed gets its error as JSON too.
bool wants_json(int argc, char** argv) {
  return std::any_of(argv, argv + argc,
                     [](const char* argument) { return std::string_view(argument) == "--json"; });
}

exit_code guarded(int argc, char** argv) {
  const bool as_json = wants_json(argc, argv);
  try {
    return parse_and_run(argc, argv);
  } catch (const no_backend_error& nothing) {  // whatever its code: there is nothing to run on
    return end_with(nothing.info(), exit_code::unusable, as_json);
  } catch (const error& failure) {
    return end_with(failure.info(), exit_code_of(failure.code()), as_json);
  } catch (const std::exception& failure) {
    return end_with({RONDO_INTERNAL, "rondo", failure.what(), ""}, exit_code::failed, as_json);
  }
}

}  // namespace

int main(int argc, char** argv) {
  // Not verbs of the user's: the loader starts this program again to try a plugin, and the suite
  // for each group of its cases.
  if (is_probe(argc, argv)) return probe_main(argc, argv);
  if (conformance::is_child(argc, argv)) return conformance::child_main(argc, argv);
  const exit_code code = guarded(argc, argv);
  // An answer that did not reach its reader is no success.
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return static_cast<int>(code);
  print_error({RONDO_INTERNAL, "standard output", "it could not be written to the end",
               "Make room, or write elsewhere"});
  return static_cast<int>(exit_code::failed);
}
