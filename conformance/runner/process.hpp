// A child process under watch: its events line by line, its output, its end. It is killed, with all
// that it has started, when it says nothing new for longer than its limit. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::conformance {

struct process_end {
  bool timed_out = false;
  int exit_code = -1;  // -1 if a signal ended it
  int signal = 0;
  std::string output;  // the last of what it wrote to stdout and stderr
};

struct process_order {
  std::vector<std::string> arguments;       // the program's path first
  std::vector<std::string> environment;     // NAME=value, all of it
  int event_descriptor = 3;                 // as the child sees it
  std::chrono::milliseconds limit{20'000};  // from one `begin` to the next
};

enum class after_event { goes_on, starts_anew, stop };  // the clock; stop: kill it

// on_event is called for each line.
process_end watch_process(const process_order& order,
                          const std::function<after_event(std::string_view event)>& on_event);

// "was ended by signal 11 (Segmentation fault)", "exited with 3"
std::string describe(const process_end& end);

}  // namespace rondo::conformance
