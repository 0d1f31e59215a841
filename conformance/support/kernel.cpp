// A kernel through the C tables.
#include "kernel.hpp"

#include <rondo/host_services.hpp>

#include <algorithm>

namespace rondo::conformance {

namespace {

rondo_queue_params queue_of(const kernel_spec& spec, const std::string& name,
                            std::uint64_t capacity, std::uint32_t payload, std::uint32_t flags,
                            std::uint32_t lanes) {
  rondo_queue_params params{};
  params.struct_size = sizeof params;
  params.publication = spec.publication;
  params.name = c_text(name);
  params.capacity = capacity;
  params.payload_capacity = payload;
  params.flags = flags;
  params.lanes = lanes;
  return params;
}

std::uint32_t room_for_reply(const rondo_handler& handler) {
  return std::max(handler.response.max_bytes, static_cast<std::uint32_t>(sizeof(rondo_failure)));
}

}  // namespace

std::string_view state_text(std::uint32_t state) {
  switch (state) {
    case RONDO_STATE_CREATED: return "CREATED";
    case RONDO_STATE_LAUNCHED: return "LAUNCHED";
    case RONDO_STATE_ACTIVE: return "ACTIVE";
    case RONDO_STATE_INACTIVE: return "INACTIVE";
    case RONDO_STATE_TERMINATED: return "TERMINATED";
    case RONDO_STATE_FAILED: return "FAILED";
    default: return "no state of abi.h";
  }
}

rondo_status try_create(bench& it, const kernel_spec& spec, rondo_kernel*& out,
                        rondo_error_sink* error) {
  const rondo_handler& handler =
      spec.other_handler != nullptr ? *spec.other_handler : it.handler(spec.handler);
  rondo_kernel_params params{};
  params.struct_size = sizeof params;
  params.wait = spec.wait;
  params.id = c_text(spec.id);
  params.handler = &handler;
  params.image = spec.without_image ? nullptr : it.image();
  const std::uint32_t in =
      spec.input_payload != 0 ? spec.input_payload : std::max(handler.request.max_bytes, 1u);
  const std::uint32_t out_bytes =
      spec.output_payload != 0 ? spec.output_payload : room_for_reply(handler);
  params.input =
      queue_of(spec, spec.input_name, spec.input_capacity, in, spec.input_flags, spec.lanes);
  params.output = queue_of(spec, spec.output_name, spec.output_capacity, out_bytes,
                           spec.output_flags | RONDO_QUEUE_ONE_PRODUCER, 1);
  params.kernel_tag = spec.kernel_tag;
  params.cpu = spec.cpu;
  params.grid = spec.grid;
  params.block = spec.block;
  params.handler_deadline_ns = spec.handler_deadline_ns;
  params.lease_ns = spec.lease_ns;
  params.threads = spec.threads;
  // Gone when create has returned: the backend has to keep one of its own.
  std::vector<std::byte> argument;
  if (spec.start.has_value()) {
    argument = *spec.start;
    params.start_bytes = static_cast<std::uint32_t>(argument.size());
    argument.resize(argument.size() + 1);  // never NULL
    params.start_argument = argument.data();
  }
  std::vector<rondo_option> options;
  for (const auto& [key, value] : it.with().options)
    options.push_back({c_text(key), c_text(value)});
  for (const auto& [key, value] : spec.options) options.push_back({c_text(key), c_text(value)});
  params.options = options.data();
  params.option_count = options.size();
  params.struct_size = spec.params_size;
  std::memset(reinterpret_cast<std::byte*>(&params) + spec.params_size, 0xc5,
              sizeof params - spec.params_size);
  rondo_device* const device = it.device();
  const host_call_guard guard;
  const rondo_status status = it.api().kernel.create(device, &params, &out, error);
  std::fill(argument.begin(), argument.end(), std::byte{0xa5});
  return status;
}

// ---- replies

void received::fail_as(const place& at) const {
  const auto why = failure(at);
  conformance::fail("the reply is a failure, " + status_text(why.code) + ": " + why.text, at);
}

void received::fail_decode(const char* type, const place& at) const {
  conformance::fail("the reply's " + std::to_string(payload.size()) + " bytes are not a message " +
                        type + ": what came back is not what the handler answers",
                    at);
}

received::failure_text received::failure(const place& at) const {
  require(failed(), "the reply must be a failure (RONDO_FLAG_FAILED), and it is a response", at);
  constexpr std::size_t fixed = offsetof(rondo_failure, text);
  require(payload.size() >= fixed && payload.size() <= sizeof(rondo_failure),
          "a failure's payload is a rondo_failure: 8 bytes and at most 200 bytes of text", at);
  failure_text out{};
  std::memcpy(&out.code, payload.data(), sizeof out.code);
  std::memcpy(&out.user_code, payload.data() + sizeof out.code, sizeof out.user_code);
  out.text.assign(reinterpret_cast<const char*>(payload.data()) + fixed, payload.size() - fixed);
  return out;
}

// ---- the kernel

test_kernel::test_kernel(bench& it, const kernel_spec& spec) : it_(it), api_(it.api()) {
  explanation_record why;
  const rondo_status status = try_create(it, spec, kernel_, why.sink());
  if (status != RONDO_OK)
    fail("create of a kernel of " + std::string(spec.handler) + " returned " + status_text(status) +
         ": " + why.message);
  require(kernel_ != nullptr, "create returned OK and gave no kernel");
  const host_call_guard guard;
  input_ = api_.kernel.input(kernel_);
  output_ = api_.kernel.output(kernel_);
  require(input_ != nullptr && output_ != nullptr, "a created kernel has no input or no output");
  const rondo_handler& handler =
      spec.other_handler != nullptr ? *spec.other_handler : it.handler(spec.handler);
  output_payload_ = spec.output_payload != 0 ? spec.output_payload : room_for_reply(handler);
}

test_kernel::~test_kernel() { destroy(); }

void test_kernel::destroy() {
  if (kernel_ == nullptr) return;
  const host_call_guard guard;
  const std::uint32_t now = api_.kernel.state(kernel_);
  if (now == RONDO_STATE_LAUNCHED || now == RONDO_STATE_ACTIVE || now == RONDO_STATE_INACTIVE) {
    rondo_terminate_report report{};
    report.struct_size = sizeof report;
    api_.kernel.terminate(kernel_, RONDO_TERMINATE_DISCARD, 1'000'000'000, &report, nullptr);
  }
  api_.kernel.destroy(std::exchange(kernel_, nullptr));
}

rondo_status test_kernel::try_launch(std::uint64_t deadline_ns, rondo_error_sink* error) {
  const host_call_guard guard;
  return api_.kernel.launch(kernel_, deadline_ns, error);
}
rondo_status test_kernel::try_activate(std::uint64_t deadline_ns, rondo_error_sink* error) {
  const host_call_guard guard;
  return api_.kernel.activate(kernel_, deadline_ns, error);
}
rondo_status test_kernel::try_deactivate(std::uint64_t deadline_ns, rondo_error_sink* error) {
  const host_call_guard guard;
  return api_.kernel.deactivate(kernel_, deadline_ns, error);
}
rondo_status test_kernel::try_terminate(std::uint32_t mode, std::uint64_t deadline_ns,
                                        rondo_terminate_report& report, rondo_error_sink* error) {
  report = {};
  report.struct_size = sizeof report;
  const host_call_guard guard;
  return api_.kernel.terminate(kernel_, mode, deadline_ns, &report, error);
}

namespace {
constexpr std::uint64_t launch_ns = 30'000'000'000;
}

test_kernel& test_kernel::launch(const place& at) {
  explanation_record why;
  const rondo_status status = try_launch(launch_ns, why.sink());
  if (status != RONDO_OK) fail("launch returned " + status_text(status) + ": " + why.message, at);
  count_check();
  return *this;
}
test_kernel& test_kernel::activate(const place& at) {
  explanation_record why;
  const rondo_status status = try_activate(it_.patience_ns(), why.sink());
  if (status != RONDO_OK) fail("activate returned " + status_text(status) + ": " + why.message, at);
  count_check();
  return *this;
}
test_kernel& test_kernel::deactivate(const place& at) {
  explanation_record why;
  const rondo_status status = try_deactivate(it_.patience_ns(), why.sink());
  if (status != RONDO_OK)
    fail("deactivate returned " + status_text(status) + ": " + why.message, at);
  count_check();
  return *this;
}
test_kernel& test_kernel::start(const place& at) { return launch(at).activate(at); }

rondo_terminate_report test_kernel::terminate(std::uint32_t mode, const place& at) {
  explanation_record why;
  rondo_terminate_report report{};
  const rondo_status status = try_terminate(mode, it_.patience_ns(), report, why.sink());
  if (status != RONDO_OK)
    fail("terminate returned " + status_text(status) + ": " + why.message, at);
  count_check();
  return report;
}

rondo_status test_kernel::try_push(std::span<const std::byte> payload, std::uint32_t version,
                                   std::uint64_t correlation, std::uint16_t type) {
  const rondo_status status =
      try_push_as(sent_ + 1, payload, version, correlation != 0 ? correlation : sent_ + 1, type);
  if (status == RONDO_OK) ++sent_;
  return status;
}

rondo_status test_kernel::try_push_as(std::uint64_t id, std::span<const std::byte> payload,
                                      std::uint32_t version, std::uint64_t correlation,
                                      std::uint16_t type) {
  rondo_envelope header{};
  header.length = static_cast<std::uint32_t>(payload.size());
  header.type = type;
  header.version = static_cast<std::uint16_t>(version);
  header.message_id = id;
  header.correlation_id = correlation;
  const host_call_guard guard;
  return api_.queue.push(input_, &header, payload.data());
}

rondo_status test_kernel::try_receive(received& out) {
  out.payload.resize(output_payload_);
  out.header = {};
  const host_call_guard guard;
  const rondo_status status =
      api_.queue.pop(output_, &out.header, out.payload.data(), output_payload_);
  if (status != RONDO_OK) return status;
  if (out.header.length > output_payload_)
    fail("pop returned OK and a length of " + std::to_string(out.header.length) +
         ", more than the " + std::to_string(output_payload_) + " bytes that a slot can carry");
  out.payload.resize(out.header.length);
  return status;
}

std::string test_kernel::why_no_reply() const {
  const auto now = counters();
  std::string why = "no reply came within " + std::to_string(it_.patience().count() / 1'000'000) +
                    " ms to the last of " + std::to_string(sent_) +
                    " requests that were accepted; the kernel is " +
                    std::string(state_text(state())) + " and says that it has handled " +
                    std::to_string(now.messages_in);
  if (now.messages_in > sent_)
    why +=
        ". That is more than it was sent: it runs, counts its rounds, and never looks at its "
        "input";
  else if (now.messages_in == sent_) why += ", so the reply was lost on its way back";
  return why;
}

received test_kernel::receive(const place& at) {
  received reply;
  rondo_status status = RONDO_EMPTY;
  eventually([&] { return (status = try_receive(reply)) != RONDO_EMPTY; }, it_.patience());
  if (status == RONDO_EMPTY) fail(why_no_reply(), at);
  expect_status(status, RONDO_OK, "pop", at);
  return reply;
}

void test_kernel::expect_silence(nanoseconds time, std::string_view why, const place& at) {
  received reply;
  rondo_status status = RONDO_EMPTY;
  eventually([&] { return (status = try_receive(reply)) != RONDO_EMPTY; }, time);
  expect_status(status, RONDO_EMPTY, "pop, where no reply may come: " + std::string(why) + ",", at);
}

std::uint32_t test_kernel::state() const {
  const host_call_guard guard;
  return api_.kernel.state(kernel_);
}

void test_kernel::expect_state(std::uint32_t due, std::string_view when, const place& at) {
  const std::uint32_t now = state();
  count_check();
  if (now != due)
    fail("the kernel's state is " + std::string(state_text(now)) + " " + std::string(when) + "; " +
             std::string(state_text(due)) + " is due",
         at);
}

rondo_kernel_counters test_kernel::counters() const {
  rondo_kernel_counters out{};
  out.struct_size = sizeof out;
  const host_call_guard guard;
  expect_status(api_.kernel.counters(kernel_, &out), RONDO_OK, "counters");
  return out;
}

rondo_kernel_counters test_kernel::counters_when(const counter_checks& hold) const {
  rondo_kernel_counters out{};
  const auto look = [&] {
    out = counters();
    return holds([&] { hold(out); });
  };
  if (!eventually(look, it_.patience())) hold(out);
  return out;
}

rondo_kernel_counters test_kernel::counters_at(std::uint64_t messages_in) const {
  rondo_kernel_counters out{};
  eventually(
      [&] {
        out = counters();
        return out.messages_in >= messages_in;
      },
      it_.patience());
  return out;
}

rondo_queue_info test_kernel::info(rondo_queue* queue, const place& at) const {
  rondo_queue_info out{};
  out.struct_size = sizeof out;
  const host_call_guard guard;
  expect_status(api_.queue.info(queue, &out), RONDO_OK, "info", at);
  return out;
}

}  // namespace rondo::conformance
