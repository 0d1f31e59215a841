// Opening and closing a runtime, and what it can tell about itself.
#include <rondo/runtime.hpp>

#include "runtime_state.hpp"

#include <rondo/host_services.hpp>
#include <rondo/nearest.hpp>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace rondo {

using detail::view_of;

namespace detail {

load_report find_plugins(const runtime_options& options) {
  loader_options loader;
  loader.paths = options.plugin_paths;
  loader.use_environment = options.standard_plugin_paths;
  loader.use_user_directory = options.standard_plugin_paths;
  loader.use_installed_directory = options.standard_plugin_paths;
  loader.only = options.only_backends;
  loader.probe = options.probe;
  return load_plugins(loader);
}

namespace {

// Of two values for one key, which of them counts would be the backend's secret.
void require_once(const std::vector<device_option>& all) {
  for (auto option = all.begin(); option != all.end(); ++option)
    if (std::any_of(all.begin(), option, [&](const auto& before) {
          return before.backend == option->backend && before.key == option->key;
        }))
      throw error(RONDO_INVALID_ARGUMENT, option->backend,
                  fmt::format("the device option {} is given twice", option->key), "Give it once");
}

open_backend::device_options options_for(const candidate& of,
                                         const std::vector<device_option>& all) {
  open_backend::device_options mine;
  for (const auto& option : all)
    if (option.backend == of.plugin.name || option.backend == of.plugin.id)
      mine.emplace_back(option.key, option.value);
  return mine;
}

}  // namespace

std::vector<std::shared_ptr<open_backend>> open_backends(
    load_report& report, const std::vector<device_option>& device_options) {
  require_once(device_options);
  std::vector<std::shared_ptr<open_backend>> opened;
  for (std::size_t i = 0; i < report.candidates.size(); ++i) {
    if (!report.candidates[i].accepted()) continue;
    try {
      auto backend = std::make_shared<open_backend>(
          report.candidates[i].library, options_for(report.candidates[i], device_options));
      if (backend->has_usable_device()) {
        opened.push_back(std::move(backend));
        continue;
      }
      std::string reason = backend->why_none();
      if (reason.empty() && backend->device_count() > 0) reason = backend->device_info(0).reason;
      if (reason.empty()) reason = "the plugin gives no reason";
      report.set_no_usable_device(i, std::move(reason), "Install the hardware or driver it names");
    } catch (const error& failed) {
      report.set_no_usable_device(i, failed.message(), failed.remedy());
    }
  }
  return opened;
}

namespace {

// What to do about a device whose properties are asked for.
enum class unopened { leave, open };

void add_properties(open_backend& backend, device_description& device, unopened what) {
  try {
    const auto open = what == unopened::open ? backend.device(device.index)
                                             : backend.device_if_open(device.index);
    if (open != nullptr) device.properties = open->properties();
  } catch (const error& failed) {
    device.usable = false;
    device.reason = failed.message();
  }
}

backend_description describe(open_backend& backend, unopened what) {
  backend_description out;
  out.id = backend.info().id;
  out.name = backend.info().name;
  out.version = backend.info().version;
  out.path = backend.library().path();
  out.capabilities = backend.info().capabilities;
  for (std::uint32_t i = 0; i < backend.device_count(); ++i) {
    const rondo_device_info info = backend.device_info(i);
    out.devices.push_back({i,
                           info.name,
                           info.usable != 0,
                           info.reason,
                           info.memory_bytes,
                           info.processors,
                           info.max_resident_kernels,
                           {}});
    if (info.usable != 0) add_properties(backend, out.devices.back(), what);
  }
  return out;
}

// Which candidate a backend came from.
std::size_t index_of(const open_backend& backend, const load_report& report) {
  std::size_t i = 0;
  while (report.candidates[i].library.get() != &backend.library()) ++i;
  return i;
}

}  // namespace
}  // namespace detail

no_backend_error::no_backend_error(load_report report)
    : error(nothing_usable(report)),
      report_(std::make_shared<const load_report>(std::move(report))) {}
no_backend_error::~no_backend_error() = default;

backend_survey runtime::survey(const runtime_options& options) {
  backend_survey found;
  found.report = detail::find_plugins(options);
  for (const auto& backend : detail::open_backends(found.report, options.device_options)) {
    auto described = detail::describe(*backend, detail::unopened::open);
    const auto& devices = described.devices;
    if (std::any_of(devices.begin(), devices.end(), [](const auto& d) { return d.usable; }))
      found.backends.push_back(std::move(described));
    else
      found.report.set_no_usable_device(detail::index_of(*backend, found.report),
                                        devices.front().reason,
                                        "Repair the device, or name another backend");
  }
  return found;
}

runtime runtime::open(const runtime_options& options) {
  auto made = std::make_unique<state>(options);
  made->report = detail::find_plugins(options);
  for (const auto& root : made->report.roots)
    if (root.code != RONDO_OK)
      throw error(root.code, root.path, root.reason, "Name an existing directory or plugin file");
  made->backends = detail::open_backends(made->report, options.device_options);
  if (made->backends.empty()) throw no_backend_error(std::move(made->report));
  for (const auto& candidate : made->report.candidates)
    if (!candidate.accepted())
      log()->debug("plugin {} is not used: {}", candidate.path.string(), candidate.reason);
  return runtime(std::move(made));
}

runtime::runtime(std::unique_ptr<state> opened) : state_(std::move(opened)) {}
runtime::runtime(runtime&&) noexcept = default;
runtime& runtime::operator=(runtime&& other) noexcept {
  if (this != &other) {
    close();
    state_ = std::move(other.state_);
  }
  return *this;
}

runtime::~runtime() { close(); }

void runtime::close(nanoseconds per_kernel) {
  if (state_ == nullptr) return;
  std::map<std::string, std::shared_ptr<detail::instance>, std::less<>> kernels;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    kernels.swap(state_->kernels);
  }
  for (const auto& [id, kernel] : kernels) {
    if (kernel == nullptr) continue;
    kernel->retire();
    try {
      kernel->terminate({terminate_mode::discard, per_kernel});
    } catch (const std::exception& failed) {
      log()->error("closing the runtime: {}", failed.what());
    }
    state_->queues.remove(kernel->names().input);
    state_->queues.remove(kernel->names().output);
  }
  state_->async->close();
}

std::size_t runtime::poll() { return state_->async->poll(); }

const load_report& runtime::report() const { return state_->report; }

std::vector<backend_description> runtime::backends() const {
  std::vector<backend_description> all;
  for (const auto& backend : state_->backends)
    all.push_back(detail::describe(*backend, detail::unopened::leave));
  return all;
}

std::vector<handler_description> runtime::handlers(const std::string& module) const {
  using module_list = std::vector<std::shared_ptr<const detail::kernel_module>>;
  const auto modules =
      module.empty() ? state_->modules.all() : module_list{state_->modules.find_module(module)};
  std::vector<handler_description> all;
  for (const auto& from : modules) {
    for (const auto& id : from->handler_ids()) {
      const auto& handler = *from->find_handler(id);
      handler_description out;
      out.id = id;
      out.module = from->name();
      out.request = view_of(handler.request.wire_name);
      out.response = view_of(handler.response.wire_name);
      if (handler.invoke != nullptr) out.images.emplace_back("host");
      for (std::uint64_t i = 0; i < from->record().image_count; ++i)
        out.images.emplace_back(view_of(from->record().images[i].backend));
      out.scenarios = static_cast<std::uint32_t>(from->scenarios_of(id).size());
      all.push_back(std::move(out));
    }
  }
  return all;
}

kernel_handle runtime::find_kernel(std::string_view id) const {
  const std::lock_guard lock(state_->mutex);
  if (const auto found = state_->kernels.find(id);
      found != state_->kernels.end() && found->second != nullptr)
    return kernel_handle(found->second);
  std::vector<std::string> ids;
  for (const auto& [known, kernel] : state_->kernels) ids.push_back(known);
  const std::string near(nearest(id, ids));
  throw error(RONDO_NO_SUCH_KERNEL, std::string(id),
              fmt::format("no kernel of this id was launched here; there are {}", ids.size()),
              near.empty() ? "Launch it first" : fmt::format("Did you mean '{}'?", near));
}

void runtime::remove(std::string_view id) {
  const kernel_handle kernel = find_kernel(id);
  const kernel_state now = kernel.state();
  if (now != kernel_state::terminated && now != kernel_state::failed)
    throw error(RONDO_INVALID_STATE, std::string(id),
                fmt::format("the kernel is {} and cannot be removed", to_string(now)),
                "Terminate it first");
  state_->queues.remove(kernel.queues().input);
  state_->queues.remove(kernel.queues().output);
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->kernels.find(kernel.id());
  if (found == state_->kernels.end()) return;
  if (found->second != nullptr) found->second->retire();
  state_->kernels.erase(found);
}

std::vector<kernel_handle> runtime::kernels() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<kernel_handle> all;
  for (const auto& [id, kernel] : state_->kernels)
    if (kernel != nullptr) all.emplace_back(kernel);
  return all;
}

namespace {

queue_description describe_queue(const queue_name& name, const detail::instance& kernel) {
  const bool is_input = name.direction == queue_direction::input;
  const rondo_queue_info info = kernel.queue_info(is_input);
  return {build_queue_name(name), name.message_type, name.kernel_id,        name.direction,
          kernel.backend(),       info.capacity,     info.payload_capacity, info.depth};
}

const detail::instance& instance_of(const queue_registry::entry& entry) {
  return *static_cast<const detail::instance*>(entry.object.get());
}

}  // namespace

std::vector<queue_description> runtime::queues() const {
  std::vector<queue_description> all;
  for (const auto& entry : state_->queues.entries())
    all.push_back(describe_queue(entry.name, instance_of(entry)));
  return all;
}

queue_description runtime::find_queue(std::string_view name) const {
  const auto entry = state_->queues.resolve(name);
  return describe_queue(entry.name, instance_of(entry));
}

kernel_handle runtime::open_end(std::string_view name, queue_direction direction,
                                const rondo_message_type& type) const {
  const auto entry = state_->queues.resolve(name);
  const std::string full = build_queue_name(entry.name);
  if (entry.name.direction != direction)
    throw error(RONDO_INVALID_ARGUMENT, full,
                direction == queue_direction::input
                    ? "an output queue is received from, not sent to"
                    : "an input queue is sent to, not received from",
                "Name the kernel's other queue");
  const bool is_input = direction == queue_direction::input;
  const auto& handler = instance_of(entry).handler();
  const auto& carried = is_input ? handler.request : handler.response;
  if (!detail::same_type(type, carried))
    throw error(is_input ? RONDO_REQUEST_MISMATCH : RONDO_RESPONSE_MISMATCH, full,
                fmt::format("the queue carries {}; the caller was built for {}",
                            detail::to_text(carried), detail::to_text(type)),
                "Build the kernel module and its callers from the same headers");
  return kernel_handle(std::static_pointer_cast<detail::instance>(entry.object));
}

}  // namespace rondo
