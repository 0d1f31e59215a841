// Permissions and ELF headers of a file that wants to be opened as a library.
#include <rondo/library_file.hpp>
#include <rondo/naming.hpp>

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

// The ELF header of the object that this code is linked into: what a plugin has to match. The
// linker defines it.
extern "C" {
// NOLINTNEXTLINE(bugprone-reserved-identifier): the linker's name
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));
}

namespace rondo {
namespace {

namespace fs = std::filesystem;

using elf_header = ElfW(Ehdr);
using elf_segment = ElfW(Phdr);

std::string system_text(int number) { return std::generic_category().message(number); }

struct open_file {
  explicit open_file(const fs::path& path)
      : descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) {}
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() {
    if (descriptor >= 0) ::close(descriptor);
  }

  // Whether all of it could be read.
  bool read(void* to, std::size_t bytes, std::uint64_t offset) const {
    return ::pread(descriptor, to, bytes, static_cast<off_t>(offset)) ==
           static_cast<ssize_t>(bytes);
  }

  int descriptor;
};

library_refusal not_an_object(std::string reason, std::string system_error = {}) {
  return {RONDO_NOT_A_SHARED_OBJECT, std::move(reason),
          "Remove the file, or put the shared library there that was meant",
          std::move(system_error)};
}

library_refusal truncated(std::uint64_t needs, std::uint64_t has) {
  return {RONDO_NOT_A_SHARED_OBJECT,
          fmt::format("it is cut short: its headers speak of {} bytes and it has {}", needs, has),
          "Copy or install the file again",
          {}};
}

library_refusal unreadable(std::string_view doing, int number) {
  return {RONDO_LOAD_FAILED, fmt::format("it cannot be {}", doing),
          "Give the user who runs this process permission to read the file", system_text(number)};
}

// ---- permissions

std::optional<library_refusal> judge_owner_and_mode(const fs::path& path, uid_t user) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  const bool directory = S_ISDIR(status.st_mode);
  const auto what =
      fmt::format("{} {}", directory ? "its directory" : "the file", in_quotes(path.native()));
  if ((status.st_mode & S_IWOTH) != 0 && !(directory && (status.st_mode & S_ISVTX) != 0))
    return library_refusal{
        RONDO_UNSAFE_PERMISSIONS,
        fmt::format("{} may be written by anyone (mode {:04o})", what, status.st_mode & 07777u),
        fmt::format("Run: chmod o-w {}", in_quotes(path.native())),
        {}};
  if (status.st_uid != 0 && status.st_uid != user)
    return library_refusal{
        RONDO_UNSAFE_PERMISSIONS,
        fmt::format("{} belongs to user {}, who is neither root nor user {} running this process",
                    what, status.st_uid, user),
        fmt::format("If you trust it, run: chown {} {}", user, in_quotes(path.native())),
        {}};
  return std::nullopt;
}

// ---- ELF

std::string machine_name(unsigned machine) {
  switch (machine) {
    case EM_386: return "x86";
    case EM_X86_64: return "x86-64";
    case EM_ARM: return "ARM";
    case EM_AARCH64: return "AArch64";
    case EM_PPC64: return "PowerPC 64";
    case EM_RISCV: return "RISC-V";
    case EM_S390: return "S/390";
    default: return fmt::format("machine {}", machine);
  }
}

std::string architecture_name(unsigned machine, unsigned char bits, unsigned char order) {
  return fmt::format("{}, {}-bit, {}-endian", machine_name(machine), bits == ELFCLASS32 ? 32 : 64,
                     order == ELFDATA2MSB ? "big" : "little");
}

// e_machine stands at the same place in every class, in the file's byte order.
unsigned machine_of(const unsigned char* header) {
  const unsigned first = header[offsetof(elf_header, e_machine)];
  const unsigned second = header[offsetof(elf_header, e_machine) + 1];
  return header[EI_DATA] == ELFDATA2MSB ? first << 8 | second : second << 8 | first;
}

std::optional<library_refusal> judge_kind_of_file(const fs::path& path) {
  std::error_code failed;
  const auto link = fs::symlink_status(path, failed);
  const auto target = fs::status(path, failed);
  switch (target.type()) {
    case fs::file_type::regular: return std::nullopt;
    case fs::file_type::directory: return not_an_object("it is a directory");
    case fs::file_type::not_found:
      if (fs::is_symlink(link))
        return not_an_object(fmt::format("it is a link to {}, which does not exist",
                                         in_quotes(fs::read_symlink(path, failed).native())),
                             system_text(ENOENT));
      return not_an_object("it does not exist", system_text(ENOENT));
    case fs::file_type::none: {
      auto refusal = not_an_object("its kind cannot be told", failed.message());
      if (fs::is_symlink(link)) refusal.reason = "it is a link that cannot be followed";
      return refusal;
    }
    default: return not_an_object("it is not a regular file");
  }
}

std::optional<library_refusal> judge_identification(const unsigned char* head, std::size_t bytes) {
  if (bytes == 0) return not_an_object("it is empty");
  if (bytes < SELFMAG || std::memcmp(head, ELFMAG, SELFMAG) != 0) {
    const std::string_view start(reinterpret_cast<const char*>(head),
                                 std::min<std::size_t>(bytes, 16));
    return not_an_object(
        fmt::format("it begins with {}, not with an ELF header", in_quotes(start)));
  }
  if (bytes < offsetof(elf_header, e_version)) return truncated(sizeof(elf_header), bytes);
  const auto* const own = __ehdr_start.e_ident;
  if (head[EI_CLASS] != own[EI_CLASS] || head[EI_DATA] != own[EI_DATA] ||
      machine_of(head) != __ehdr_start.e_machine)
    return library_refusal{
        RONDO_WRONG_ARCHITECTURE,
        fmt::format("it was built for {}; this process is {}",
                    architecture_name(machine_of(head), head[EI_CLASS], head[EI_DATA]),
                    architecture_name(__ehdr_start.e_machine, own[EI_CLASS], own[EI_DATA])),
        "Install the build of this plugin that is meant for this machine",
        {}};
  return std::nullopt;
}

std::string_view type_name(unsigned type) {
  switch (type) {
    case ET_REL: return "an object file that was not linked";
    case ET_EXEC: return "a program";
    case ET_CORE: return "a core dump";
    default: return "an ELF file of an unknown kind";
  }
}

// The class, byte order and machine are ours, so the header can be read as it is.
std::optional<library_refusal> judge_contents(const open_file& file, std::uint64_t size) {
  elf_header header;
  if (!file.read(&header, sizeof header, 0)) return truncated(sizeof header, size);
  if (header.e_type != ET_DYN)
    return not_an_object(fmt::format("it is {}, not a shared library", type_name(header.e_type)));
  if (header.e_phnum == 0 || header.e_phentsize != sizeof(elf_segment))
    return not_an_object("it has no program headers");
  const auto segments_end = header.e_phoff + header.e_phnum * sizeof(elf_segment);
  if (header.e_phoff > size || segments_end > size) return truncated(segments_end, size);
  std::vector<elf_segment> segments(header.e_phnum);
  if (!file.read(segments.data(), segments.size() * sizeof(elf_segment), header.e_phoff))
    return truncated(segments_end, size);
  bool dynamic = false;
  std::uint64_t needs = 0;
  for (const auto& segment : segments) {
    std::uint64_t end = 0;
    if (__builtin_add_overflow(segment.p_offset, segment.p_filesz, &end))
      return not_an_object("its program headers are damaged");
    if (segment.p_type == PT_LOAD) needs = std::max(needs, end);
    dynamic = dynamic || segment.p_type == PT_DYNAMIC;
  }
  // Linkers put the section headers last, so a file that ends before them has lost its tail.
  if (header.e_shoff != 0 && header.e_shoff < UINT64_MAX / 2)
    needs = std::max(needs, header.e_shoff + std::uint64_t{header.e_shnum} * header.e_shentsize);
  if (needs > size) return truncated(needs, size);
  if (!dynamic) return not_an_object("it has nothing for the dynamic linker");
  return std::nullopt;
}

}  // namespace

std::optional<library_refusal> check_permissions(const fs::path& path, uid_t user) {
  std::error_code failed;
  const auto target = fs::canonical(path, failed);
  if (failed) return std::nullopt;
  std::vector<fs::path> judged{target, fs::absolute(path, failed).parent_path()};
  if (judged.back() != target.parent_path()) judged.push_back(target.parent_path());
  for (const auto& each : judged)
    if (auto refusal = judge_owner_and_mode(each, user)) return refusal;
  return std::nullopt;
}

std::optional<library_refusal> inspect_library(const fs::path& path) {
  if (auto refusal = judge_kind_of_file(path)) return refusal;
  const open_file file(path);
  if (file.descriptor < 0) return unreadable("opened", errno);
  struct stat about {};
  if (::fstat(file.descriptor, &about) != 0) return unreadable("examined", errno);
  if (!S_ISREG(about.st_mode)) return not_an_object("it is not a regular file");
  unsigned char head[offsetof(elf_header, e_version)];
  const auto got = ::pread(file.descriptor, head, sizeof head, 0);
  if (got < 0) return unreadable("read", errno);
  if (auto refusal = judge_identification(head, static_cast<std::size_t>(got))) return refusal;
  return judge_contents(file, static_cast<std::uint64_t>(about.st_size));
}

}  // namespace rondo
