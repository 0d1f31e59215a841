// One CUDA device and the backend that lists them: context, memory, images, the limit of resident
// grids, the placement of rings, and the monitor that renews leases and notices faults.
#pragma once

#include "buffers.hpp"
#include "image.hpp"
#include "monitor.hpp"
#include "ping.hpp"
#include "residency.hpp"

#include <rondo/backend/backend.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rondo::cuda {

// What is known of a device without a context on it.
struct device_facts {
  CUdevice handle = 0;
  std::string name;
  std::string unusable;  // why; empty if it can be used
  std::uint64_t memory_bytes = 0;
  int multiprocessors = 0;
  int shared_bytes = 0;  // the most that one block can have
  int capability_major = 0;
  int capability_minor = 0;
  bool cooperative = false;
};

// The device's context; retained while anything of the device lives.
class primary_context {
 public:
  primary_context(CUdevice device, const std::string& name);
  ~primary_context();
  primary_context(const primary_context&) = delete;
  primary_context& operator=(const primary_context&) = delete;
  CUcontext get() const { return context_; }

 private:
  const CUdevice device_;
  CUcontext context_ = nullptr;
};

// Everything that the kernels of a device share. They keep it alive.
struct device_parts : std::enable_shared_from_this<device_parts> {
  device_parts(const device_facts& of, std::uint32_t at);

  const device_facts facts;
  const std::uint32_t index;
  primary_context context;
  pinned_arena pinned;
  device_memory memory;
  buffer_table buffers;
  stream_pool streams;
  monitor watch;
  image_cache images;
  residency residents;
  ping_result ping;
  std::optional<bar_window> bar;

  std::string name() const { return "cuda device " + std::to_string(index); }
  // A kernel was abandoned: what it may still touch, which is all of this, is kept for the life of
  // the process.
  void keep_for_ever();
  // Throws DEVICE_LOST with the reason if the device takes no more work.
  void require_alive() const;
};

class cuda_device final : public backend::device {
 public:
  explicit cuda_device(std::shared_ptr<device_parts> parts) : parts_(std::move(parts)) {}
  std::unique_ptr<backend::kernel> create_kernel(const rondo_kernel_params& params) override;
  rondo_buffer_handle create_buffer(std::uint64_t bytes) override;
  rondo_buffer_handle create_visible_buffer(std::uint64_t bytes, void*& host) override;
  rondo_status destroy_buffer(rondo_buffer_handle handle) override;
  void write_buffer(rondo_buffer_handle handle, std::uint64_t offset, const void* from,
                    std::uint64_t bytes) override;
  void read_buffer(rondo_buffer_handle handle, std::uint64_t offset, void* to,
                   std::uint64_t bytes) override;
  std::vector<std::pair<std::string, std::string>> properties() override;

 private:
  std::shared_ptr<device_parts> parts_;
};

class cuda_backend final : public backend::backend {
 public:
  cuda_backend();
  std::uint32_t device_count() override;
  std::string why_none() override;
  rondo_status device_info(std::uint32_t index, rondo_device_info& out) override;
  std::unique_ptr<::rondo::backend::device> open_device(std::uint32_t index,
                                                        const rondo_option* options,
                                                        std::uint64_t option_count) override;

 private:
  std::vector<device_facts> devices_;
  std::string why_none_;
};

}  // namespace rondo::cuda
