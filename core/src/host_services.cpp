// The functions behind rondo_host_services. Each is called from C on a plugin's thread, so none
// lets an exception out; what cannot be logged or traced is lost rather than fatal.
#include <rondo/host_services.hpp>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <mutex>
#include <new>

namespace rondo {
namespace {

struct service_state {
  std::mutex mutex;  // guards logger and sink
  std::shared_ptr<spdlog::logger> logger;
  std::shared_ptr<const trace_sink> sink;
  std::atomic<bool> has_sink{false};
  std::atomic<std::uint64_t> spans{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> blocks{0};
  std::atomic<bool> cancelled{false};
};

service_state& state() {
  static auto* const leaked = new service_state;  // outlives every plugin thread
  return *leaked;
}

thread_local std::uint32_t host_call_depth = 0;

std::string_view view(rondo_string text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.size);
}

spdlog::level::level_enum level_of(std::uint32_t level) {
  switch (level) {
    case RONDO_LOG_TRACE: return spdlog::level::trace;
    case RONDO_LOG_DEBUG: return spdlog::level::debug;
    case RONDO_LOG_INFO: return spdlog::level::info;
    case RONDO_LOG_WARNING: return spdlog::level::warn;
    default: return spdlog::level::err;  // a level that is not known yet had better be seen
  }
}

void log_message(void*, std::uint32_t level, rondo_string component,
                 rondo_string message) noexcept {
  try {
    log()->log(level_of(level), "{}: {}", view(component), view(message));
  } catch (...) {
  }
}

void trace_span(void*, rondo_string name, std::uint64_t begin_ns, std::uint64_t end_ns) noexcept {
  auto& services = state();
  services.spans.fetch_add(1, std::memory_order_relaxed);  // a counter, orders nothing
  // Only saves the lock; a span that races with set_trace_sink() may go either way.
  if (!services.has_sink.load(std::memory_order_relaxed)) return;
  try {
    std::unique_lock lock(services.mutex);
    const auto sink = services.sink;
    lock.unlock();
    if (sink) (*sink)(view(name), begin_ns, end_ns);
  } catch (...) {
  }
}

void* allocate(void*, std::uint64_t bytes, std::uint64_t alignment) noexcept {
  if (alignment == 0 || (alignment & (alignment - 1)) != 0) return nullptr;
  void* const memory = ::operator new (bytes, std::align_val_t{alignment}, std::nothrow);
  if (memory == nullptr) return nullptr;
  state().bytes.fetch_add(bytes, std::memory_order_relaxed);
  state().blocks.fetch_add(1, std::memory_order_relaxed);
  return memory;
}

void deallocate(void*, void* memory, std::uint64_t bytes, std::uint64_t alignment) noexcept {
  if (memory == nullptr) return;
  ::operator delete (memory, std::align_val_t{alignment});
  state().bytes.fetch_sub(bytes, std::memory_order_relaxed);
  state().blocks.fetch_sub(1, std::memory_order_relaxed);
}

std::uint32_t is_cancelled(void*) noexcept {
  return state().cancelled.load(std::memory_order_relaxed) ? 1 : 0;
}

std::uint32_t on_host_call(void*) noexcept { return host_call_depth > 0 ? 1 : 0; }

std::shared_ptr<spdlog::logger> find_or_make_logger() {
  if (auto registered = spdlog::get("rondo")) return registered;
  auto made = std::make_shared<spdlog::logger>(
      "rondo", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  made->set_level(spdlog::level::warn);
  try {
    spdlog::register_logger(made);
  } catch (const spdlog::spdlog_ex&) {
    // Someone registered the name in between; theirs is the one to use.
    if (auto registered = spdlog::get("rondo")) return registered;
  }
  return made;
}

constexpr rondo_host_services services = {
    sizeof(rondo_host_services),
    RONDO_ABI_VERSION,
    nullptr,
    log_message,
    trace_span,
    allocate,
    deallocate,
    is_cancelled,
    on_host_call,
};

}  // namespace

const rondo_host_services& host_services() noexcept { return services; }

std::shared_ptr<spdlog::logger> log() {
  const std::scoped_lock lock(state().mutex);
  if (!state().logger) state().logger = find_or_make_logger();
  return state().logger;
}

void use_logger(std::shared_ptr<spdlog::logger> logger) {
  const std::scoped_lock lock(state().mutex);
  state().logger = std::move(logger);
}

void set_trace_sink(trace_sink sink) {
  const std::scoped_lock lock(state().mutex);
  state().has_sink.store(static_cast<bool>(sink), std::memory_order_relaxed);
  state().sink = sink ? std::make_shared<const trace_sink>(std::move(sink)) : nullptr;
}

std::uint64_t traced_spans() noexcept { return state().spans.load(std::memory_order_relaxed); }

host_memory plugin_memory() noexcept {
  return {state().bytes.load(std::memory_order_relaxed),
          state().blocks.load(std::memory_order_relaxed)};
}

void set_cancelled(bool cancelled) noexcept {
  state().cancelled.store(cancelled, std::memory_order_relaxed);
}

host_call_guard::host_call_guard() noexcept { ++host_call_depth; }
host_call_guard::~host_call_guard() { --host_call_depth; }

}  // namespace rondo
