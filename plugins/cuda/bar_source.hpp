// Ways to a window into device memory. Each opens its library at run time, and throws no_window
// with the reason where it leads nowhere.
#pragma once

#include "bar.hpp"

namespace rondo::cuda {

// What went wrong, as a sentence's end.
struct no_window {
  std::string why;
};

// bar_window::bytes of device memory, and where host and device see them.
struct window_source {
  virtual ~window_source() = default;
  std::byte* host = nullptr;
  CUdeviceptr device = 0;
};

// With the context current.
std::unique_ptr<window_source> open_through_vulkan(CUcontext context, CUdevice device);
std::unique_ptr<window_source> open_through_gdrcopy(CUcontext context);

}  // namespace rondo::cuda
