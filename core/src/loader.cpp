// The order in which a candidate is judged, and what the report knows about all of them together.
#include "loader_internal.hpp"

#include <rondo/naming.hpp>
#include <rondo/nearest.hpp>

#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>

namespace rondo {
namespace {

using loading::found_file;

verdict verdict_of(status code) {
  for (int i = 0; i <= static_cast<int>(verdict::filtered); ++i)
    if (status_of(static_cast<verdict>(i)) == code) return static_cast<verdict>(i);
  return verdict::load_failed;
}

void refuse(candidate& it, library_refusal why) {
  it.verdict = verdict_of(why.code);
  it.reason = std::move(why.reason);
  it.remedy = std::move(why.remedy);
  it.system_error = std::move(why.system_error);
}

void filter(candidate& it, std::string reason) {
  refuse(it, {RONDO_FILTERED, std::move(reason), "Change the selection to use it", {}});
}

bool names_file(std::string_view name, const candidate& it) {
  const auto file = it.path.filename().string();
  const std::string library = fmt::format("{}.so", name);
  return file == name || file == library || file == "rondo_" + library;
}

bool names_plugin(std::string_view name, const candidate& it) {
  return !name.empty() && (name == it.plugin.id || name == it.plugin.name);
}

bool any_names(const std::vector<std::string>& names, const candidate& it) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return names_file(name, it) || names_plugin(name, it);
  });
}

// Whether the selection leaves this one out, as far as can be told from what is known by now. An
// unread plugin that `only` does not name by its file might still be one it means.
bool left_out(const loader_options& options, candidate& it) {
  const bool unread = it.plugin.id.empty() && it.plugin.name.empty();
  if (any_names(options.exclude, it)) {
    filter(it, "it was excluded on request");
    return true;
  }
  if (options.only.empty() || unread || any_names(options.only, it)) return false;
  filter(it, "only other plugins were asked for");
  return true;
}

// The same id would be two plugins in one; the same name would make `backend = "cpu"` mean
// whichever file sorts first.
bool is_duplicate(const load_report& report, candidate& it) {
  for (const auto& first : report.candidates) {
    if (!first.accepted()) continue;
    const bool same_id = first.plugin.id == it.plugin.id;
    if (!same_id && first.plugin.name != it.plugin.name) continue;
    refuse(it, {RONDO_DUPLICATE,
                fmt::format("{} came first and provides the {} {} already",
                            in_quotes(first.path.native()), same_id ? "id" : "name",
                            in_quotes(same_id ? it.plugin.id : it.plugin.name)),
                "Remove or exclude one of the two files",
                {}});
    return true;
  }
  return false;
}

void open_and_judge(const loader_options& options, const rondo_host_services& host,
                    const load_report& report, candidate& it) {
  loading::entered_library entered;
  if (auto refusal = loading::enter_library(it.path, host, entered))
    return refuse(it, *std::move(refusal));
  backend_api api;
  auto refusal = loading::read_descriptor(entered.answer, it.plugin, api);
  if (it.plugin.unload_safe) entered.library.declare_unload_safe();
  if (left_out(options, it)) return;
  if (refusal) return refuse(it, *std::move(refusal));
  if (is_duplicate(report, it)) return;
  it.verdict = verdict::accepted;
  it.library = std::make_shared<plugin_library>(plugin_library::parts{
      std::move(entered.library), it.path, entered.answer.descriptor, it.plugin, std::move(api)});
}

// Before the library runs code in this process [LOAD-10].
bool probe_fails(const probe_options& options, candidate& it) {
  auto refusal = loading::probe_library(options, it.path);
  if (!refusal) {
    it.probe = probe_state::passed;
    return false;
  }
  if (refusal->code == RONDO_PROBE_CRASHED) it.probe = probe_state::crashed;
  if (refusal->code == RONDO_PROBE_TIMED_OUT) it.probe = probe_state::timed_out;
  refuse(it, *std::move(refusal));
  return true;
}

candidate judge(const loader_options& options, const rondo_host_services& host,
                const load_report& report, const found_file& file) {
  candidate it;
  it.path = file.path;
  it.root = file.root;
  if (left_out(options, it)) return it;
  if (auto refusal = check_permissions(it.path, ::geteuid())) {
    refuse(it, *std::move(refusal));
    return it;
  }
  if (auto refusal = inspect_library(it.path)) {
    refuse(it, *std::move(refusal));
    return it;
  }
  if (!options.probe.program.empty() && probe_fails(options.probe, it)) return it;
  open_and_judge(options, host, report, it);
  return it;
}

std::vector<unmatched_name> unmatched_of(const loader_options& options, const load_report& report) {
  std::vector<std::string> known;
  for (const auto& each : report.candidates)
    for (auto name : {each.plugin.name, each.plugin.id, each.path.stem().string()})
      if (!name.empty()) known.push_back(std::move(name));
  std::vector<unmatched_name> unmatched;
  for (const auto& name : options.only)
    if (std::none_of(report.candidates.begin(), report.candidates.end(), [&](const candidate& it) {
          return names_file(name, it) || names_plugin(name, it);
        }))
      unmatched.push_back({name, std::string(nearest(name, known))});
  return unmatched;
}

}  // namespace

status status_of(verdict value) noexcept {
  switch (value) {
    case verdict::accepted: return RONDO_OK;
    case verdict::not_a_shared_object: return RONDO_NOT_A_SHARED_OBJECT;
    case verdict::wrong_architecture: return RONDO_WRONG_ARCHITECTURE;
    case verdict::load_failed: return RONDO_LOAD_FAILED;
    case verdict::entry_missing: return RONDO_ENTRY_MISSING;
    case verdict::abi_mismatch: return RONDO_ABI_MISMATCH;
    case verdict::bad_descriptor: return RONDO_BAD_DESCRIPTOR;
    case verdict::probe_crashed: return RONDO_PROBE_CRASHED;
    case verdict::probe_timed_out: return RONDO_PROBE_TIMED_OUT;
    case verdict::unsafe_permissions: return RONDO_UNSAFE_PERMISSIONS;
    case verdict::duplicate: return RONDO_DUPLICATE;
    case verdict::no_usable_device: return RONDO_NO_USABLE_DEVICE;
    case verdict::filtered: return RONDO_FILTERED;
  }
  return RONDO_INTERNAL;
}

bool load_report::any_accepted() const noexcept {
  return std::any_of(candidates.begin(), candidates.end(),
                     [](const candidate& it) { return it.accepted(); });
}

const candidate* load_report::find(std::string_view name_or_id) const noexcept {
  for (const auto& it : candidates)
    if (it.accepted() && names_plugin(name_or_id, it)) return &it;
  return nullptr;
}

void load_report::set_no_usable_device(std::size_t index, std::string reason, std::string remedy) {
  if (index >= candidates.size() || !candidates[index].accepted())
    throw error(
        RONDO_INVALID_ARGUMENT, "load report",
        fmt::format("candidate {} of {} is not an accepted plugin", index, candidates.size()),
        "Only an accepted plugin can turn out to have no usable device");
  refuse(candidates[index], {RONDO_NO_USABLE_DEVICE, std::move(reason), std::move(remedy), {}});
}

std::vector<search_root> plugin_roots(const loader_options& options) {
  return loading::search_roots(options).roots;
}

load_report load_plugins(const loader_options& options, const rondo_host_services& host) {
  auto [roots, files] = loading::search_roots(options);
  load_report report;
  report.roots = std::move(roots);
  report.candidates.reserve(files.size());
  for (const auto& file : files) report.candidates.push_back(judge(options, host, report, file));
  report.unmatched = unmatched_of(options, report);
  return report;
}

}  // namespace rondo
