// posix_spawn, three pipes and a clock.
#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

namespace rondo::conformance {

namespace {

constexpr std::size_t output_kept = 8192;
using clock = std::chrono::steady_clock;

class descriptor {
 public:
  explicit descriptor(int fd = -1) : fd_(fd) {}
  descriptor(const descriptor&) = delete;
  ~descriptor() { close(); }
  int get() const { return fd_; }
  void set(int fd) { close(), fd_ = fd; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

void demand(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

struct pipe_ends {
  descriptor read, write;
  pipe_ends() {
    std::array<int, 2> ends{};
    demand(::pipe2(ends.data(), O_CLOEXEC), "pipe2");
    read.set(ends[0]);
    write.set(ends[1]);
  }
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

pid_t spawn(const process_order& order, int events, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  posix_spawn_file_actions_adddup2(&actions, events, order.event_descriptor);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  const auto arguments = pointers(order.arguments);
  const auto environment = pointers(order.environment);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, arguments[0], &actions, &attributes, arguments.data(),
                                  environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) throw std::system_error(error, std::generic_category(), arguments[0]);
  return pid;
}

// What is there; closes the end when there will be no more.
void drain(descriptor& from, std::string& to) {
  std::array<char, 4096> some{};
  const auto n = ::read(from.get(), some.data(), some.size());
  if (n > 0) to.append(some.data(), static_cast<std::size_t>(n));
  else if (n == 0 || errno != EINTR) from.close();
}

void keep_the_last(std::string& output) {
  if (output.size() > 2 * output_kept) output.erase(0, output.size() - output_kept);
}

after_event hand_on_lines(std::string& events,
                          const std::function<after_event(std::string_view)>& on_event) {
  auto after = after_event::goes_on;
  std::size_t done = 0;
  for (auto end = events.find('\n'); end != std::string::npos && after != after_event::stop;
       end = events.find('\n', done)) {
    const auto one = on_event(std::string_view(events).substr(done, end - done));
    if (one != after_event::goes_on) after = one;
    done = end + 1;
  }
  events.erase(0, done);
  return after;
}

}  // namespace

process_end watch_process(const process_order& order,
                          const std::function<after_event(std::string_view)>& on_event) {
  pipe_ends events, output;
  const pid_t pid = spawn(order, events.write.get(), output.write.get());
  events.write.close();
  output.write.close();
  const descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  process_end result;
  std::string lines;
  auto deadline = clock::now() + order.limit;
  for (bool running = true; running || events.read.get() >= 0;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()).count();
    if (left <= 0) {
      result.timed_out = running;
      break;
    }
    std::array<pollfd, 3> ready{{{events.read.get(), POLLIN, 0},
                                 {output.read.get(), POLLIN, 0},
                                 {running ? ended.get() : -1, POLLIN, 0}}};
    ::poll(ready.data(), ready.size(), static_cast<int>(left));
    if (ready[0].revents != 0) drain(events.read, lines);
    if (ready[1].revents != 0) drain(output.read, result.output);
    if (ready[2].revents != 0) running = false;
    keep_the_last(result.output);
    const auto after = hand_on_lines(lines, on_event);
    if (after == after_event::stop) break;
    if (after == after_event::starts_anew) deadline = clock::now() + order.limit;
  }
  ::kill(-pid, SIGKILL);  // itself if it hangs, and whatever it has started
  int status = 0;
  demand(::waitpid(pid, &status, 0), "waitpid");
  ::fcntl(output.read.get(), F_SETFL, O_NONBLOCK);
  for (std::size_t before = ~std::size_t{0};
       output.read.get() >= 0 && before != result.output.size();) {
    before = result.output.size();
    drain(output.read, result.output);
  }
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  if (result.output.size() > output_kept)
    result.output.erase(0, result.output.size() - output_kept);
  return result;
}

std::string describe(const process_end& end) {
  if (end.timed_out) return "did not end within its time";
  if (end.signal != 0)
    return "was ended by signal " + std::to_string(end.signal) + " (" + ::strsignal(end.signal) +
           ")";
  return "exited with " + std::to_string(end.exit_code);
}

}  // namespace rondo::conformance
