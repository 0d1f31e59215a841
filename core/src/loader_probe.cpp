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
constexpr int probe_arguments = 4;   // program, verb, descriptor, library
constexpr int stage_descriptor = 3;  // as the child sees it
constexpr std::size_t words_kept = 1024;

// What the child is about to do. It writes one after the other.
enum class stage : char { open = 'o', enter = 'e', done = 'd' };

// A file in memory that does not grow: a child that never stops writing fills nothing.
class memory_file {
 public:
  explicit memory_file(std::size_t bytes) {
    const int file = ::memfd_create("rondo_probe", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0) return;
    // Above the descriptors that the child gets, or giving it one would overwrite another.
    descriptor_ = ::fcntl(file, F_DUPFD_CLOEXEC, stage_descriptor + 1);
    ::close(file);
    if (::ftruncate(descriptor_, static_cast<off_t>(bytes)) == 0)
      ::fcntl(descriptor_, F_ADD_SEALS, F_SEAL_GROW);
  }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  ~memory_file() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  int descriptor() const { return descriptor_; }
  std::string written() const {
    const auto end = ::lseek(descriptor_, 0, SEEK_CUR);
    std::string text(end > 0 ? static_cast<std::size_t>(end) : 0, '\0');
    const auto n = ::pread(descriptor_, text.data(), text.size(), 0);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }

 private:
  int descriptor_ = -1;
};

struct child_end {
  bool timed_out = false;
  bool known = true;  // false if the application's own code took the child's status
  int status = 0;
};

// 0, or the system's number for why not. The child has default signals, a group of its own to be
// killed by, and nothing to read.
int spawn(const probe_options& options, const fs::path& library, int stages, int words,
          pid_t& pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, words, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, words, STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, stages, stage_descriptor);
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
  std::string program = options.program, verb(probe_verb), file = library,
              descriptor = std::to_string(stage_descriptor);
  std::array<char*, probe_arguments + 1> arguments = {program.data(), verb.data(),
                                                      descriptor.data(), file.data(), nullptr};
  const int error =
      ::posix_spawn(&pid, program.c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error;
}

child_end await(pid_t pid, std::chrono::milliseconds limit) {
  const int ended = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  const auto deadline = clock::now() + limit;
  child_end result;
  siginfo_t seen{};
  // Left unreaped until its group has been killed, so that the group cannot be someone else's.
  while (::waitid(P_PID, static_cast<id_t>(pid), &seen, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         seen.si_pid == 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()).count();
    if (left <= 0) {
      result.timed_out = true;
      break;
    }
    pollfd ready{ended, POLLIN, 0};
    ::poll(&ready, 1, ended >= 0 ? static_cast<int>(left) : 1);
  }
  ::kill(-pid, SIGKILL);
  if (ended >= 0) ::close(ended);
  pid_t reaped = -1;
  while ((reaped = ::waitpid(pid, &result.status, 0)) < 0 && errno == EINTR) {
  }
  result.known = reaped == pid;
  return result;
}

std::string doing(std::string_view stages) {
  return stages.back() == static_cast<char>(stage::open)
             ? "while the system opened it and ran its constructors"
             : "in " RONDO_PLUGIN_ENTRY_NAME "()";
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

library_refusal no_probe(const probe_options& options, std::string why) {
  return {RONDO_LOAD_FAILED, "it could not be tried in a process of its own",
          fmt::format("Name the rondo command as the probe's program, in place of {}",
                      in_quotes(options.program.native())),
          std::move(why)};
}

library_refusal refusal_of(const probe_options& options, const fs::path& library,
                           const child_end& end, std::string_view stages, std::string words) {
  if (stages.empty()) return no_probe(options, "the program did not begin to probe");
  const auto debug = fmt::format("rondo conformance --in-process {}", in_quotes(library.native()));
  if (end.timed_out)
    return {
        RONDO_PROBE_TIMED_OUT,
        fmt::format("it was not done after {} ms, {}", options.limit.count(), doing(stages)),
        fmt::format("Remove or exclude the file; if it only is slow, allow it more time; to see "
                    "where it hangs, run under a debugger: {}",
                    debug),
        std::move(words)};
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

std::optional<library_refusal> probe_library(const probe_options& options,
                                             const fs::path& library) {
  const memory_file stages(16), words(words_kept);
  pid_t pid = -1;
  if (const int error = spawn(options, library, stages.descriptor(), words.descriptor(), pid))
    return no_probe(options, std::generic_category().message(error));
  const child_end end = await(pid, options.limit);
  const std::string reached = stages.written();
  if (reached.ends_with(static_cast<char>(stage::done))) return std::nullopt;
  std::string said = words.written();
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
  const std::string_view number = argc == probe_arguments ? argv[2] : "";
  int descriptor = -1;
  std::from_chars(number.data(), number.data() + number.size(), descriptor);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  constexpr rlimit no_core{0, 0};  // a crash is expected, and leaves nothing behind
  ::setrlimit(RLIMIT_CORE, &no_core);
  tell(descriptor, stage::open);
  // Sanitizers and crash reporters turn a signal into an exit.
  for (const int fatal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP})
    std::signal(fatal, SIG_DFL);
  entered_library entered;
  // What is refused in words here is refused in the same words in the parent.
  if (!enter_library(argv[3], host_services(), entered, [&] { tell(descriptor, stage::enter); })) {
    plugin_info info;
    backend_api api;
    (void)read_descriptor(entered.answer, info, api);
  }
  tell(descriptor, stage::done);
  ::_exit(0);
}

}  // namespace rondo
