// What a handler sees beside its request: who asked, its buffers, its place among the threads that
// run it together, and the way to fail. Device code cannot throw, so failing is a call; the reason
// travels to the caller who waits for the reply.
#pragma once

#include <rondo/kernel/message.hpp>

#if !defined(__CUDA_ARCH__)
#include <time.h>
#endif

#include <chrono>
#include <concepts>
#include <type_traits>

namespace rondo {

// Memory of a buffer, while the handler runs and as long as the sender keeps the buffer alive. Not
// to be kept for the next request: what the host writes in between is seen through resolve() only.
template <class T>
struct buffer_span {
  T* data = nullptr;       // in the address space where the handler runs
  std::uint64_t size = 0;  // elements
  RONDO_HD explicit operator bool() const { return data != nullptr; }
  RONDO_HD T& operator[](std::uint64_t i) const { return data[i]; }
};

// How a handler may run on a device that has many threads. `static constexpr auto execution =
// rondo::execution::warp;` in the handler says so; without it, it is serial. A CPU runs every
// handler on one thread, which is lane 0 of 1.
enum class execution : std::uint32_t {
  serial,      // one thread runs it; the others only move its messages
  warp,        // all lanes of a warp run it together on one request
  block,       // all threads of a block
  grid,        // all threads of all blocks of the launch
  independent  // requests do not depend on each other: each thread may have one of its own
};

// The threads that run one invocation together.
struct team {
  std::uint32_t lane = 0;
  std::uint32_t lanes = 1;
  void (*sync)(void* self) = nullptr;
  void* self = nullptr;
};

class context {
 public:
  RONDO_HD explicit context(rondo_invocation& invocation)
      : invocation_(invocation), team_{invocation.lane, invocation.lanes, nullptr, nullptr} {}
  RONDO_HD context(rondo_invocation& invocation, const team& together)
      : invocation_(invocation), team_(together) {}

  // The request's own id, and the id that its replies repeat.
  RONDO_HD std::uint64_t message_id() const { return invocation_.request->message_id; }
  RONDO_HD std::uint64_t correlation_id() const { return invocation_.request->correlation_id; }
  // Tells apart two kernels that run the same handler.
  RONDO_HD std::uint64_t kernel_tag() const { return invocation_.kernel_tag; }

  // This thread's place among those that run the handler together; 0 of 1 unless the handler is
  // declared cooperative.
  RONDO_HD std::uint32_t lane() const { return team_.lane; }
  RONDO_HD std::uint32_t lanes() const { return team_.lanes; }
  // Wait until all of them are here; what each wrote before, all may read after. Every lane must
  // call it, equally often.
  RONDO_HD void sync() const {
    if (team_.sync != nullptr) team_.sync(team_.self);
  }

  // The buffer behind a handle, as whole elements of T. Empty if the handle is none or not alive.
  template <class T>
  RONDO_HD buffer_span<T> resolve(buffer_ref ref) const {
    const rondo_buffer_entry* const entry = entry_of(ref);
    if (entry == nullptr) return {};
    note_writer<T>();
    return {reinterpret_cast<T*>(entry->address), entry->bytes / sizeof(T)};
  }
  // A part of a buffer, the same way. Empty also if it does not lie within the buffer, or begins
  // where no T may: the bytes of a message are not trusted. A sound slice of no bytes has a
  // pointer and size 0. Not for lists in braces, which may also be a handle.
  template <class T, std::same_as<buffer_slice> Slice>
  RONDO_HD buffer_span<T> resolve(const Slice& slice) const {
    const rondo_buffer_entry* const entry = entry_of(slice.buffer);
    if (entry == nullptr || !slice.lies_in(entry->bytes)) return {};
    const std::uint64_t address = entry->address + slice.offset;
    if (address % alignof(T) != 0) return {};
    note_writer<T>();
    return {reinterpret_cast<T*>(address), slice.bytes / sizeof(T)};
  }

  // What this lane wrote so far into buffers, and before the last sync() the others, is seen by the
  // host before anything that this lane writes later. Done of itself before each reply and at the
  // end of each request, by every lane that resolved a buffer as other than const; for handlers
  // that let the host watch meanwhile. Where none was resolved it does nothing.
  RONDO_HD void flush_buffers() const {
    if (writes_buffers_) ring::platform::settle_writes();
  }

  // The request failed: whatever the handler puts into its response is not sent. `text` is cut
  // after RONDO_FAILURE_TEXT_MAX bytes. The first failure of an invocation counts.
  RONDO_HD void fail(std::int32_t user_code, const char* text) {
    fail_with(RONDO_HANDLER_FAILED, user_code, text);
  }
  // Of a handler that several lanes run: what another lane did is sure to be seen after sync().
  RONDO_HD bool failed() const { return failure_code() != RONDO_OK; }

  // Nanoseconds on this processor's own clock: differences count, the origin does not.
  RONDO_HD std::uint64_t now_ns() const {
#if defined(__CUDA_ARCH__)
    std::uint64_t t;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(t));
    return t;
#else
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(t.tv_nsec);
#endif
  }

  // The handler's on_timer() is to be called once, this much later or soon after; a later call
  // takes the place of an earlier one, and terminate forgets it. From on_start(), a request or
  // on_timer(). Fails with UNSUPPORTED where the handler has no on_timer().
  RONDO_HD void call_again_after(std::chrono::nanoseconds delay) {
    auto& timed = reinterpret_cast<rondo_timed_invocation&>(invocation_);
    if (invocation_.struct_size >= sizeof(rondo_timed_invocation) && timed.timer_at_ns != nullptr) {
      const std::int64_t ns = delay.count();
      // Of several lanes, or independent requests, that set it one wins.
      ring::platform::store_relaxed(timed.timer_at_ns,
                                    now_ns() + (ns > 0 ? static_cast<std::uint64_t>(ns) : 0));
      return;
    }
    fail_with(RONDO_UNSUPPORTED, 0,
              "call_again_after() needs an on_timer(), and is not for on_stop()");
  }

  // For the code around the handler.
  RONDO_HD void fail_with(rondo_status code, std::int32_t user_code, const char* text) {
    if (!claim_failure(code)) return;
    invocation_.user_code = user_code;
    invocation_.failure_length = 0;
    say(text);
  }
  // Names both versions of a message type: the one that came and the one that is due.
  RONDO_HD void fail_with_versions(std::uint32_t got, std::uint32_t due, const char* type) {
    if (!claim_failure(RONDO_VERSION_MISMATCH)) return;
    invocation_.user_code = 0;
    invocation_.failure_length = 0;
    say("the request has version ");
    say_number(got);
    say(", the handler takes version ");
    say_number(due);
    say(" of ");
    say(type);
  }

 private:
  // nullptr if the handle is none or not alive.
  RONDO_HD const rondo_buffer_entry* entry_of(buffer_ref ref) const {
    const std::uint64_t index = ref.handle & 0xffffffffu;
    if (ref.handle == 0 || index >= invocation_.buffer_count) return nullptr;
    const rondo_buffer_entry& entry = invocation_.buffers[index];
    // SYNC: buffer-entry. On a device it also drops what its caches hold of buffers from before.
    if (ring::platform::load_acquire(&entry.handle) != ref.handle) return nullptr;
    return &entry;
  }
  template <class T>
  RONDO_HD void note_writer() const {
    if constexpr (!std::is_const_v<T>) writes_buffers_ = true;
  }

  // Behind what was said before, cut after RONDO_FAILURE_TEXT_MAX bytes.
  RONDO_HD void say(const char* text) {
    std::uint32_t n = invocation_.failure_length;
    RONDO_KEEP_LOOP
    for (; text != nullptr && n < RONDO_FAILURE_TEXT_MAX && *text != '\0'; ++n, ++text)
      invocation_.failure_text[n] = *text;
    invocation_.failure_length = n;
  }
  RONDO_HD void say_number(std::uint32_t value) {
    std::uint32_t unit = 1;
    RONDO_KEEP_LOOP
    while (value / unit >= 10) unit *= 10;
    std::uint32_t n = invocation_.failure_length;
    RONDO_KEEP_LOOP
    for (; unit > 0 && n < RONDO_FAILURE_TEXT_MAX; unit /= 10, ++n)
      invocation_.failure_text[n] = static_cast<char>('0' + value / unit % 10);
    invocation_.failure_length = n;
  }

  // A thread alone needs no atomic access, and could not make one: its record may be in memory of
  // its own.
  RONDO_HD bool is_alone() const { return team_.sync == nullptr; }
  RONDO_HD std::int32_t failure_code() const {
    if (is_alone()) return invocation_.failure_code;
#if defined(__CUDA_ARCH__)
    std::int32_t code;
    asm volatile("ld.relaxed.gpu.s32 %0, [%1];" : "=r"(code) : "l"(&invocation_.failure_code));
    return code;
#else
    return __atomic_load_n(&invocation_.failure_code, __ATOMIC_RELAXED);
#endif
  }
  RONDO_HD bool claim_failure(rondo_status code) {
    if (is_alone()) {
      if (invocation_.failure_code != RONDO_OK) return false;
      invocation_.failure_code = code;
      return true;
    }
#if defined(__CUDA_ARCH__)
    std::int32_t seen;
    asm volatile("atom.relaxed.gpu.cas.b32 %0, [%1], %2, %3;"
                 : "=r"(seen)
                 : "l"(&invocation_.failure_code), "r"(RONDO_OK), "r"(code)
                 : "memory");
    return seen == RONDO_OK;
#else
    std::int32_t none = RONDO_OK;
    return __atomic_compare_exchange_n(&invocation_.failure_code, &none, code, false,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
#endif
  }

  rondo_invocation& invocation_;
  team team_;
  mutable bool writes_buffers_ = false;
};

// For handlers that reply never, once or many times. emit() is false when the kernel is being
// stopped, after which the handler should return, or when the reply does not fit its slot.
// emit_more() also tells the receiver that another reply to the same request follows: a handler
// that emits all but its last reply so lets the receiver see the end. Nobody checks that it keeps
// its word.
template <message_type Response>
class emitter {
 public:
  RONDO_HD explicit emitter(rondo_emitter& out) : out_(out) {}
  // Each reply comes behind what the handler wrote before into buffers.
  RONDO_HD emitter(rondo_emitter& out, const context& ctx) : out_(out), ctx_(&ctx) {}

  RONDO_HD bool emit(const Response& response) { return emit_with(response, 0); }
  RONDO_HD bool emit_more(const Response& response) { return emit_with(response, RONDO_FLAG_MORE); }
  RONDO_HD std::uint64_t emitted() const { return emitted_; }

 private:
  RONDO_HD bool emit_with(const Response& response, std::uint32_t flags) {
    constexpr std::uint32_t room_bytes = detail::max_bytes<Response>();
    void* room = out_.reserve(&out_, room_bytes);
    if (room == nullptr) return false;
    const std::int64_t length = encode(response, room, room_bytes);
    if (length < 0) return false;
    if (ctx_ != nullptr) ctx_->flush_buffers();
    out_.commit(&out_, static_cast<std::uint32_t>(length), detail::message_of<Response>.version,
                flags);
    ++emitted_;
    return true;
  }

  rondo_emitter& out_;
  const context* ctx_ = nullptr;
  std::uint64_t emitted_ = 0;
};

}  // namespace rondo
