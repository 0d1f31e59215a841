// A window into device memory that the host writes through the bus: requests then lie where the
// kernel polls fastest. Had through Vulkan or GDRCopy, which are opened at run time where they are
// there and never required. The host writes it in whole 64-byte lines, so a processor without such
// a store has no window.
#pragma once

#include "context.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace rondo::cuda {

class bar_window {
 public:
  static constexpr std::size_t bytes = std::size_t{16} << 20;

  // nullopt, and why, where there is none. The bytes that the host writes are read back through
  // CUDA before the window counts. The first line is the start-up ping's.
  static std::optional<bar_window> open(CUcontext context, CUdevice device, std::string& why_none);

  bar_window(bar_window&&) noexcept;
  bar_window& operator=(bar_window&&) noexcept;
  ~bar_window();

  std::byte* host() const;
  std::uint64_t device() const;

  struct piece {
    std::byte* host = nullptr;
    std::uint64_t device = 0;
    std::size_t bytes = 0;
  };
  // Aligned to 128; an empty piece if there is no room. Any thread.
  piece allocate(std::size_t bytes);
  void release(const piece& p);

 private:
  struct parts;
  explicit bar_window(std::unique_ptr<parts> opened);
  std::unique_ptr<parts> parts_;
};

}  // namespace rondo::cuda
