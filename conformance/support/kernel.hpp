// One kernel of the backend under test, driven through the tables of the C ABI and nothing else.
// It is ended and destroyed with the object, however a case ends. Threads as abi.h states for the
// slot of the same name.
#pragma once

#include "bench.hpp"

#include "../kernels/messages.hpp"

#include <atomic>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo::conformance {

namespace kernels = conformance_kernels;

struct kernel_spec {
  std::string_view handler = "ConformanceNonce";
  std::string id = "under-test";
  std::string input_name = "ringkernel_Request_under-test_input";
  std::string output_name = "ringkernel_Reply_under-test_output";
  std::uint64_t input_capacity = 64, output_capacity = 64;
  std::uint32_t input_payload = 0, output_payload = 0;  // 0: the handler's
  std::uint32_t publication = RONDO_PUBLISH_DEFAULT;
  std::uint32_t input_flags = 0;
  std::uint32_t output_flags = 0;
  std::uint32_t lanes = 1;  // of the input
  std::uint32_t wait = RONDO_WAIT_DEFAULT;
  std::int32_t cpu = -1;
  std::uint32_t grid = 0, block = 0;
  std::uint64_t handler_deadline_ns = 0, lease_ns = 0;
  std::uint64_t kernel_tag = 77;
  std::uint32_t threads = RONDO_THREADS_DEDICATED;
  std::optional<std::vector<std::byte>> start{};  // the start argument's bytes
  std::vector<std::pair<std::string, std::string>> options{};
  const rondo_handler* other_handler = nullptr;  // in place of the suite's
  // What an older host knows of rondo_kernel_params; behind it lies what is nobody's.
  std::uint32_t params_size = sizeof(rondo_kernel_params);
  bool without_image = false;
};

template <class T>
std::vector<std::byte> encoded(const T& message) {
  std::vector<std::byte> bytes(rondo::detail::max_bytes<T>());
  const auto n = encode(message, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(n));
  return bytes;
}

// What create() itself returns; `out` keeps its value unless it is OK.
rondo_status try_create(bench& it, const kernel_spec& spec, rondo_kernel*& out,
                        rondo_error_sink* error = nullptr);

struct received {
  rondo_envelope header{};
  std::vector<std::byte> payload;

  bool failed() const { return (header.flags & RONDO_FLAG_FAILED) != 0; }
  template <class T>
  T as(const place& at = place::current()) const {
    if (failed()) fail_as(at);
    T value{};
    count_check();
    if (!decode(payload.data(), static_cast<std::uint32_t>(payload.size()), value))
      fail_decode(rondo::detail::message_of<T>.wire_name, at);
    return value;
  }
  // Of a reply that must be a failure.
  struct failure_text {
    std::int32_t code, user_code;
    std::string text;
  };
  failure_text failure(const place& at = place::current()) const;

 private:
  [[noreturn]] void fail_as(const place& at) const;
  [[noreturn]] void fail_decode(const char* type, const place& at) const;
};

class test_kernel {
 public:
  explicit test_kernel(bench& it, const kernel_spec& spec = {});
  ~test_kernel();
  test_kernel(const test_kernel&) = delete;

  // OK is due. start() is launch and activate.
  test_kernel& launch(const place& at = place::current());
  test_kernel& activate(const place& at = place::current());
  test_kernel& deactivate(const place& at = place::current());
  test_kernel& start(const place& at = place::current());
  rondo_terminate_report terminate(std::uint32_t mode = RONDO_TERMINATE_DRAIN,
                                   const place& at = place::current());
  void destroy();

  // Whatever they return.
  rondo_status try_launch(std::uint64_t deadline_ns, rondo_error_sink* error = nullptr);
  rondo_status try_activate(std::uint64_t deadline_ns, rondo_error_sink* error = nullptr);
  rondo_status try_deactivate(std::uint64_t deadline_ns, rondo_error_sink* error = nullptr);
  rondo_status try_terminate(std::uint32_t mode, std::uint64_t deadline_ns,
                             rondo_terminate_report& report, rondo_error_sink* error = nullptr);

  // Messages. Ids count from 1; the correlation is the id unless given.
  template <class T>
  rondo_status try_send(const T& message, std::uint64_t correlation = 0) {
    return try_push(encoded(message), rondo::detail::message_of<T>.version, correlation);
  }
  // Waits for room.
  template <class T>
  void send(const T& message, std::uint64_t correlation = 0, const place& at = place::current()) {
    rondo_status status = RONDO_FULL;
    eventually([&] { return (status = try_send(message, correlation)) != RONDO_FULL; },
               it_.patience());
    expect_status(status, RONDO_OK, "push", at);
  }
  rondo_status try_push(std::span<const std::byte> payload, std::uint32_t version,
                        std::uint64_t correlation = 0, std::uint16_t type = RONDO_TYPE_REQUEST);
  // With an id of its own, for several threads that send.
  rondo_status try_push_as(std::uint64_t id, std::span<const std::byte> payload,
                           std::uint32_t version, std::uint64_t correlation,
                           std::uint16_t type = RONDO_TYPE_REQUEST);
  rondo_status try_receive(received& out);  // EMPTY at once
  received receive(const place& at = place::current());
  template <class Reply, class Request>
  Reply call(const Request& message, const place& at = place::current()) {
    send(message, 0, at);
    return receive(at).template as<Reply>(at);
  }
  // Nothing comes for this long.
  void expect_silence(nanoseconds time, std::string_view why, const place& at = place::current());

  std::uint32_t state() const;
  void expect_state(std::uint32_t due, std::string_view when, const place& at = place::current());
  rondo_kernel_counters counters() const;
  // Counters are right soon after what they count, and each by itself [TEL-03]. So whatever is said
  // of several of them, or of one that was not waited for, is said here: looks until all the checks
  // hold, at most for `patience`, and what the last look still fails is the case's failure. What
  // was seen then is returned, for what must not have been counted by that time.
  using counter_checks = std::function<void(const rondo_kernel_counters&)>;
  rondo_kernel_counters counters_when(const counter_checks& hold) const;
  // Waits for this one alone; what it waits for is asserted afterwards.
  rondo_kernel_counters counters_at(std::uint64_t messages_in) const;
  rondo_queue_info info(rondo_queue* queue, const place& at = place::current()) const;

  rondo_kernel* handle() const { return kernel_; }
  rondo_queue* input() const { return input_; }
  rondo_queue* output() const { return output_; }
  std::uint64_t last_id() const { return sent_; }
  std::uint32_t output_payload() const { return output_payload_; }
  const backend_api& api() const { return api_; }
  bench& owner() const { return it_; }

 private:
  std::string why_no_reply() const;

  bench& it_;
  const backend_api& api_;
  rondo_kernel* kernel_ = nullptr;
  rondo_queue* input_ = nullptr;
  rondo_queue* output_ = nullptr;
  std::atomic<std::uint64_t> sent_ = 0;  // another thread may send
  std::uint32_t output_payload_ = 0;
};

std::string_view state_text(std::uint32_t state);

}  // namespace rondo::conformance
