// Writing a request where it will travel: what sender<T>::reserve() in kernel.hpp gives.
#pragma once

#include <rondo/error.hpp>
#include <rondo/export.hpp>
#include <rondo/kernel/message.hpp>

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace rondo {

namespace detail {

class instance;
struct codec;

// What a claimed request is before the application writes it.
enum class at_first { value, indeterminate };

// A place in a kernel's input queue, as the sending port knows it.
struct claimed_slot {
  enum class kind : std::uint32_t { none, ring, backend, later };
  kind where = kind::none;     // later: nothing is claimed, commit sends
  void* payload = nullptr;     // aligned to 16; nullptr: the message is staged beside it
  std::uint64_t sequence = 0;  // ring
  rondo_claim called{};        // backend
};

struct claim_state {
  std::shared_ptr<instance> kernel;  // nullptr: none, or done with
  claimed_slot slot;
  std::uint64_t life = 0;      // of the kernel, when it was made
  std::uint64_t until_ns = 0;  // later: how long commit may wait for room
};
// OK, TERMINATED, TOO_LARGE; later also FULL, TIMEOUT and as send(). The state is empty afterwards.
RONDO_EXPORT status commit(claim_state& state, const codec& type, const void* staged,
                           std::uint64_t& id, error_info& why);
RONDO_EXPORT void abandon(claim_state& state) noexcept;

template <message_type T>
const codec& codec_for();

}  // namespace detail

// A request that is being written: a T{} at first, reached with * and ->. commit() sends it; when
// the claim is destroyed without that, the slot is given up and the consumer skips it, counting it
// as dropped.
//
// From reserve_for_overwrite() it is as from std::make_unique_for_overwrite: a member that T itself
// does not initialize has no value before it is given one. What is never given one is sent as it
// lies in the slot: it may be what an earlier request of this queue held there, whoever sent that.
//
// A plain T lies in the queue's slot itself wherever the ring leaves it contiguous (word and
// counted publication) and the backend maps its ring or offers to reserve. Elsewhere (chunked
// publication, encoded messages) it lies beside the claim, and commit() encodes it into the slot,
// which is claimed all the same. With a backend that cannot reserve, and with counted publication
// under launch_options::one_sender, no slot is claimed: reserve() waits for room, and commit()
// waits once more should others have taken it, until reserve's own deadline.
//
// A claimed slot has its place in the queue: requests that are sent after it wait behind it until
// it is committed or dropped, whoever sent them. So do not call() the same kernel meanwhile, and
// hold a claim briefly; a drain waits for it until its deadline.
//
// Threads: one at a time. It may be committed on another thread than it was made on, and may
// outlive the kernel and the runtime: then commit() says TERMINATED.
template <message_type T>
class claim {
 public:
  claim(claim&& other) noexcept
      : state_(std::exchange(other.state_, {})),
        staged_(std::move(other.staged_)),
        message_(std::exchange(other.message_, nullptr)) {}
  claim& operator=(claim&& other) noexcept {
    if (this != &other) {
      detail::abandon(state_);
      state_ = std::exchange(other.state_, {});
      staged_ = std::move(other.staged_);
      message_ = std::exchange(other.message_, nullptr);
    }
    return *this;
  }
  ~claim() { detail::abandon(state_); }

  // False after commit() and when moved from: then everything below throws INVALID_STATE.
  explicit operator bool() const noexcept { return state_.kernel != nullptr; }

  // Stays where it is when the claim is moved.
  T& operator*() { return *checked(); }
  T* operator->() { return checked(); }
  // Whether the message lies in the slot itself.
  bool is_in_place() const { return checked(), staged_ == nullptr; }

  // Sends the message and returns its id, which replies carry as correlation. TERMINATED if the
  // kernel ended since reserve(), also if it lives again; TOO_LARGE if it cannot be encoded. The
  // claim is used up in every case, also when the type's encoding throws, which passes through.
  result<std::uint64_t> commit() {
    const void* message = checked();
    message_ = nullptr;
    std::uint64_t id = 0;
    error_info why;
    const std::unique_ptr<T> staged = std::move(staged_);
    if (detail::commit(state_, detail::codec_for<T>(), staged != nullptr ? message : nullptr, id,
                       why) != RONDO_OK)
      return result<std::uint64_t>(std::move(why));
    return id;
  }

 private:
  template <message_type>
  friend class sender;
  claim(detail::claim_state&& state, detail::at_first what) : state_(std::exchange(state, {})) {
    const bool is_value = what == detail::at_first::value;
    if constexpr (detail::is_plain<T>) {
      if (void* const slot = state_.slot.payload; slot != nullptr)
        message_ = is_value ? ::new (slot) T{} : ::new (slot) T;
    }
    if (message_ != nullptr) return;
    struct abandon_if_it_throws {
      detail::claim_state* state;
      ~abandon_if_it_throws() {
        if (state != nullptr) detail::abandon(*state);
      }
    } guard{&state_};
    staged_ = is_value ? std::make_unique<T>() : std::make_unique_for_overwrite<T>();
    message_ = staged_.get();
    guard.state = nullptr;
  }

  T* checked() const {
    if (message_ == nullptr) [[unlikely]]
      throw error(RONDO_INVALID_STATE, "claim", "it was committed or moved from",
                  "Reserve another");
    return message_;
  }

  detail::claim_state state_;
  std::unique_ptr<T> staged_;
  T* message_ = nullptr;
};

}  // namespace rondo
