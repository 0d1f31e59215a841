// What must be true before a kernel is created: a backend that can run the handler, types that
// agree, names that are free, capacities that make sense. Every refusal is made here, with nothing
// to undo.
#include "runtime_state.hpp"

#include <rondo/backend/backend.hpp>
#include <rondo/nearest.hpp>
#include <rondo/ring/layout.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>

namespace rondo {

using detail::view_of;

namespace detail {

std::string to_text(const rondo_message_type& type) {
  return fmt::format("{} v{}, {}, at most {} bytes, schema {:016x}", view_of(type.wire_name),
                     type.version, type.encoding == RONDO_ENCODING_PLAIN ? "plain" : "encoded",
                     type.max_bytes, type.schema_hash);
}

bool same_type(const rondo_message_type& a, const rondo_message_type& b) {
  return view_of(a.wire_name) == view_of(b.wire_name) && a.version == b.version &&
         a.encoding == b.encoding && a.max_bytes == b.max_bytes && a.schema_hash == b.schema_hash;
}

}  // namespace detail

namespace {

void require_type(status code, const std::string& handler, const char* what,
                  const rondo_message_type* wanted, const rondo_message_type& offered) {
  if (wanted == nullptr || detail::same_type(*wanted, offered)) return;
  throw error(code, handler,
              fmt::format("the module's {} is {}; the caller was built for {}", what,
                          detail::to_text(offered), detail::to_text(*wanted)),
              "Build the kernel module and its callers from the same headers");
}

// Small messages get 1024 slots, large ones as many as fit in about 1 MiB, at least 16.
std::uint64_t capacity_for(std::uint64_t asked, std::uint32_t payload, const char* which,
                           const std::string& id) {
  payload = std::max(payload, 1u);
  std::uint64_t capacity = asked;
  if (asked == launch_options::default_capacity)
    capacity = std::clamp<std::uint64_t>(std::bit_floor((1u << 20) / (payload + 64u)), 16, 1024);
  ring::geometry shape;
  const status code = ring::make_geometry(ring::publication::word, capacity, payload, false, shape);
  if (code == RONDO_OK) return capacity;
  throw error(code, id, fmt::format("{}_capacity is {}: {}", which, capacity, status_text(code)),
              code == RONDO_CAPACITY_OVERFLOW
                  ? fmt::format("A slot takes {} bytes; ask for fewer", payload + 64u)
                  : "Ask for a power of two, for example 1024");
}

// `last`: the greatest value that the enumeration has.
template <class Enumeration>
void require_known(Enumeration value, Enumeration last, const char* option, const char* remedy,
                   const std::string& id) {
  if (value <= last) return;
  throw error(
      RONDO_INVALID_ARGUMENT, id,
      fmt::format("{} is {}, which means nothing", option, static_cast<std::uint32_t>(value)),
      remedy);
}

// The same on every backend: none should have to look for what no field lists.
void check_running_options(const launch_options& options, const std::string& id) {
  require_known(options.wait, wait_policy::park, "wait", "Use spin, spin_then_park or park", id);
  require_known(options.publish, publish_policy::chunked, "publish", "Use word, counted or chunked",
                id);
  require_known(options.threads, kernel_threads::pool, "threads", "Use dedicated or pool", id);
  if (options.cpu < -1)
    throw error(RONDO_INVALID_ARGUMENT, id, fmt::format("cpu is {}", options.cpu),
                "Give the number of a processor, or -1 for any");
  if (options.spin_time.count() > 0 &&
      (options.wait == wait_policy::spin || options.wait == wait_policy::park))
    throw error(RONDO_INVALID_ARGUMENT, id,
                fmt::format("spin_time is {} ns, and with this wait nobody would look at it",
                            options.spin_time.count()),
                "Launch with wait = spin_then_park, or without spin_time");
  for (auto option = options.options.begin(); option != options.options.end(); ++option)
    if (std::any_of(options.options.begin(), option,
                    [&](const auto& before) { return before.first == option->first; }))
      throw error(RONDO_INVALID_ARGUMENT, id,
                  fmt::format("the option {} is given twice", option->first), "Give it once");
}

void check_times(const launch_options& options, const std::string& id) {
  const auto check = [&](nanoseconds time, const char* option, const char* remedy) {
    if (time.count() < 0)
      throw error(RONDO_INVALID_ARGUMENT, id, fmt::format("{} is {} ns", option, time.count()),
                  remedy);
  };
  check(options.handler_deadline, "handler_deadline", "Give a time, or 0 for none");
  check(options.lease, "lease", "Give a time, or 0 for the backend's default");
  check(options.spin_time, "spin_time", "Give a time, or 0 for the backend's default");
  check(options.launch_deadline, "launch_deadline", "Give the time that a launch may take");
  if (options.launch_deadline.count() == 0)
    throw error(RONDO_INVALID_ARGUMENT, id, "launch_deadline is 0 ns",
                "Give the time that a launch may take");
}

void check_queue_options(const launch_options& options, const std::string& id) {
  constexpr const char* policies = "Use block, reject, drop_newest or drop_oldest";
  require_known(options.input_full, when_full::drop_oldest, "input_full", policies, id);
  require_known(options.output_full, when_full::drop_oldest, "output_full", policies, id);
  require_known(options.pump, pump_policy::always, "pump", "Use automatic, never or always", id);
  const std::uint32_t window = options.duplicate_window;
  if (window == 0 ||
      (std::has_single_bit(window) && window <= launch_options::max_duplicate_window))
    return;
  throw error(RONDO_INVALID_ARGUMENT, id, fmt::format("duplicate_window is {}", window),
              fmt::format("Ask for a power of two up to {}, or 0 for none",
                          std::uint32_t{launch_options::max_duplicate_window}));
}

// Before anything is created: what was asked of the queues and this backend does not offer.
void require_offered(const launch_options& options, const std::string& id,
                     const detail::open_backend& backend) {
  const auto& api = backend.api();
  const auto refuse = [&](const char* option, const char* remedy) {
    throw error(RONDO_UNSUPPORTED, id,
                fmt::format("backend {} does not offer {}", backend.info().name, option), remedy);
  };
  constexpr const char* another = "Launch without it, or on another backend";
  if (options.urgent_lane && !api.has(RONDO_CAP_URGENT)) refuse("urgent_lane", another);
  if (options.timed && !api.has(RONDO_CAP_TIMED)) refuse("timed", another);
  if (options.timed && (options.avoid_mapped || !api.has(RONDO_CAP_MAPPED)))
    refuse("timed through the calls of its queues",
           "Launch without avoid_mapped, or without timed");
  if (options.pump == pump_policy::always) {
    constexpr const char* without = "Launch without pump_policy::always";
    if (options.timed) refuse("timed through a pump", without);
    if (options.input_full == when_full::drop_oldest)
      refuse("input_full = drop_oldest through a pump", without);
  }
  if (options.input_full == when_full::drop_oldest && !api.has(RONDO_CAP_DROP_OLDEST))
    refuse("input_full = drop_oldest", another);
  if (options.output_full == when_full::drop_oldest)
    refuse("output_full = drop_oldest",
           "A kernel cannot take back what it has published: use reject or drop_newest");
  if (options.output_full != when_full::block && !api.has(RONDO_CAP_OUTPUT_FULL))
    refuse("an output_full other than block", another);
}

bool wants_pump(const launch_options& options, const backend_api& api) {
  if (options.pump != pump_policy::automatic) return options.pump == pump_policy::always;
  return !api.has(RONDO_CAP_MAPPED) && api.has(RONDO_CAP_BATCH) &&
         options.input_full != when_full::drop_oldest;
}

std::string can_run(const detail::open_backend& backend, const detail::found_handler& found) {
  const auto& handler = *found.handler;
  const bool runs_host_image = backend.api().has(RONDO_CAP_HOST_IMAGE);
  if (runs_host_image ? handler.invoke == nullptr
                      : found.module->find_image(backend.info().name) == nullptr)
    return fmt::format("module {} has no image for backend {}", found.module->name(),
                       backend.info().name);
  return {};
}

std::string first_host_only(const rondo_handler& handler) {
  for (const auto* type : {&handler.request, &handler.response, handler.start_type})
    if (type != nullptr && (type->flags & RONDO_MESSAGE_HOST_ONLY) != 0)
      return std::string(view_of(type->wire_name));
  return {};
}

// A backend that knows nothing of these would launch the kernel without a word, and ignore them.
void require_offered(const detail::open_backend& backend, const rondo_handler& record,
                     const launch_options& options, const std::string& id) {
  const auto require = [&](bool is_asked, const char* capability, const char* what,
                           const char* remedy) {
    if (!is_asked || backend.api().has(capability)) return;
    throw error(RONDO_UNSUPPORTED, id,
                fmt::format("{}, and backend {} does not offer that", what, backend.info().name),
                remedy);
  };
  const rondo_handler handler = backend::whole(record);
  require(options.threads == kernel_threads::pool, RONDO_CAP_POOL,
          "it is to share the threads of a pool",
          "Launch it with dedicated threads, or on the cpu backend");
  const char* const elsewhere = "Launch it on the cpu backend, or do without in the handler";
  require(handler.on_start != nullptr, RONDO_CAP_HOOKS, "its handler has an on_start", elsewhere);
  require(handler.on_stop != nullptr, RONDO_CAP_HOOKS, "its handler has an on_stop", elsewhere);
  require(handler.on_timer != nullptr, RONDO_CAP_TIMER, "its handler has an on_timer", elsewhere);
}

void require_start(const rondo_handler& record, const detail::given_start& start,
                   const std::string& id) {
  const rondo_message_type* const wanted = backend::whole(record).start_type;
  if (wanted == nullptr && start.type == nullptr) return;
  const auto words = [](const rondo_message_type* type) {
    return type == nullptr ? std::string("nothing") : detail::to_text(*type);
  };
  if (wanted == nullptr || start.type == nullptr || !detail::same_type(*wanted, *start.type))
    throw error(RONDO_INVALID_ARGUMENT, id,
                fmt::format("the handler in the module is started with {}; it was given {}",
                            words(wanted), words(start.type)),
                "Use launch<H>(options, argument), and build module and caller from one header");
  if (!start.fits)
    throw error(RONDO_INVALID_ARGUMENT, id,
                fmt::format("the start argument does not fit in {} bytes", wanted->max_bytes),
                "Give it less to carry");
}

std::shared_ptr<detail::open_backend> backend_named(
    const std::vector<std::shared_ptr<detail::open_backend>>& backends, const load_report& report,
    const std::string& wanted) {
  std::vector<std::string> names;
  for (const auto& backend : backends) {
    if (backend->info().name == wanted || backend->info().id == wanted) return backend;
    names.push_back(backend->info().name);
  }
  for (const auto& candidate : report.candidates)
    if (candidate.plugin.name == wanted || candidate.plugin.id == wanted)
      throw error(candidate.code(), candidate.path,
                  fmt::format("backend {} cannot be used: {}", wanted, candidate.reason),
                  candidate.remedy);
  const std::string near(nearest(wanted, names));
  throw error(
      RONDO_NO_SUCH_BACKEND, wanted,
      fmt::format("there is no backend of this name; usable are: {}", fmt::join(names, ", ")),
      near.empty() ? "`rondo backends` shows what was found and where"
                   : fmt::format("Did you mean '{}'?", near));
}

}  // namespace

// Without a name: the first that can run the handler, device images before the host's.
std::shared_ptr<detail::open_backend> runtime::state::choose_backend(
    const detail::found_handler& found, const launch_options& options) const {
  const std::string handler(view_of(found.handler->id));
  std::string why_not;
  if (!options.backend.empty()) {
    auto backend = backend_named(backends, report, options.backend);
    why_not = can_run(*backend, found);
    if (why_not.empty()) return backend;
    throw error(RONDO_NO_IMAGE, handler, why_not,
                "Build the module where that backend's compiler is, or choose another backend");
  }
  for (const bool host_image : {false, true})
    for (const auto& backend : backends) {
      if (backend->api().has(RONDO_CAP_HOST_IMAGE) != host_image) continue;
      const std::string reason = can_run(*backend, found);
      if (reason.empty()) return backend;
      why_not += (why_not.empty() ? "" : "; ") + reason;
    }
  throw error(RONDO_NO_IMAGE, handler, why_not,
              "Install a backend for which the module has an image");
}

detail::launch_plan runtime::state::plan(std::string_view handler_id,
                                         const rondo_message_type* request,
                                         const rondo_message_type* response,
                                         const launch_options& options,
                                         const detail::given_start& start) {
  detail::launch_plan plan;
  plan.options = options;
  plan.async = async;
  plan.found = modules.find_handler(handler_id, options.module);
  const rondo_handler& handler = *plan.found.handler;
  const std::string name(handler_id);
  require_type(RONDO_REQUEST_MISMATCH, name, "request", request, handler.request);
  require_type(RONDO_RESPONSE_MISMATCH, name, "response", response, handler.response);

  plan.id = options.id.empty() ? name : options.id;
  plan.names.input = build_queue_name(
      {std::string(view_of(handler.request.wire_name)), plan.id, queue_direction::input});
  plan.names.output = build_queue_name(
      {std::string(view_of(handler.response.wire_name)), plan.id, queue_direction::output});
  if (options.failure_text > RONDO_FAILURE_TEXT_MAX)
    throw error(RONDO_INVALID_ARGUMENT, plan.id,
                fmt::format("failure_text is {} bytes, and a failure has at most {}",
                            options.failure_text, std::uint32_t{RONDO_FAILURE_TEXT_MAX}),
                "Use that or less");
  plan.input_capacity =
      capacity_for(options.input_capacity, handler.request.max_bytes, "input", plan.id);
  plan.output_capacity =
      capacity_for(options.output_capacity, handler.response.max_bytes, "output", plan.id);

  check_times(options, plan.id);
  check_running_options(options, plan.id);
  check_queue_options(options, plan.id);
  const auto backend = choose_backend(plan.found, options);
  require_offered(options, plan.id, *backend);
  const std::string host_only = first_host_only(handler);
  if (!host_only.empty() && !backend->api().has(RONDO_CAP_HOST_ONLY_MESSAGES))
    throw error(
        RONDO_UNSUPPORTED, name,
        fmt::format("message {} can only be read on the host, and backend {} runs elsewhere",
                    host_only, backend->info().name),
        "Use bounded_vector, bounded_string and optional in the message, or the cpu backend");
  require_offered(*backend, handler, options, plan.id);
  require_start(handler, start, plan.id);
  if (start.type != nullptr) plan.start_argument = start.bytes;
  plan.is_pumped = wants_pump(options, backend->api());
  plan.device = backend->device(options.device);
  return plan;
}

kernel_handle runtime::launch_checked(std::string_view handler_id,
                                      const rondo_message_type* request,
                                      const rondo_message_type* response,
                                      const launch_options& options, detail::given_start start) {
  auto plan = state_->plan(handler_id, request, response, options, start);
  const std::string id = plan.id;
  {
    // The id is taken before the launch, so that of two launches with one id only one begins.
    const std::lock_guard lock(state_->mutex);
    if (state_->closed)
      throw error(RONDO_INVALID_STATE, id, "the runtime is closed", "Open another");
    if (!state_->kernels.emplace(id, nullptr).second)
      throw error(RONDO_ALREADY_EXISTS, id, "a kernel with this id lives in this runtime",
                  "Give the second launch another id");
    plan.kernel_tag = ++state_->next_tag;
  }
  const auto names = plan.names;
  std::shared_ptr<detail::instance> made;
  try {
    made = std::make_shared<detail::instance>(std::move(plan));
    state_->queues.add(names.input, made);
    state_->queues.add(names.output, made);
  } catch (...) {
    state_->queues.remove(names.input);
    const std::lock_guard lock(state_->mutex);
    state_->kernels.erase(id);
    throw;
  }
  const std::lock_guard lock(state_->mutex);
  state_->kernels[id] = made;
  return kernel_handle(made);
}

}  // namespace rondo
