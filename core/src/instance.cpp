// The life of a kernel: create, launch, the transitions, and the end.
#include "instance.hpp"

#include <rondo/host_services.hpp>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

namespace rondo::detail {

namespace {

std::uint64_t count_ns(nanoseconds d) {
  return d.count() < 0 ? 0 : static_cast<std::uint64_t>(d.count());
}

constexpr std::uint64_t default_spin_ns = 100'000;

// What callers do while they wait follows what the kernel does.
std::uint64_t caller_spin_ns(const launch_options& options) {
  switch (options.wait) {
    case wait_policy::spin: return ring::no_deadline;
    case wait_policy::park: return ring::brief_spin_ns;
    default: break;
  }
  return options.spin_time.count() > 0 ? count_ns(options.spin_time) : default_spin_ns;
}

rondo_queue_params queue_params(const std::string& name, std::uint64_t capacity,
                                std::uint32_t payload, const launch_options& options) {
  rondo_queue_params params{};
  params.struct_size = sizeof params;
  params.publication = static_cast<std::uint32_t>(options.publish);
  params.name = c_string(name);
  params.capacity = capacity;
  params.payload_capacity = payload;
  params.lanes = 1;
  return params;
}

// Borrowed from the launch options, which live as long as the kernel.
std::vector<rondo_option> backend_options(const launch_options& options) {
  std::vector<rondo_option> all;
  all.reserve(options.options.size());
  for (const auto& [key, value] : options.options) all.push_back({c_string(key), c_string(value)});
  return all;
}

}  // namespace

instance::instance(launch_plan plan) : plan_(std::move(plan)) {
  create();
  try {
    make_ports();
    const host_call_guard guard;
    explanation why;
    why.require(api().kernel.launch(handle_, count_ns(plan_.options.launch_deadline), why.sink()),
                plan_.id);
  } catch (...) {
    if (pump_) pump_->stop();
    const host_call_guard guard;
    api().kernel.destroy(handle_);
    throw;
  }
}

void instance::create() {
  const launch_options& o = plan_.options;
  const rondo_handler& handler = *plan_.found.handler;
  rondo_kernel_params params{};
  params.struct_size = sizeof params;
  params.wait = static_cast<std::uint32_t>(o.wait);
  params.id = c_string(plan_.id);
  params.handler = &handler;
  params.image = plan_.found.module->find_image(backend());
  params.input = queue_params(plan_.names.input, plan_.input_capacity,
                              std::max(handler.request.max_bytes, 1u), o);
  if (o.one_sender) params.input.flags |= RONDO_QUEUE_ONE_PRODUCER;
  if (o.timed) params.input.flags |= RONDO_QUEUE_TIMED;
  if (o.urgent_lane) params.input.lanes = 2;
  if (o.input_full == when_full::drop_oldest) params.input.flags |= RONDO_QUEUE_DROP_OLDEST;
  // Room for a failure with its text, whatever the response's size.
  const std::uint32_t reply_bytes =
      std::max(handler.response.max_bytes,
               static_cast<std::uint32_t>(offsetof(rondo_failure, text)) + o.failure_text);
  params.output = queue_params(plan_.names.output, plan_.output_capacity, reply_bytes, o);
  params.output.flags |= RONDO_QUEUE_ONE_PRODUCER;
  if (o.output_full == when_full::reject) params.output.flags |= RONDO_QUEUE_REJECT;
  if (o.output_full == when_full::drop_newest) params.output.flags |= RONDO_QUEUE_DROP_NEWEST;
  params.kernel_tag = plan_.kernel_tag;
  params.cpu = o.cpu;
  params.grid = o.grid;
  params.block = o.block;
  params.handler_deadline_ns = count_ns(o.handler_deadline);
  params.lease_ns = count_ns(o.lease);
  params.spin_ns = count_ns(o.spin_time);
  const auto further = backend_options(o);
  params.options = further.data();
  params.option_count = further.size();
  params.threads = static_cast<std::uint32_t>(o.threads);
  if (const auto& start = plan_.start_argument) {
    params.start_bytes = static_cast<std::uint32_t>(start->size());
    params.start_argument = start->empty() ? "" : static_cast<const void*>(start->data());
  }
  const host_call_guard guard;
  explanation why;
  why.require(api().kernel.create(plan_.device->handle(), &params, &handle_, why.sink()), plan_.id);
  if (handle_ == nullptr)
    throw error(RONDO_INTERNAL, plan_.id, "the backend reported success and gave no kernel");
}

std::optional<rondo_ring_map> instance::map_of(rondo_queue* queue) const {
  if (plan_.options.avoid_mapped || !api().has(RONDO_CAP_MAPPED)) return std::nullopt;
  rondo_ring_map map{};
  map.struct_size = sizeof map;
  const status code = api().queue.map(queue, &map);
  if (code != RONDO_OK)
    throw error(code, plan_.id, "the backend claims mapped queues and maps none",
                "Report this to the backend's author");
  return map;
}

void instance::make_ports() {
  const host_call_guard guard;
  rondo_queue* in = api().kernel.input(handle_);
  rondo_queue* out = api().kernel.output(handle_);
  if (in == nullptr || out == nullptr)
    throw error(RONDO_INTERNAL, plan_.id, "the backend gave no queues");
  const auto in_map = plan_.is_pumped ? std::nullopt : map_of(in);
  const auto out_map = map_of(out);
  if (plan_.is_pumped) {
    const launch_options& o = plan_.options;
    pump_ = std::make_shared<pump>(
        api(), handle_, in,
        pump::settings{plan_.id, o.urgent_lane, caller_spin_ns(o), plan_.device});
    pump_->start();
  }
  input_.emplace(api(), in, in_map ? &*in_map : nullptr, pump_.get());
  output_.emplace(api(), out, out_map ? &*out_map : nullptr);
  router_.emplace(*output_, caller_spin_ns(plan_.options));
  if (plan_.options.output_full != when_full::block) router_->drop_what_is_left();
  if (plan_.options.duplicate_window != 0) keys_.emplace(plan_.options.duplicate_window);
  router_->watch([](void* self) { return static_cast<instance*>(self)->health(); },
                 [](void* self) -> std::shared_ptr<const void> {
                   return static_cast<instance*>(self)->weak_from_this().lock();
                 },
                 this);
  router_->hand_late_calls_to(
      [](void* self, const rondo_envelope& header, const std::byte* payload) {
        return static_cast<completions*>(self)->arrived(header, payload);
      },
      plan_.async.get());
}

instance::~instance() {
  if (pump_) pump_->stop();
  const host_call_guard guard;
  const auto state = static_cast<kernel_state>(api().kernel.state(handle_));
  if (state != kernel_state::terminated && state != kernel_state::failed) {
    rondo_terminate_report report{};
    report.struct_size = sizeof report;
    api().kernel.terminate(handle_, RONDO_TERMINATE_DISCARD, 1'000'000'000, &report, nullptr);
  }
  api().kernel.destroy(handle_);
}

rondo_queue_info instance::queue_info(bool input) const {
  const host_call_guard guard;
  rondo_queue_info info{};
  info.struct_size = sizeof info;
  rondo_queue* const queue = input ? api().kernel.input(handle_) : api().kernel.output(handle_);
  const auto read = [&] { api().queue.info(queue, &info); };
  if (input) info.depth += with_staged(read);
  else read();
  return info;
}

kernel_state instance::state() const {
  const host_call_guard guard;
  const auto now = static_cast<kernel_state>(api().kernel.state(handle_));
  if (now == kernel_state::failed) closed_.store(true, std::memory_order_release);  // SYNC: closed
  return now;
}

// Why a closed kernel takes no request.
status instance::refusal() const {
  return state() == kernel_state::failed ? cause().code : RONDO_TERMINATED;
}

status instance::health() const {
  if (state() == kernel_state::failed) return cause().code;
  return pump_ ? pump_->trouble() : RONDO_OK;
}

// A backend that has no answer, or says that all is well, leaves it at HANDLER_HUNG.
instance::failure_cause instance::cause() const {
  char text[512];
  std::uint32_t length = 0;
  status code;
  {
    const host_call_guard guard;
    code = api().kernel.failure(handle_, text, sizeof text, &length);
  }
  if (code >= RONDO_OK || code == RONDO_UNSUPPORTED) return {};
  return {code, std::string(text, std::min<std::size_t>(length, sizeof text))};
}

void instance::activate(nanoseconds deadline) {
  const std::lock_guard lock(lifecycle_);
  const host_call_guard guard;
  explanation why;
  why.require(api().kernel.activate(handle_, count_ns(deadline), why.sink()), plan_.id);
}

void instance::deactivate(nanoseconds deadline) {
  const std::lock_guard lock(lifecycle_);
  const host_call_guard guard;
  explanation why;
  why.require(api().kernel.deactivate(handle_, count_ns(deadline), why.sink()), plan_.id);
}

terminate_report instance::terminate(const terminate_options& options) {
  const std::lock_guard lock(lifecycle_);
  closed_.store(true, std::memory_order_release);  // SYNC: closed
  deadline until(options.deadline.count());
  const std::uint64_t handled_before = begin_end(options.mode, until);
  rondo_terminate_report report{};
  report.struct_size = sizeof report;
  explanation why;
  status code;
  {
    // The backend would count a request that is being pushed only when the kernel runs again.
    const auto no_push = options.mode == terminate_mode::drain ? pump::hold{} : hold_pump();
    const host_call_guard guard;
    code = api().kernel.terminate(handle_, static_cast<std::uint32_t>(options.mode), until.left(),
                                  &report, why.sink());
  }
  report.handled += handled_before;
  std::uint64_t given_up = 0;
  const kernel_state now = state();
  if (now == kernel_state::terminated || now == kernel_state::failed) {
    given_up = end_staging();
    report.discarded += given_up;
    router_->end();
  } else {
    if (pump_) pump_->reopen();
    closed_.store(false, std::memory_order_release);  // SYNC: closed
  }
  if (report.discarded > 0)
    log()->info("{}: {} requests were discarded when it was terminated", plan_.id,
                report.discarded);
  require_ended(code, options.mode, given_up, why);
  return {report.handled, report.discarded};
}

void instance::retire() {
  const std::lock_guard lock(lifecycle_);
  retired_ = true;
}

void instance::relaunch() {
  const std::lock_guard lock(lifecycle_);
  if (retired_)
    throw error(RONDO_INVALID_STATE, plan_.id, "the runtime has let go of this kernel",
                "Launch a new one");
  if (!api().has(RONDO_CAP_RELAUNCH))
    throw error(RONDO_UNSUPPORTED, plan_.id,
                fmt::format("backend {} cannot launch a kernel again", backend()),
                "Launch a new kernel");
  // First what may take too long and is easily undone.
  deadline until(plan_.options.launch_deadline.count());
  if (!router_->begin(until))
    throw error(RONDO_TIMEOUT, plan_.id, "a thread still reads replies of the kernel's last life",
                "Let calls return before relaunching");
  explanation why;
  try {
    const host_call_guard guard;
    why.require(api().kernel.launch(handle_, count_ns(plan_.options.launch_deadline), why.sink()),
                plan_.id);
  } catch (...) {
    router_->end();
    throw;
  }
  if (pump_) pump_->reopen();
  closed_.store(false, std::memory_order_release);  // SYNC: closed
}

kernel_snapshot instance::snapshot() const {
  rondo_kernel_counters c{};
  c.struct_size = sizeof c;
  std::uint64_t staged = 0;
  {
    const host_call_guard guard;
    status code = RONDO_OK;
    staged = with_staged([&] { code = api().kernel.counters(handle_, &c); });
    explanation().require(code, plan_.id);
  }
  const auto ns = [](std::uint64_t n) { return nanoseconds(static_cast<std::int64_t>(n)); };
  kernel_snapshot s;
  s.id = plan_.id;
  s.backend = backend();
  s.state = static_cast<kernel_state>(c.state);
  if (s.state == kernel_state::failed) {
    auto why = cause();
    s.failure_code = why.code;
    s.failure = std::move(why.text);
  }
  s.messages_in = c.messages_in;
  s.messages_out = c.messages_out;
  s.messages_failed = c.messages_failed;
  s.messages_dropped = c.messages_dropped;
  s.bytes_in = c.bytes_in;
  s.bytes_out = c.bytes_out;
  s.polls = c.polls;
  s.input_depth = c.input_depth + staged;
  s.output_depth = c.output_depth;
  s.uptime = ns(c.uptime_ns);
  const std::uint64_t now = ring::now_ns();
  if (c.heartbeat_ns != 0 && now > c.heartbeat_ns) s.since_heartbeat = ns(now - c.heartbeat_ns);
  s.handler_samples = c.handler_samples;
  if (c.handler_samples > 0) s.handler_sampled_mean = ns(c.handler_sampled_ns / c.handler_samples);
  s.handler_sampled_max = ns(c.handler_sampled_max_ns);
  std::copy(std::begin(c.handling), std::end(c.handling), s.handling.buckets.begin());
  std::copy(std::begin(c.queueing), std::end(c.queueing), s.queueing.buckets.begin());
  s.messages_dropped += input_->given_up();
  s.sent = input_->sent();
  s.late_replies = router_->late();
  s.dropped_oldest = c.dropped_oldest;
  s.expired = c.expired + expired_.load(std::memory_order_relaxed);
  s.dropped_newest = dropped_newest_.load(std::memory_order_relaxed);
  s.duplicates = keys_ ? keys_->duplicates() : 0;
  s.replies_dropped = c.replies_dropped + router_->dropped();
  if (pump_) {
    s.pumped = pump_->moved();
    s.pump_calls = pump_->pushes();
    s.messages_dropped += pump_->discarded();
  }
  return s;
}

}  // namespace rondo::detail
