// Trying a library in a child process before it runs code in this one: its constructors run while
// it is opened, and one that traps, hangs or calls exit() would take the application along. Off
// unless a program for it is named, because it starts a process for each file.
#pragma once

#include <rondo/export.hpp>

#include <chrono>
#include <filesystem>

namespace rondo {

struct probe_options {
  // The program that opens each library and asks for its descriptor: the `rondo` command, or one
  // whose main() begins with
  //   if (rondo::is_probe(argc, argv)) return rondo::probe_main(argc, argv);
  // A script in front of it has to exec it: the child ends at once if this process is not its
  // parent. Empty: libraries are opened untried.
  std::filesystem::path program{};
  // For one library, at most a day. One that takes longer is not loaded, and its process is killed
  // with that process's group, for which a second more is waited; what has left the group lives on.
  std::chrono::milliseconds limit = std::chrono::seconds(10);
};

// Whether this process was started as such a child.
RONDO_EXPORT bool is_probe(int argc, char** argv) noexcept;
// The child's whole work. Ends the process without running what is registered for its exit.
RONDO_EXPORT int probe_main(int argc, char** argv);

}  // namespace rondo
