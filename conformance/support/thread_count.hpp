// The threads of this process.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace rondo::conformance {

// Linux lists a thread for a moment after it was joined. From before its join returns it has the
// flag PF_EXITING, the 0x4 of the ninth field of its stat (proc(5), linux/sched.h), and is not
// counted here.
inline bool is_ending(const std::filesystem::path& thread) {
  std::ifstream in(thread / "stat");
  std::string stat;
  if (!std::getline(in, stat)) return true;
  // The second field is a name in parentheses, which may have any character in it.
  std::istringstream rest(stat.substr(stat.rfind(')') + 1));
  std::string state;
  long long parent = 0, group = 0, session = 0, terminal = 0, foreground = 0;
  unsigned flags = 0;
  rest >> state >> parent >> group >> session >> terminal >> foreground >> flags;
  return (flags & 0x4) != 0;
}

inline std::size_t thread_count() {
  std::size_t count = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task"))
    count += is_ending(thread.path()) ? 0 : 1;
  return count;
}

}  // namespace rondo::conformance
