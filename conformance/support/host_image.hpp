// A handler's host image run in this process, without any backend: what its replies have to be.
// One thread.
#pragma once

#include <rondo/abi.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace rondo::conformance {

struct host_reply {
  std::uint32_t flags = 0;
  std::uint16_t version = 0;
  std::vector<std::byte> payload;
};

class host_image {
 public:
  explicit host_image(const rondo_handler& handler);
  ~host_image();
  host_image(const host_image&) = delete;

  // All replies to one request: what the handler commits, then its failure if it failed.
  std::vector<host_reply> handle(const rondo_envelope& request,
                                 const std::vector<std::byte>& payload, std::uint64_t kernel_tag);

 private:
  struct free_state {
    std::size_t alignment;
    void operator()(void* p) const { ::operator delete(p, std::align_val_t(alignment)); }
  };
  const rondo_handler& handler_;
  std::unique_ptr<void, free_state> state_;
};

}  // namespace rondo::conformance
