// The load report in words, and the error that carries it. Paths come from outside, so they are
// made fit for a terminal.
#include <rondo/loader.hpp>
#include <rondo/naming.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace rondo {
namespace {

std::string spaced(std::string_view name) {
  std::string words(name);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string_view origin_text(root_origin origin) {
  switch (origin) {
    case root_origin::argument: return "given explicitly";
    case root_origin::environment: return "from RONDO_PLUGIN_PATH";
    case root_origin::user_directory: return "user directory";
    case root_origin::installed_directory: return "installed directory";
  }
  return "of unknown origin";
}

std::string root_text(const search_root& root) {
  auto line = fmt::format("  {} ({}): ", printable(root.path.native()), origin_text(root.origin));
  if (root.status == root_status::searched)
    return line + fmt::format("{} {}, {} named *.so\n", root.entries,
                              root.entries == 1 ? "entry" : "entries", root.candidates);
  if (root.status == root_status::does_not_exist || root.status == root_status::not_a_directory)
    return line + spaced(to_string(root.status)) + "\n";
  return line + fmt::format("{}: {}\n", to_string(root.status), printable(root.reason));
}

std::string candidate_text(const candidate& it) {
  auto text = fmt::format("  {}: {}", printable(it.path.native()), spaced(to_string(it.verdict)));
  if (!it.plugin.id.empty() && !it.plugin.name.empty())
    text += fmt::format(" ({} {}, named {})", printable(it.plugin.id), printable(it.plugin.version),
                        in_quotes(it.plugin.name));
  text += "\n";
  if (!it.reason.empty()) text += fmt::format("      reason: {}\n", it.reason);
  if (!it.system_error.empty())
    text += fmt::format("      in its own words: {}\n", printable(it.system_error));
  if (!it.remedy.empty()) text += fmt::format("      remedy: {}\n", it.remedy);
  return text;
}

// The verdict that all candidates share, as a code; NO_SUCH_BACKEND if there are several.
status common_code(const load_report& report) {
  const auto is_asked_for = [](const candidate& it) { return it.verdict != verdict::filtered; };
  const auto first = std::find_if(report.candidates.begin(), report.candidates.end(), is_asked_for);
  if (first == report.candidates.end()) return RONDO_NO_SUCH_BACKEND;
  const bool same = std::all_of(first, report.candidates.end(), [&](const candidate& it) {
    return !is_asked_for(it) || it.code() == first->code();
  });
  return same && first->code() != RONDO_OK ? first->code() : RONDO_NO_SUCH_BACKEND;
}

status code_of_nothing(const load_report& report) {
  if (report.candidates.empty()) {
    const bool missing =
        std::any_of(report.roots.begin(), report.roots.end(),
                    [](const auto& root) { return root.code == RONDO_NO_SUCH_DIRECTORY; });
    return missing ? RONDO_NO_SUCH_DIRECTORY : RONDO_NO_PLUGINS;
  }
  return report.unmatched.empty() ? common_code(report) : status{RONDO_NO_SUCH_BACKEND};
}

}  // namespace

std::string_view to_string(verdict value) noexcept {
  switch (value) {
    case verdict::accepted: return "accepted";
    case verdict::not_a_shared_object: return "not_a_shared_object";
    case verdict::wrong_architecture: return "wrong_architecture";
    case verdict::load_failed: return "load_failed";
    case verdict::entry_missing: return "entry_missing";
    case verdict::abi_mismatch: return "abi_mismatch";
    case verdict::bad_descriptor: return "bad_descriptor";
    case verdict::probe_crashed: return "probe_crashed";
    case verdict::probe_timed_out: return "probe_timed_out";
    case verdict::unsafe_permissions: return "unsafe_permissions";
    case verdict::duplicate: return "duplicate";
    case verdict::no_usable_device: return "no_usable_device";
    case verdict::filtered: return "filtered";
  }
  return "unknown";
}

std::string_view to_string(probe_state value) noexcept {
  switch (value) {
    case probe_state::not_run: return "not_run";
    case probe_state::passed: return "passed";
    case probe_state::crashed: return "crashed";
    case probe_state::timed_out: return "timed_out";
  }
  return "unknown";
}

std::string_view to_string(root_origin value) noexcept {
  switch (value) {
    case root_origin::argument: return "argument";
    case root_origin::environment: return "environment";
    case root_origin::user_directory: return "user_directory";
    case root_origin::installed_directory: return "installed_directory";
  }
  return "unknown";
}

std::string_view to_string(root_status value) noexcept {
  switch (value) {
    case root_status::searched: return "searched";
    case root_status::does_not_exist: return "does_not_exist";
    case root_status::not_a_directory: return "not_a_directory";
    case root_status::unreadable: return "unreadable";
    case root_status::ignored: return "ignored";
  }
  return "unknown";
}

std::string to_text(const load_report& report) {
  std::string text = "Looked for backend plugins in:\n";
  for (const auto& root : report.roots) text += root_text(root);
  if (report.roots.empty()) text += "  nowhere: every place was switched off\n";
  text += report.candidates.empty() ? "Found no file whose name ends in .so there.\n" : "Found:\n";
  for (const auto& it : report.candidates) text += candidate_text(it);
  for (const auto& [name, near] : report.unmatched)
    text += fmt::format("No plugin answers to {}{}\n", in_quotes(name),
                        near.empty() ? "." : fmt::format("; did you mean {}?", in_quotes(near)));
  return text;
}

error_info nothing_usable(const load_report& report) {
  auto remedy = report.candidates.empty()
                    ? std::string(
                          "Put a plugin into one of these directories, or name its directory "
                          "in RONDO_PLUGIN_PATH")
                    : std::string("Follow the remedy of the plugin that you want to use");
  for (const auto& [name, near] : report.unmatched)
    if (!near.empty()) remedy = fmt::format("Did you mean {}?", in_quotes(near));
  return {code_of_nothing(report), "backend plugins",
          "no usable backend was found.\n" + to_text(report), std::move(remedy)};
}

}  // namespace rondo
