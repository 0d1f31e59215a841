// The verbs of `rondo`. Each function adds one subcommand; parsing a command line that names it
// puts the work into `chosen`, and main() does it afterwards, so that parsing never fails half-way.
#pragma once

#include "exit_code.hpp"

#include <functional>

namespace CLI {  // NOLINT(readability-identifier-naming)
class App;
}

namespace rondo::cli {

using action = std::function<exit_code()>;

void add_backends(CLI::App& app, action& chosen);
void add_run(CLI::App& app, action& chosen);
void add_queues(CLI::App& app, action& chosen);
void add_conformance(CLI::App& app, action& chosen);
void add_faults(CLI::App& app, action& chosen);
void add_verify(CLI::App& app, action& chosen);
void add_version(CLI::App& app, action& chosen);

// Throws INVALID_ARGUMENT if the command line cannot be understood; the message names the nearest
// verb or option. Prints help where it is asked for.
exit_code parse_and_run(int argc, char** argv);

}  // namespace rondo::cli
