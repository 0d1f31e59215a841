// The probe: one child process per library. The child says how far it has come in a file in memory
// that both have open, so that the parent has nothing to read while it waits. Any thread.
#include "loader_internal.hpp"

#include <rondo/naming.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

extern char** environ;

namespace rondo::loading {
namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr std::string_view probe_verb = "--rondo-probe";
constexpr int probe_arguments = 5;   // program, verb, parent, descriptor, library
constexpr int stage_descriptor = 3;  // as the child sees it
constexpr std::size_t stages_room = 16;
// What is written across the end of its file is lost, so there is more room than is reported.
constexpr std::size_t words_room = 65536, words_told = 1024;
constexpr std::chrono::milliseconds longest_limit = std::chrono::hours(24);
constexpr std::chrono::milliseconds time_to_die = std::chrono::seconds(1);

// What the child is about to do. It writes one after the other.
enum class stage : char { open = 'o', enter = 'e', read = 'r', done = 'd' };

// A file in memory that does not grow: a child that never stops writing fills nothing.
class memory_file {
 public:
  explicit memory_file(std::size_t bytes) : bytes_(bytes) {
    const int file = ::memfd_create("rondo_probe", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    // Above the descriptors that the child gets, or giving it one would overwrite another.
    if (file >= 0) descriptor_ = ::fcntl(file, F_DUPFD_CLOEXEC, stage_descriptor + 1);
    if (descriptor_ < 0 || ::ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0 ||
        ::fcntl(descriptor_, F_ADD_SEALS, F_SEAL_GROW) != 0)
      error_ = errno;
    if (file >= 0) ::close(file);
  }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  ~memory_file() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  int error() const { return error_; }  // the system's number for why it is not there, or 0
  int descriptor() const { return descriptor_; }
  // The last of what was written. The place is the child's to move, so it is not believed.
  std::string written(std::size_t most) const {
    const auto at = ::lseek(descriptor_, 0, SEEK_CUR);
    const std::size_t end = at > 0 ? std::min(static_cast<std::size_t>(at), bytes_) : 0;
    std::string text(std::min(end, most), '\0');
    const auto n =
        ::pread(descriptor_, text.data(), text.size(), static_cast<off_t>(end - text.size()));
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }

 private:
  std::size_t bytes_;
  int descriptor_ = -1;
  int error_ = 0;
};

struct child_end {
  bool timed_out = false;
  bool known = true;  // false if its status is not this code's to read, or not there yet
  pid_t left = 0;     // that could not be ended
  int status = 0;
};

// What the child gets in place of the application's own descriptors.
class descriptors {
 public:
  descriptors(int stages, int words) {
    if ((error_ = ::posix_spawn_file_actions_init(&actions_)) != 0) return;
    made_ = true;
    const auto keep = [&](int error) { error_ = error_ != 0 ? error_ : error; };
    keep(::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0));
    keep(::posix_spawn_file_actions_adddup2(&actions_, words, STDOUT_FILENO));
    keep(::posix_spawn_file_actions_adddup2(&actions_, words, STDERR_FILENO));
    keep(::posix_spawn_file_actions_adddup2(&actions_, stages, stage_descriptor));
  }
  descriptors(const descriptors&) = delete;
  descriptors& operator=(const descriptors&) = delete;
  ~descriptors() {
    if (made_) ::posix_spawn_file_actions_destroy(&actions_);
  }

  int error() const { return error_; }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
  int error_ = 0;
  bool made_ = false;
};

// 0, or the system's number for why not. The child has default signals, a group of its own to be
// killed by, and nothing to read.
int spawn(const probe_options& options, const fs::path& library, int stages, int words,
          pid_t& pid) {
  const descriptors given(stages, words);
  if (given.error() != 0) return given.error();
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string program = options.program, verb(probe_verb), parent = std::to_string(::getpid()),
              descriptor = std::to_string(stage_descriptor), file = library;
  std::array<char*, probe_arguments + 1> arguments = {program.data(),    verb.data(), parent.data(),
                                                      descriptor.data(), file.data(), nullptr};
  const int error =
      ::posix_spawn(&pid, program.c_str(), given.actions(), &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  return error;
}

// Gone: the system or the application's own code has taken the child's status, and its number may
// be someone else's by now.
enum class child_state { running, ended, gone };

// Waits for the child's end and leaves it unreaped, so that its group cannot be someone else's.
child_state wait_for(pid_t pid, int descriptor, std::chrono::milliseconds limit) {
  const auto deadline = clock::now() + limit;
  for (;;) {
    siginfo_t seen{};
    if (::waitid(P_PID, static_cast<id_t>(pid), &seen, WEXITED | WNOHANG | WNOWAIT) != 0)
      return child_state::gone;
    if (seen.si_pid != 0) return child_state::ended;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()).count();
    if (left <= 0) return child_state::running;
    pollfd ready{descriptor, POLLIN, 0};
    ::poll(&ready, 1, descriptor >= 0 ? static_cast<int>(left) : 1);
  }
}

child_end await(pid_t pid, std::chrono::milliseconds limit) {
  const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  auto state = wait_for(pid, descriptor, limit);
  child_end result;
  result.timed_out = state == child_state::running;
  if (state != child_state::gone) ::kill(-pid, SIGKILL);
  if (state == child_state::running) {
    ::kill(pid, SIGKILL);  // the library may have moved it to another group
    // In a system call that no signal interrupts, as on a file system that has gone, it stays.
    state = wait_for(pid, descriptor, time_to_die);
  }
  if (descriptor >= 0) ::close(descriptor);
  if (state == child_state::running) result.left = pid;
  result.known = state == child_state::ended && ::waitpid(pid, &result.status, WNOHANG) == pid;
  return result;
}

std::string doing(std::string_view stages) {
  switch (stage{stages.back()}) {
    case stage::open: return "while the system opened it and ran its constructors";
    case stage::enter: return "in " RONDO_PLUGIN_ENTRY_NAME "()";
    default: return "while its descriptor was read";
  }
}

std::string signal_text(int number) {
  const char* const name = ::sigabbrev_np(number);
  return name != nullptr ? fmt::format("SIG{} ({})", name, ::sigdescr_np(number))
                         : fmt::format("signal {}", number);
}

std::string end_text(const child_end& end) {
  if (!end.known) return "it ended the process that tried it, how is not known,";
  if (WIFSIGNALED(end.status))
    return fmt::format("{} ended the process that tried it,", signal_text(WTERMSIG(end.status)));
  return fmt::format("it ended the process that tried it with exit code {},",
                     WEXITSTATUS(end.status));
}

library_refusal no_probe(std::string remedy, std::string why) {
  return {RONDO_LOAD_FAILED, "it could not be tried in a process of its own", std::move(remedy),
          std::move(why)};
}

std::string another_program(const probe_options& options) {
  return fmt::format("Name the rondo command as the probe's program, in place of {}",
                     in_quotes(options.program.native()));
}

library_refusal no_room(int error) {
  return no_probe(
      "Raise the application's limits of open files, processes and memory (ulimit -n, "
      "-u and -v), or open plugins untried",
      std::generic_category().message(error));
}

library_refusal not_started(const probe_options& options, int error) {
  if (error == EMFILE || error == ENFILE || error == EAGAIN || error == ENOMEM)
    return no_room(error);
  return no_probe(another_program(options), std::generic_category().message(error));
}

library_refusal timed_out(const probe_options& options, const std::string& debug,
                          const child_end& end, std::string_view stages, std::string words) {
  auto reason =
      stages.empty()
          ? fmt::format("trying it had not begun after {} ms", options.limit.count())
          : fmt::format("it was not done after {} ms, {}", options.limit.count(), doing(stages));
  if (end.left != 0) reason += fmt::format("; process {} could not be ended", end.left);
  auto remedy = stages.empty()
                    ? fmt::format(
                          "Allow more time, or name the rondo command as the probe's "
                          "program if {} is none that probes",
                          in_quotes(options.program.native()))
                    : fmt::format(
                          "Remove or exclude the file; if it only is slow, allow it more "
                          "time; to see where it hangs, run under a debugger: {}",
                          debug);
  return {RONDO_PROBE_TIMED_OUT, std::move(reason), std::move(remedy), std::move(words)};
}

library_refusal refusal_of(const probe_options& options, const fs::path& library,
                           const child_end& end, std::string_view stages, std::string words) {
  const auto debug = fmt::format("rondo conformance --in-process {}", in_quotes(library.native()));
  if (end.timed_out) return timed_out(options, debug, end, stages, std::move(words));
  if (stages.empty())
    return no_probe(another_program(options), "the program did not begin to probe");
  return {RONDO_PROBE_CRASHED, fmt::format("{} {}", end_text(end), doing(stages)),
          fmt::format("Remove or exclude the file; to see where it ends, run under a debugger: {}",
                      debug),
          std::move(words)};
}

void tell(int descriptor, stage reached) {
  const char word = static_cast<char>(reached);
  if (::write(descriptor, &word, 1) != 1) ::_exit(1);  // the parent could not judge what follows
}

}  // namespace

std::optional<library_refusal> probe_library(const probe_options& wanted, const fs::path& library) {
  probe_options options = wanted;
  options.limit = std::clamp(wanted.limit, std::chrono::milliseconds::zero(), longest_limit);
  const memory_file stages(stages_room), words(words_room);
  for (const int error : {stages.error(), words.error()})
    if (error != 0) return no_room(error);
  pid_t pid = -1;
  if (const int error = spawn(options, library, stages.descriptor(), words.descriptor(), pid))
    return not_started(options, error);
  const child_end end = await(pid, options.limit);
  const std::string reached = stages.written(stages_room);
  if (reached.ends_with(static_cast<char>(stage::done))) return std::nullopt;
  std::string said = words.written(words_told);
  said.erase(said.find_last_not_of('\n') + 1);
  return refusal_of(options, library, end, reached, std::move(said));
}

}  // namespace rondo::loading

namespace rondo {

using namespace loading;

bool is_probe(int argc, char** argv) noexcept {
  return argc == probe_arguments && argv[1] == probe_verb;
}

int probe_main(int argc, char** argv) {
  const auto number = [&](int at) {
    const std::string_view text = argc == probe_arguments ? argv[at] : "";
    int value = -1;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  };
  const int descriptor = number(3);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != number(2)) ::_exit(1);  // it died before it could be told so
  // A crash is expected and leaves no file; a core_pattern that names a program still sees it.
  constexpr rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  tell(descriptor, stage::open);
  // Sanitizers and crash reporters turn a signal into an exit.
  for (const int fatal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP})
    std::signal(fatal, SIG_DFL);
  entered_library entered;
  // What is refused in words here is refused in the same words in the parent.
  if (!enter_library(argv[4], host_services(), entered, [&] { tell(descriptor, stage::enter); })) {
    plugin_info info;
    backend_api api;
    tell(descriptor, stage::read);
    (void)read_descriptor(entered.answer, info, api);
  }
  tell(descriptor, stage::done);
  ::_exit(0);
}

}  // namespace rondo
