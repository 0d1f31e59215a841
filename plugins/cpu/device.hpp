// The CPU as a backend with one device: the processors this process may use, host memory, kernels.
#pragma once

#include "memory.hpp"
#include "pool.hpp"
#include "processors.hpp"

#include <rondo/backend/backend.hpp>

#include <memory>

namespace rondo::cpu {

class device final : public backend::device {
 public:
  device(const processor_set& processors, std::uint32_t pool_size)
      : processors_(processors), pool_(std::make_shared<pool>(processors, pool_size)) {}
  ~device() override { pool_->close(); }
  std::unique_ptr<backend::kernel> create_kernel(const rondo_kernel_params& params) override;
  std::vector<std::pair<std::string, std::string>> properties() override;
  rondo_buffer_handle create_buffer(std::uint64_t bytes) override;
  rondo_buffer_handle create_visible_buffer(std::uint64_t bytes, void*& host) override;
  rondo_status destroy_buffer(rondo_buffer_handle handle) override;
  void write_buffer(rondo_buffer_handle handle, std::uint64_t offset, const void* from,
                    std::uint64_t bytes) override;
  void read_buffer(rondo_buffer_handle handle, std::uint64_t offset, void* to,
                   std::uint64_t bytes) override;

 private:
  const processor_set processors_;
  std::shared_ptr<buffer_table> buffers_ = std::make_shared<buffer_table>();
  std::shared_ptr<pool> pool_;
};

class cpu_backend final : public backend::backend {
 public:
  std::uint32_t device_count() override { return 1; }
  rondo_status device_info(std::uint32_t index, rondo_device_info& out) override;
  std::unique_ptr<::rondo::backend::device> open_device(std::uint32_t index,
                                                        const rondo_option* options,
                                                        std::uint64_t option_count) override;

 private:
  const processor_set processors_ = processor_set::of_this_thread();
};

}  // namespace rondo::cpu
