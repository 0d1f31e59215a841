// /proc, mallinfo and a file in place of the terminal.
#include "system.hpp"

#include "check.hpp"
#include "thread_count.hpp"

#include <rondo/host_services.hpp>

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace rondo::conformance {

namespace {

namespace fs = std::filesystem;

std::size_t entries_of(const char* directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

std::uint64_t resident() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t all = 0, pages = 0;
  in >> all >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

holdings count_holdings(std::size_t threads_due) {
  holdings now;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  do {
    now.threads = thread_count();
    if (now.threads <= threads_due) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  } while (std::chrono::steady_clock::now() < end);
  now.descriptors = entries_of("/proc/self/fd");
  if (!is_sanitized) now.heap_bytes = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  now.resident_bytes = resident();
  now.host_bytes = plugin_memory().bytes;
  return now;
}

terminal_watch::terminal_watch() : file_(::memfd_create("terminal", MFD_CLOEXEC)) {
  require(file_ >= 0, "no file in memory could be made");
  std::fflush(nullptr);
  for (int i : {0, 1}) {
    saved_[i] = ::dup(i + 1);
    ::dup2(file_, i + 1);
  }
}

terminal_watch::~terminal_watch() {
  std::fflush(nullptr);
  for (int i : {0, 1}) {
    ::dup2(saved_[i], i + 1);
    ::close(saved_[i]);
  }
  ::close(file_);
}

std::string terminal_watch::written() {
  std::fflush(nullptr);
  std::string all(4096, '\0');
  const auto n = ::pread(file_, all.data(), all.size(), 0);
  all.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return all;
}

}  // namespace rondo::conformance
