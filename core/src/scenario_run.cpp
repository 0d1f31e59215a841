// Drives a module's scenarios and judges what the module cannot see: ids, correlation, counts.
#include <rondo/scenario_run.hpp>

#include "plugin_objects.hpp"
#include "reply_router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace rondo {

namespace {

using detail::explanation;
using detail::view_of;

// The scenario's buffers, on the device of the kernel under test.
class buffer_service {
 public:
  explicit buffer_service(const kernel_handle& kernel)
      : kernel_(kernel), host_{sizeof host_, 0, this, &create, &write, &read, &release} {}
  buffer_service(const buffer_service&) = delete;
  buffer_service& operator=(const buffer_service&) = delete;
  const rondo_scenario_host& host() const { return host_; }

 private:
  template <class F>
  static rondo_status guarded(F&& body) {
    try {
      body();
      return RONDO_OK;
    } catch (const error& e) {
      return e.code();
    } catch (...) {
      return RONDO_INTERNAL;
    }
  }
  buffer& find(rondo_buffer_handle handle) {
    const auto found = buffers_.find(handle);
    if (found == buffers_.end()) throw error(RONDO_NO_SUCH_BUFFER, "scenario", "no such buffer");
    return found->second;
  }
  static buffer_service& self_of(void* self) { return *static_cast<buffer_service*>(self); }
  static rondo_status create(void* self, std::uint64_t bytes, rondo_buffer_handle* out) {
    return guarded([&] {
      buffer made = self_of(self).kernel_.create_buffer(bytes);
      *out = made.ref().handle;
      self_of(self).buffers_.emplace(*out, std::move(made));
    });
  }
  static rondo_status write(void* self, rondo_buffer_handle handle, std::uint64_t offset,
                            const void* from, std::uint64_t bytes) {
    return guarded([&] { self_of(self).find(handle).write_bytes(offset, from, bytes); });
  }
  static rondo_status read(void* self, rondo_buffer_handle handle, std::uint64_t offset, void* to,
                           std::uint64_t bytes) {
    return guarded([&] { self_of(self).find(handle).read_bytes(offset, to, bytes); });
  }
  static void release(void* self, rondo_buffer_handle handle) {
    self_of(self).buffers_.erase(handle);
  }

  const kernel_handle& kernel_;
  rondo_scenario_host host_;
  std::map<rondo_buffer_handle, buffer> buffers_;
};

class open_scenario {
 public:
  open_scenario(const rondo_scenario& record, const rondo_scenario_host& host) : record_(record) {
    explanation why;
    why.require(record_.open(&host, &self_, why.sink()), view_of(record_.name));
  }
  ~open_scenario() { record_.close(self_); }
  open_scenario(const open_scenario&) = delete;
  open_scenario& operator=(const open_scenario&) = delete;
  void* self() const { return self_; }

 private:
  const rondo_scenario& record_;
  void* self_ = nullptr;
};

[[noreturn]] void refuse(std::string what) {
  throw error(RONDO_HANDLER_FAILED, "reply", std::move(what));
}

// The envelope's part of the oracle.
void check_reply(const rondo_envelope& reply, std::uint64_t& last_id) {
  if (reply.type != RONDO_TYPE_RESPONSE) refuse(fmt::format("its type is {}", reply.type));
  if (reply.message_id <= last_id)
    refuse(fmt::format("its id {} does not follow {}", reply.message_id, last_id));
  last_id = reply.message_id;
}

void run_case(kernel_handle& kernel, const rondo_handler& handler, const rondo_scenario& record,
              void* self, std::uint32_t i, nanoseconds timeout, std::uint64_t& last_id,
              scenario_case& out) {
  std::vector<std::byte> request(handler.request.max_bytes);
  std::uint32_t length = 0;
  char label[128] = "";
  explanation why;
  const status made = record.next(self, i, request.data(), handler.request.max_bytes, &length,
                                  label, sizeof label, why.sink());
  out.label = label[0] != '\0' ? label : fmt::format("message {}", i + 1);
  why.require(made, view_of(record.name));
  const std::uint64_t before = kernel.snapshot().messages_in;
  std::vector<std::byte> payload;
  const std::uint64_t begin = ring::now_ns();
  const auto reply =
      kernel.call_bytes(request.data(), length, static_cast<std::uint16_t>(handler.request.version),
                        payload, timeout);
  out.round_trip = nanoseconds(static_cast<std::int64_t>(ring::now_ns() - begin));
  // The kernel counts a request once it has let go of it, which may be just after its reply is out.
  // Also where the case fails below, or the next would count this one's.
  constexpr std::int64_t settling_ns = 1'000'000'000;
  detail::deadline until(reply ? timeout.count() : std::min(timeout.count(), settling_ns));
  std::uint64_t handled;
  while ((handled = kernel.snapshot().messages_in - before) == 0 && !until.passed())
    ring::platform::pause();
  check_reply(*reply, last_id);
  explanation verdict;
  verdict.require(record.check(self, i, &*reply, payload.data(), verdict.sink()),
                  view_of(record.name));
  if (handled != 1) refuse(fmt::format("one request was sent and the kernel counts {}", handled));
}

}  // namespace

std::vector<scenario_outcome> run_scenarios(
    kernel_handle& kernel, nanoseconds timeout,
    const std::function<void(const std::string&, const scenario_case&)>& progress) {
  std::vector<scenario_outcome> outcomes;
  const auto found = kernel.records();
  for (const rondo_scenario* record : found.scenarios) {
    scenario_outcome outcome;
    outcome.name = view_of(record->name);
    buffer_service buffers(kernel);
    const open_scenario scenario(*record, buffers.host());
    std::uint64_t last_id = 0;
    for (std::uint32_t i = 0; i < record->message_count; ++i) {
      scenario_case one;
      try {
        run_case(kernel, *found.handler, *record, scenario.self(), i, timeout, last_id, one);
      } catch (const error& failed) {
        one.code = failed.code();
        one.failure = failed.message();
      }
      if (progress) progress(outcome.name, one);
      outcome.cases.push_back(std::move(one));
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

}  // namespace rondo
