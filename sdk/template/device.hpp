// The backend and its one device, which is no more than its buffers.
#pragma once

#include "memory.hpp"

#include <rondo/backend/backend.hpp>

#include <cstdint>
#include <memory>

namespace starter {

class device final : public rondo::backend::device {
 public:
  std::unique_ptr<rondo::backend::kernel> create_kernel(const rondo_kernel_params& params) override;
  rondo_buffer_handle create_buffer(std::uint64_t bytes) override;
  rondo_status destroy_buffer(rondo_buffer_handle handle) override;
  void write_buffer(rondo_buffer_handle handle, std::uint64_t at, const void* from,
                    std::uint64_t bytes) override;
  void read_buffer(rondo_buffer_handle handle, std::uint64_t at, void* to,
                   std::uint64_t bytes) override;

 private:
  std::shared_ptr<buffer_table> buffers_ = std::make_shared<buffer_table>();
};

class backend final : public rondo::backend::backend {
 public:
  std::uint32_t device_count() override { return 1; }
  rondo_status device_info(std::uint32_t index, rondo_device_info& out) override;
  std::unique_ptr<rondo::backend::device> open_device(std::uint32_t index,
                                                      const rondo_option* options,
                                                      std::uint64_t option_count) override;
};

}  // namespace starter
