// Runs a program to its end and keeps what it said on stdout and stderr, each by itself. A child
// that does not end by its deadline is killed, so that no test waits for ever. One thread.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace rondo::test {

struct child_result {
  int exit_code = -1;  // -1 if it did not exit by itself
  int signal = 0;      // that ended it
  bool timed_out = false;
  std::string out;
  std::string err;
};

struct child_command {
  std::vector<std::string> arguments;    // the program's path first
  std::vector<std::string> environment;  // NAME=value, all of it
  std::string directory;                 // where it runs
  std::string out_file;                  // stdout goes there instead of being kept
  std::chrono::milliseconds deadline = std::chrono::seconds(60);
};

class descriptor {
 public:
  explicit descriptor(int fd = -1) : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() { close(); }
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

inline int demand(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

struct stream_pipe {
  descriptor read, write;
  stream_pipe() {
    std::array<int, 2> ends{};
    demand(::pipe2(ends.data(), O_CLOEXEC), "pipe2");
    read = descriptor(ends[0]);
    write = descriptor(ends[1]);
  }
};

inline std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

inline pid_t spawn(child_command command, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (command.out_file.empty()) posix_spawn_file_actions_adddup2(&actions, out, 1);
  else
    posix_spawn_file_actions_addopen(&actions, 1, command.out_file.c_str(), O_WRONLY | O_NOCTTY, 0);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  if (!command.directory.empty())
    posix_spawn_file_actions_addchdir_np(&actions, command.directory.c_str());
  const auto arguments = pointers(command.arguments);
  const auto environment = pointers(command.environment);
  pid_t pid = -1;
  errno =
      ::posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  demand(errno == 0 ? 0 : -1, "posix_spawn");
  return pid;
}

// Reads what is there; closes the end when there will be no more.
inline void drain(descriptor& from, std::string& to) {
  std::array<char, 4096> some{};
  const auto n = ::read(from.get(), some.data(), some.size());
  if (n > 0) to.append(some.data(), static_cast<std::size_t>(n));
  else if (n == 0 || errno != EINTR) from.close();
}

inline child_result run_child(const child_command& command) {
  using clock = std::chrono::steady_clock;
  stream_pipe out, err;
  const auto end = clock::now() + command.deadline;
  const pid_t pid = spawn(command, out.write.get(), err.write.get());
  out.write.close();
  err.write.close();
  descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  child_result result;
  bool running = true;
  while (running || out.read.get() >= 0 || err.read.get() >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - clock::now()).count();
    std::array<pollfd, 3> ready{{{out.read.get(), POLLIN, 0},
                                 {err.read.get(), POLLIN, 0},
                                 {running ? ended.get() : -1, POLLIN, 0}}};
    if (left > 0) ::poll(ready.data(), ready.size(), static_cast<int>(left));
    if (left <= 0) {
      result.timed_out = true;
      ::kill(pid, SIGKILL);
      break;
    }
    if (ready[0].revents != 0) drain(out.read, result.out);
    if (ready[1].revents != 0) drain(err.read, result.err);
    if (ready[2].revents != 0) running = false;
  }
  int status = 0;
  demand(::waitpid(pid, &status, 0), "waitpid");
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  return result;
}

}  // namespace rondo::test
