// What the process offers to plugins: rondo_host_services of abi.h and the switches behind it. One
// instance for all runtimes, because a plugin is entered once and keeps the pointer until the
// process ends. Any thread, except where said.
#pragma once

#include <rondo/abi.h>
#include <rondo/export.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace spdlog {
class logger;
}

namespace rondo {

// Never destroyed: a plugin's thread may use it while the process exits.
RONDO_EXPORT const rondo_host_services& host_services() noexcept;

// Where Rondo and its plugins log. At first use this is the spdlog logger registered as "rondo"; if
// there is none, one that writes warnings and errors to stderr is made and registered. nullptr goes
// back to that choice.
RONDO_EXPORT std::shared_ptr<spdlog::logger> log();
RONDO_EXPORT void use_logger(std::shared_ptr<spdlog::logger> logger);

// Receives every span that plugins trace, on their threads. Without a sink a span is only counted.
using trace_sink =
    std::function<void(std::string_view name, std::uint64_t begin_ns, std::uint64_t end_ns)>;
RONDO_EXPORT void set_trace_sink(trace_sink sink);
RONDO_EXPORT std::uint64_t traced_spans() noexcept;

// Memory that plugins hold through allocate().
struct host_memory {
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
};
RONDO_EXPORT host_memory plugin_memory() noexcept;

// What cancelled() answers: whether the process is shutting Rondo down.
RONDO_EXPORT void set_cancelled(bool cancelled) noexcept;

// Lives on the stack around every call into a plugin, and makes on_host_call() answer 1 on this
// thread. May be nested.
class RONDO_EXPORT host_call_guard {
 public:
  host_call_guard() noexcept;
  ~host_call_guard();
  host_call_guard(const host_call_guard&) = delete;
  host_call_guard& operator=(const host_call_guard&) = delete;
};

}  // namespace rondo
