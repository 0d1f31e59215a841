// Device images of kernel modules: loaded once per device, every function at once, and probed. The
// driver waits for resident kernels when it loads code or first launches it, so all entries of a
// module are probed with the first that is asked for: the others can be launched beside a busy
// kernel. A probe is a launch that writes down how the device compiler saw the structures both
// sides share, and what it knows of the handler; a difference is refused before anything runs.
#pragma once

#include "image_check.hpp"
#include "memory.hpp"
#include "monitor.hpp"
#include "streams.hpp"

#include <rondo/device/contract.hpp>

#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace rondo::cuda {

// Of a handler's two entries, see RONDO_KERNEL.
enum class entry_kind { plain, by_rules };

struct entry_point {
  CUfunction function = nullptr;
  device::probe_record facts{};
  int max_threads = 0;   // per block, with the registers it takes
  int shared_bytes = 0;  // per block, beside what a launch asks for
};

class image_cache {
 public:
  image_cache(CUcontext context, pinned_arena& pinned, stream_pool& streams, monitor& residents);
  ~image_cache();
  image_cache(const image_cache&) = delete;
  image_cache& operator=(const image_cache&) = delete;

  // Any thread; at most 10 s. Resident kernels are away while code is loaded. Throws NO_IMAGE,
  // VERSION_MISMATCH (naming the fact and both values), DEVICE_LOST, TIMEOUT.
  const entry_point& find(const rondo_image& image, const rondo_handler& handler, entry_kind which);

 private:
  CUmodule load(const rondo_image& image, const std::string& handler);
  void load_and_probe(const rondo_image& image, const std::string& handler,
                      const std::string& entry);
  entry_point probe(CUfunction function, const std::string& handler);
  void probe_others(CUmodule module, const void* image);
  void run_probe(CUfunction function, device::probe_record& to, const std::string& handler);

  const CUcontext context_;
  pinned_arena& pinned_;
  stream_pool& streams_;
  monitor& residents_;
  std::mutex mutex_;
  std::map<const void*, CUmodule> modules_;
  std::map<std::pair<const void*, std::string>, entry_point> entries_;
};

}  // namespace rondo::cuda
