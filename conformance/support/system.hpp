// What the process holds, for leaks; and what it writes to its terminal, for plugins that must not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace rondo::conformance {

struct holdings {
  std::size_t threads = 0;
  std::size_t descriptors = 0;
  std::uint64_t heap_bytes = 0;  // in use, as malloc counts; 0 where a sanitizer keeps the books
  std::uint64_t resident_bytes = 0;  // of the process
  std::uint64_t host_bytes = 0;      // that the plugin holds of the host's allocator
};

// Waits until no thread is on its way out, at most a second.
holdings count_holdings(std::size_t threads_due = ~std::size_t{0});

// Keeps what is written to stdout and stderr while it lives.
class terminal_watch {
 public:
  terminal_watch();
  ~terminal_watch();
  terminal_watch(const terminal_watch&) = delete;
  std::string written();

 private:
  int file_, saved_[2];
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif

}  // namespace rondo::conformance
