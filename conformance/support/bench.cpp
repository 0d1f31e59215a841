// Loading the plugin under test and what it is tested with.
#include "bench.hpp"

#include <rondo/host_services.hpp>
#include <rondo/loader.hpp>
#include <rondo/ring/wait.hpp>
#include <rondo/runtime.hpp>

#include <dlfcn.h>

#include <thread>

namespace rondo::conformance {

namespace {

std::uint64_t mixed(std::uint64_t seed, std::string_view name) {
  for (const char c : name) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return seed;
}

std::string said(const rondo_string& s) {
  return s.data == nullptr ? std::string() : std::string(s.data, s.size);
}

loader_options only(const std::filesystem::path& plugin) {
  loader_options options;
  options.paths = {plugin};
  options.use_environment = false;
  options.use_user_directory = false;
  options.use_installed_directory = false;
  return options;
}

// The loader's verdicts are about different rules.
std::string_view rule_of(verdict value, std::string_view reason) {
  if (value == verdict::abi_mismatch) return "ABI-01";
  if (reason.find("[ABI-06]") != std::string_view::npos) return "ABI-06";
  if (reason.find("capability") != std::string_view::npos) return "CAP-01";
  return "ABI-10";
}

}  // namespace

explanation_record::explanation_record()
    : sink_{sizeof(rondo_error_sink), 0, this,
            [](void* self, rondo_status what, rondo_string of, rondo_string why, rondo_string how) {
              auto& record = *static_cast<explanation_record*>(self);
              ++record.calls;
              record.code = what;
              record.subject = said(of);
              record.message = said(why);
              record.remedy = said(how);
              record.from = std::this_thread::get_id();
            }} {}

bench::bench(const settings& all, std::string_view case_name)
    : settings_(all), random_(mixed(all.seed, case_name)) {}

bench::~bench() {
  close_device();
  close_backend();
}

const plugin_library& bench::plugin() {
  if (plugin_ != nullptr) return *plugin_;
  const load_report report = load_plugins(only(settings_.plugin));
  require(report.candidates.size() == 1, "the plugin's file is not there any more");
  const candidate& found = report.candidates.front();
  if (!found.accepted()) {
    rule(rule_of(found.verdict, found.reason));
    fail("the loader refuses the plugin (" + std::string(to_string(found.verdict)) +
         "): " + found.reason +
         (found.system_error.empty() ? "" : " [" + found.system_error + "]") + ". " + found.remedy);
  }
  count_check();
  plugin_ = found.library;
  return *plugin_;
}

rondo_backend* bench::backend() {
  if (backend_ != nullptr) return backend_;
  const host_call_guard guard;
  explanation_record why;
  rondo_backend* made = nullptr;
  const rondo_status status = api().backend.open(&made, why.sink());
  if (status != RONDO_OK)
    fail("rondo_backend_table.open returned " + status_text(status) + ": " + why.message);
  require(made != nullptr, "rondo_backend_table.open returned OK and gave no backend");
  return backend_ = made;
}

rondo_device* bench::device() {
  if (device_ != nullptr) return device_;
  const host_call_guard guard;
  explanation_record why;
  rondo_device* made = nullptr;
  const rondo_status status =
      api().backend.open_device(backend(), settings_.device, nullptr, 0, &made, why.sink());
  if (status != RONDO_OK)
    fail("open_device(" + std::to_string(settings_.device) + ") returned " + status_text(status) +
         ": " + why.message);
  require(made != nullptr, "open_device returned OK and gave no device");
  return device_ = made;
}

void bench::close_device() {
  const host_call_guard guard;
  if (device_ != nullptr) api().backend.close_device(std::exchange(device_, nullptr));
}

void bench::close_backend() {
  const host_call_guard guard;
  if (backend_ != nullptr) api().backend.close(std::exchange(backend_, nullptr));
}

void bench::close_plugin() {
  close_device();
  close_backend();
  plugin_.reset();
}

const rondo_module& suite_module(const std::filesystem::path& file) {
  static const rondo_module* const record = [&] {
    void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) fail("the suite's kernel module cannot be opened: " + file.string());
    auto* const entry =
        reinterpret_cast<rondo_module_entry_fn>(::dlsym(library, RONDO_MODULE_ENTRY_NAME));
    if (entry == nullptr) fail("the suite's kernel module has no entry: " + file.string());
    return entry();
  }();
  return *record;
}

const rondo_handler& bench::handler(std::string_view id) {
  const rondo_module& module = suite_module(settings_.kernels);
  for (std::uint64_t i = 0; i < module.handler_count; ++i)
    if (said(module.handlers[i]->id) == id) return *module.handlers[i];
  fail("the suite's module has no handler " + std::string(id));
}

const rondo_image* bench::image() {
  const rondo_module& module = suite_module(settings_.kernels);
  for (std::uint64_t i = 0; i < module.image_count; ++i)
    if (said(module.images[i].backend) == plugin().info().name) return &module.images[i];
  return nullptr;
}

rondo::runtime bench::open_runtime() {
  runtime_options options;
  options.plugin_paths = {settings_.plugin};
  options.standard_plugin_paths = false;
  options.kernel_paths = {settings_.kernels.parent_path()};
  options.standard_kernel_paths = false;
  return rondo::runtime::open(options);
}

rondo::launch_options bench::launch(std::string id) {
  rondo::launch_options options;
  options.backend = plugin().info().name;
  options.device = settings_.device;
  options.id = std::move(id);
  options.module = settings_.kernels.string();
  options.avoid_mapped = settings_.bridge;
  if (settings_.bridge) options.pump = settings_.pump ? pump_policy::always : pump_policy::never;
  options.options = settings_.options;
  return options;
}

bool eventually(const std::function<bool()>& holds, nanoseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return holds();
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return true;
}

void let_pass(nanoseconds time, std::string_view why) {
  if (why.empty()) fail("a case lets time pass for no reason");
  if (time.count() > 0) std::this_thread::sleep_for(time);
}

std::uint64_t now_ns() { return ring::now_ns(); }

}  // namespace rondo::conformance
