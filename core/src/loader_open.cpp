// Opens libraries and calls their entry. One record per library for the whole process: a plugin is
// entered once, however many runtimes load it, and a library stays open unless it says that closing
// it is safe.
#include "loader_internal.hpp"

#include <boost/dll/shared_library.hpp>

#include <dlfcn.h>
#include <link.h>

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <utility>

namespace rondo::loading {
namespace {

namespace fs = std::filesystem;

using entry_type = const rondo_plugin_descriptor*(const rondo_host_services*, std::uint32_t,
                                                  std::uint32_t);

constexpr auto open_mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local;

struct resident {
  boost::dll::shared_library library;  // one handle for all uses
  std::size_t uses = 0;
  std::optional<entry_answer> answer;
};

struct resident_libraries {
  std::mutex mutex;                     // held while opening, entering and closing
  std::map<void*, resident> by_handle;  // the system gives one handle per library
};

resident_libraries& residents() {
  static auto* const leaked = new resident_libraries;  // never closes anything at exit
  return *leaked;
}

std::string last_system_error() {
  const char* const text = ::dlerror();
  return text == nullptr ? std::string("no text from the system") : std::string(text);
}

// The library that an address belongs to, as a handle.
void* handle_of(const void* address) {
  Dl_info info{};
  link_map* map = nullptr;
  const int found = ::dladdr1(address, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP);
  return found == 0 ? nullptr : map;
}

entry_answer call_entry(entry_type& entry, const rondo_host_services& host) {
  const host_call_guard guard;
  try {
    return {entry(&host, host_abi.min, host_abi.max), false, {}};
  } catch (const std::exception& thrown) {
    return {nullptr, true, thrown.what()};
  } catch (...) {
    return {nullptr, true, "something that is not a std::exception"};
  }
}

library_refusal no_entry(std::string reason, std::string system_error) {
  return {
      RONDO_ENTRY_MISSING, std::move(reason),
      "If it is no Rondo plugin, move it elsewhere; if it is one, export the symbol with default "
      "visibility and C linkage",
      std::move(system_error)};
}

std::optional<library_refusal> enter(resident& record, const rondo_host_services& host) {
  auto& library = record.library;
  if (!library.has(RONDO_PLUGIN_ENTRY_NAME)) {
    ::dlerror();
    (void)::dlsym(library.native(), RONDO_PLUGIN_ENTRY_NAME);  // again, for the system's own words
    return no_entry("it does not export " RONDO_PLUGIN_ENTRY_NAME, last_system_error());
  }
  auto& entry = library.get<entry_type>(RONDO_PLUGIN_ENTRY_NAME);
  // The look-up also searches what the library is linked to.
  if (handle_of(reinterpret_cast<const void*>(&entry)) != library.native())
    return no_entry("it does not export " RONDO_PLUGIN_ENTRY_NAME
                    " itself; a library that it is linked to does",
                    {});
  record.answer = call_entry(entry, host);
  return std::nullopt;
}

library_refusal open_failed(const boost::dll::fs::error_code& code, std::string system_error) {
  if (system_error.empty()) system_error = code.message();
  return {RONDO_LOAD_FAILED, "the system refused to load it",
          "Install the libraries that it needs in versions that fit; ldd shows which are missing",
          std::move(system_error)};
}

// Called with the lock held, when the last use has gone.
void close_or_keep(const fs::path& path, std::map<void*, resident>::iterator where) {
  auto& record = where->second;
  record.library.unload();
  // The library is still there if someone else has it open or if it has unique symbols, as many C++
  // libraries do. Then its entry has been called for good, and the record must not go stale.
  if (void* const again = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD)) {
    boost::dll::fs::error_code failed;
    if (again == where->first) record.library.load(path, failed, open_mode);
    ::dlclose(again);
  }
  if (!record.library.is_loaded()) residents().by_handle.erase(where);
}

}  // namespace

open_library::open_library(open_library&& other) noexcept
    : path_(std::move(other.path_)),
      handle_(std::exchange(other.handle_, nullptr)),
      unload_safe_(other.unload_safe_) {}

open_library& open_library::operator=(open_library&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(handle_, other.handle_);
  std::swap(unload_safe_, other.unload_safe_);
  return *this;
}

open_library::~open_library() {
  if (handle_ == nullptr) return;
  const std::scoped_lock lock(residents().mutex);
  const auto where = residents().by_handle.find(handle_);
  if (--where->second.uses == 0 && unload_safe_) close_or_keep(path_, where);
}

std::optional<library_refusal> enter_library(const fs::path& path, const rondo_host_services& host,
                                             entered_library& out,
                                             const std::function<void()>& before_entry) {
  const std::scoped_lock lock(residents().mutex);
  boost::dll::shared_library library;
  boost::dll::fs::error_code failed;
  library.load(path, failed, open_mode);
  if (failed || !library.is_loaded()) return open_failed(failed, last_system_error());
  void* const handle = library.native();
  auto& record = residents().by_handle[handle];
  if (!record.library.is_loaded()) record.library = std::move(library);
  if (!record.answer && before_entry) before_entry();
  if (!record.answer)
    if (auto refusal = enter(record, host)) return refusal;
  ++record.uses;
  out.library = open_library(path, handle);
  out.answer = *record.answer;
  return std::nullopt;
}

}  // namespace rondo::loading
