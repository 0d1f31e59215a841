// The ways to a kernel's queues that the model takes: the calls of abi.h, or the ring itself where
// it is mapped. One thread, but for push().
#pragma once

#include "../support/kernel.hpp"

#include <memory>
#include <span>

namespace rondo::conformance::model {

struct outgoing {
  rondo_envelope header;
  std::vector<std::byte> payload;
  std::uint64_t deadline_ns = 0;  // 0: none
};

class way {
 public:
  virtual ~way() = default;
  way() = default;
  way(const way&) = delete;

  // In the lane that the header's flags say. Only a ring takes a deadline along.
  virtual rondo_status push(const outgoing& message) = 0;
  virtual bool takes_deadlines() const = 0;
  virtual rondo_status push_batch(std::span<const outgoing> all, std::uint64_t& done) = 0;
  virtual rondo_status pop(received& out) = 0;
  // At most `count`, behind what is in `out`.
  virtual rondo_status pop_batch(std::vector<received>& out, std::uint64_t count) = 0;

  // One claim at a time; UNSUPPORTED where there is no zero copy.
  virtual rondo_status reserve(std::uint32_t bytes) = 0;
  virtual rondo_status commit(const outgoing& message) = 0;
  virtual rondo_status abandon() = 0;
  virtual rondo_status peek(received& out) = 0;
  virtual rondo_status release() = 0;

  // What a terminated kernel's queue says to those who send: a ring can only be closed.
  virtual rondo_status closed() const = 0;
};

std::unique_ptr<way> way_of_calls(bench& it, test_kernel& kernel);
// NULL where the queues cannot be mapped.
std::unique_ptr<way> way_of_the_ring(bench& it, test_kernel& kernel);

}  // namespace rondo::conformance::model
