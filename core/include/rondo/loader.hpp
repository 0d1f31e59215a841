// Finds backend plugins, tries each, and says what became of it. load_plugins() looks at the file
// system, the environment and the libraries, and at nothing else: it logs nothing and throws only
// when memory runs out. What a user should learn is in the report. Any thread.
#pragma once

#include <rondo/abi.h>
#include <rondo/error.hpp>
#include <rondo/export.hpp>
#include <rondo/host_services.hpp>
#include <rondo/plugin_library.hpp>
#include <rondo/probe.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rondo {

// A candidate has one outcome, which is one of these [LOAD-05].
enum class verdict {
  accepted,
  not_a_shared_object,
  wrong_architecture,
  load_failed,
  entry_missing,
  abi_mismatch,
  bad_descriptor,
  probe_crashed,
  probe_timed_out,
  unsafe_permissions,
  duplicate,
  no_usable_device,
  filtered
};

// What trying the library in a child process showed; not_run without probe_options::program, and
// for what was refused unopened. A library that ends the process by exit() counts as crashed.
enum class probe_state { not_run, passed, crashed, timed_out };

enum class root_origin { argument, environment, user_directory, installed_directory };
enum class root_status { searched, does_not_exist, not_a_directory, unreadable, ignored };

RONDO_EXPORT std::string_view to_string(verdict value) noexcept;  // "not_a_shared_object"
RONDO_EXPORT std::string_view to_string(probe_state value) noexcept;
RONDO_EXPORT std::string_view to_string(root_origin value) noexcept;
RONDO_EXPORT std::string_view to_string(root_status value) noexcept;
// RONDO_OK for accepted, else the code of the same name.
RONDO_EXPORT status status_of(verdict value) noexcept;

// Plugins are looked for in these places, in this order [LOAD-06]:
//   1. `paths`: directories, or single files whatever they are called;
//   2. RONDO_PLUGIN_PATH: absolute directories separated by colons;
//   3. $XDG_DATA_HOME/rondo/plugins, or ~/.local/share/rondo/plugins;
//   4. rondo/plugins beside librondo.
// 2 and 3 are ignored when the process has elevated privileges. The working directory is never
// searched unless `paths` says so; an environment entry that is not absolute is ignored.
struct loader_options {
  std::vector<std::filesystem::path> paths;
  bool use_environment = true;
  bool use_user_directory = true;
  bool use_installed_directory = true;
  // Treat the environment as if the process had elevated privileges.
  bool distrust_environment = false;
  // Plugin ids, names, or file names with or without ".so"; "cpu" also means the file rondo_cpu.so.
  // If `only` is not empty, everything else is filtered; a library that `only` does not name by its
  // file has to be opened to learn its id. `exclude` by file name leaves the library unopened.
  std::vector<std::string> only;
  std::vector<std::string> exclude;
  // With a program, each library is tried in a child process before it is opened [LOAD-10].
  probe_options probe;
};

struct search_root {
  std::filesystem::path path;
  root_origin origin = root_origin::argument;
  root_status status = root_status::searched;
  rondo::status code = RONDO_OK;  // NO_SUCH_DIRECTORY if a path given as an argument is not there
  std::string reason;             // why it was not searched; empty if it was
  std::size_t entries = 0;        // in the directory, of every kind
  std::size_t candidates = 0;     // entries whose name ends in .so
};

struct candidate {
  std::filesystem::path path;  // absolute
  std::size_t root = 0;        // index into load_report::roots
  rondo::verdict verdict = rondo::verdict::load_failed;
  std::string reason;        // one sentence: why not accepted; empty if accepted
  std::string remedy;        // one sentence: what to do about it
  std::string system_error;  // the system's or the plugin's own words
  plugin_info plugin;        // as far as it became known
  probe_state probe = probe_state::not_run;
  std::shared_ptr<plugin_library> library;  // of an accepted plugin, also after no_usable_device

  status code() const noexcept { return status_of(verdict); }
  bool accepted() const noexcept { return verdict == rondo::verdict::accepted; }
};

// A name in loader_options::only that no plugin answered to.
struct unmatched_name {
  std::string name;
  std::string nearest;  // the known name that was most likely meant; may be empty
};

struct load_report {
  std::vector<search_root> roots;
  std::vector<candidate> candidates;  // in the order they were tried: by root, then by file name
  std::vector<unmatched_name> unmatched;

  RONDO_EXPORT bool any_accepted() const noexcept;
  // The accepted plugin with this name or id; nullptr if there is none.
  RONDO_EXPORT const candidate* find(std::string_view name_or_id) const noexcept;
  // For the runtime, which opens backends: turns an accepted candidate into no_usable_device, with
  // the reason that the plugin gave.
  RONDO_EXPORT void set_no_usable_device(std::size_t index, std::string reason, std::string remedy);
};

// Candidates are the entries of each root whose name ends in .so, sorted by name. A broken
// one never keeps another from being accepted [LOAD-07]. Of two plugins with one id or one name,
// the first is taken and the second is a duplicate [LOAD-08]. A plugin keeps `host` until the
// process ends.
RONDO_EXPORT load_report load_plugins(const loader_options& options = {},
                                      const rondo_host_services& host = host_services());

// The places where it would look, and what is there, without opening anything.
RONDO_EXPORT std::vector<search_root> plugin_roots(const loader_options& options = {});

// The report for people: where plugins were looked for, what was found, and what to do about each
// that was refused. Several lines.
RONDO_EXPORT std::string to_text(const load_report& report);

// The error for "no usable backend" carries the whole report as its message [LOAD-09]. Its
// code is NO_SUCH_DIRECTORY or NO_PLUGINS if there was no candidate, the verdict's code if all
// candidates that were not filtered share one, else NO_SUCH_BACKEND.
RONDO_EXPORT error_info nothing_usable(const load_report& report);

}  // namespace rondo
