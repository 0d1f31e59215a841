// The handler that a kernel of the model runs: what its requests look like, and what its replies
// must say after all that came before. Replies are shown in the order in which the kernel handled
// their requests.
#pragma once

#include "traits.hpp"

#include "../support/kernel.hpp"

#include <memory>

namespace rondo::conformance::model {

inline constexpr std::uint64_t first_tag = 501;

// What a request asks of a timer.
enum class timing { none, soon, often, far };

// A request that was handled.
struct handled {
  std::uint64_t nonce = 0;
  std::uint64_t life = 0;  // in which launch, counted from 1
  std::string where;       // for those who read of it: " of kernel b, which is ACTIVE,"
};

class voice {
 public:
  virtual ~voice() = default;
  voice() = default;
  voice(const voice&) = delete;

  // Handler and start argument.
  virtual void choose(kernel_spec& spec) const = 0;
  virtual std::uint16_t version() const = 0;
  virtual std::uint32_t request_bytes() const = 0;
  virtual std::vector<std::byte> request(std::uint64_t nonce, timing asks) = 0;
  virtual void check(const received& reply, const handled& request) = 0;

  // It was handled, and there is no reply.
  virtual void skip(const handled& request) = 0;

  // A launch that nothing else forbids: whether on_start refuses it, and that it says why.
  virtual bool refuses_launch() { return false; }
  virtual void check_refusal(rondo_status, const std::string& /*said*/) const {}

  // Timers. What may still come, and the time that a kernel was inactive.
  virtual bool has_timer() const { return false; }
  virtual std::uint64_t timers_due() const { return 0; }
  virtual std::string_view rule_of_timers() const { return "TIME-01"; }
  virtual void was_inactive(std::uint64_t /*from_ns*/, std::uint64_t /*to_ns*/) {}
};

// `which` of the model's kernels, of which no two give the same replies.
std::unique_ptr<voice> voice_of(traits with, unsigned which);

// One for each kind of handler.
std::unique_ptr<voice> voice_of_nonces(unsigned which);
std::unique_ptr<voice> voice_with_hooks(unsigned which, bool refuses);
std::unique_ptr<voice> voice_with_timer();

template <class T>
std::vector<std::byte> bytes_of(const T& plain) {
  std::vector<std::byte> bytes(sizeof plain);
  std::memcpy(bytes.data(), &plain, sizeof plain);
  return bytes;
}

}  // namespace rondo::conformance::model
