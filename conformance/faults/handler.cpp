// Handlers of the host image with something in between: a copy of the record whose functions are
// ours. A function of the C ABI has no room for whose it is, so each copy has functions of its own.
#include "wrapped.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <csetjmp>
#include <thread>

namespace rondo::faults {

namespace {

constexpr std::size_t most = 24;
struct slot {
  const rondo_handler* real = nullptr;
  rondo_handler copy{};
};
std::array<slot, most> slots;
std::mutex slots_mutex;

// A loop whose body was lost for all but its first rounds: ConformanceControl, whose second word
// says how many there are.
rondo_status run_without_a_branch(const rondo_handler& real, void* state, const void* payload,
                                  rondo_emitter* out, rondo_invocation* call) {
  constexpr std::string_view loops = "ConformanceControl";
  constexpr std::size_t bytes = 16;
  if (std::string_view(real.id.data, real.id.size) != loops || call->request->length != bytes)
    return real.invoke(state, payload, out, call);
  alignas(16) std::uint32_t words[bytes / sizeof(std::uint32_t)];
  std::memcpy(words, payload, bytes);
  words[1] = std::min(words[1], 6u);
  return real.invoke(state, words, out, call);
}

// Stands before the emitter and gives room that begins a few bytes later.
struct skewed_emitter {
  static constexpr std::uint32_t by = 8;
  rondo_emitter base{};
  rondo_emitter* real;
  std::byte* room = nullptr;

  explicit skewed_emitter(rondo_emitter* to) : real(to) {
    base.struct_size = sizeof base;
    base.reserve = [](rondo_emitter* self, std::uint32_t bytes) -> void* {
      auto& me = *reinterpret_cast<skewed_emitter*>(self);
      me.room = static_cast<std::byte*>(me.real->reserve(me.real, bytes + by));
      return me.room == nullptr ? nullptr : me.room + by;
    };
    base.commit = [](rondo_emitter* self, std::uint32_t length, std::uint16_t version,
                     std::uint32_t flags) {
      auto& me = *reinterpret_cast<skewed_emitter*>(self);
      std::memmove(me.room, me.room + by, length);
      me.real->commit(me.real, length, version, flags);
    };
  }
};

// Stands before the emitter and has a thread that writes into room as long as the handler has it.
struct shared_emitter {
  rondo_emitter base{};
  rondo_emitter* real;
  std::atomic<std::byte*> room{nullptr};
  std::atomic<bool> is_there{false};
  std::jthread writer{[this](const std::stop_token& stop) {
    is_there = true;
    while (!stop.stop_requested())
      if (std::byte* const at = room.load()) std::atomic_ref(*at).store(std::byte{0xee});
  }};

  explicit shared_emitter(rondo_emitter* to) : real(to) {
    base.struct_size = sizeof base;
    base.reserve = [](rondo_emitter* self, std::uint32_t bytes) -> void* {
      auto& me = *reinterpret_cast<shared_emitter*>(self);
      void* const at = me.real->reserve(me.real, bytes);
      me.room = static_cast<std::byte*>(at);
      return at;
    };
    base.commit = [](rondo_emitter* self, std::uint32_t length, std::uint16_t version,
                     std::uint32_t flags) {
      auto& me = *reinterpret_cast<shared_emitter*>(self);
      me.room = nullptr;
      me.real->commit(me.real, length, version, flags);
    };
    while (!is_there) std::this_thread::yield();
  }
};

// Stands before the emitter and tells nobody that there will be no room.
struct waiting_emitter {
  rondo_emitter base{};
  rondo_emitter* real;

  explicit waiting_emitter(rondo_emitter* to) : real(to) {
    base.struct_size = sizeof base;
    base.reserve = [](rondo_emitter* self, std::uint32_t bytes) -> void* {
      auto* const backend = reinterpret_cast<waiting_emitter*>(self)->real;
      void* room = backend->reserve(backend, bytes);
      for (int i = 0; i < 400 && room == nullptr; ++i) {
        sleep_ms(10);
        room = backend->reserve(backend, bytes);
      }
      return room;
    };
    base.commit = [](rondo_emitter* self, std::uint32_t length, std::uint16_t version,
                     std::uint32_t flags) {
      auto* const backend = reinterpret_cast<waiting_emitter*>(self)->real;
      backend->commit(backend, length, version, flags);
    };
  }
};

// Stands before the emitter and takes a handler that there is no more room for away by force.
struct leaving_emitter {
  rondo_emitter base{};
  rondo_emitter* real;
  std::jmp_buf before{};

  explicit leaving_emitter(rondo_emitter* to) : real(to) {
    base.struct_size = sizeof base;
    base.reserve = [](rondo_emitter* self, std::uint32_t bytes) -> void* {
      auto& me = *reinterpret_cast<leaving_emitter*>(self);
      void* const room = me.real->reserve(me.real, bytes);
      if (room == nullptr) std::longjmp(me.before, 1);
      return room;
    };
    base.commit = [](rondo_emitter* self, std::uint32_t length, std::uint16_t version,
                     std::uint32_t flags) {
      auto* const backend = reinterpret_cast<leaving_emitter*>(self)->real;
      backend->commit(backend, length, version, flags);
    };
  }
};

rondo_status run_until_it_is_left(const rondo_handler& real, void* state, const void* payload,
                                  rondo_emitter* out, rondo_invocation* call) {
  leaving_emitter leaves(out);
  if (setjmp(leaves.before) != 0) return RONDO_TERMINATED;
  return real.invoke(state, payload, &leaves.base, call);
}

rondo_status run_with_room_ahead(const rondo_handler& real, void* state, const void* payload,
                                 rondo_emitter* out, rondo_invocation* call) {
  const auto status = real.invoke(state, payload, out, call);
  auto& ahead = out->ahead;
  if (broken(fault::written_ahead_lost)) ahead.is_filled = 0;
  else if (status != RONDO_OK && ahead.is_filled != 0)
    out->commit(out, ahead.length, ahead.version, 0);
  return status;
}

bool reuses_memory_of_hung() {
  return broken(fault::hung_message_reused) || broken(fault::hung_state_reused);
}

// The handler is given the burst's first request again and again, or the replies before one that
// fails are lost.
void burst_wrongly(const rondo_handler& real, void* state, rondo_burst* burst,
                   rondo_invocation* call) {
  const std::uint32_t count = burst->count;
  if (broken(fault::burst_of_one)) {
    burst->request_stride = burst->payload_stride = 0;
    real.invoke_burst(state, burst, call);
    return;
  }
  real.invoke_burst(state, burst, call);
  if (burst->answered == count) return;
  if (broken(fault::burst_lost_by_failure)) burst->answered = 0, burst->bytes_in = 0;
}

bool breaks_bursts() { return broken(fault::burst_of_one) || broken(fault::burst_lost_by_failure); }

bool breaks_room_ahead() {
  return broken(fault::written_ahead_lost) || broken(fault::written_ahead_kept);
}

rondo_status run(const rondo_handler& real, void* state, const void* payload, rondo_emitter* out,
                 rondo_invocation* call) {
  if (broken(fault::forgets_state)) {
    real.destroy(state);
    std::memset(state, 0, real.state_bytes);
    (void)real.construct(state, nullptr);
  }
  if (hooks_are_broken()) return invoke_beside_hooks(real, state, payload, out, call);
  if (broken(fault::room_askew)) {
    skewed_emitter askew(out);
    return real.invoke(state, payload, &askew.base, call);
  }
  if (broken(fault::room_shared)) {
    shared_emitter shares(out);
    return real.invoke(state, payload, &shares.base, call);
  }
  if (broken(fault::waits_on_when_stopped)) {
    waiting_emitter waits(out);
    return real.invoke(state, payload, &waits.base, call);
  }
  if (broken(fault::leaves_by_longjmp))
    return run_until_it_is_left(real, state, payload, out, call);
  if (reuses_memory_of_hung()) return run_and_remember(real, state, payload, out, call);
  if (breaks_room_ahead()) return run_with_room_ahead(real, state, payload, out, call);
  if (broken(fault::drops_a_branch)) return run_without_a_branch(real, state, payload, out, call);
  if (broken(fault::lanes_untrue)) call->lanes = 2;
  const auto status = real.invoke(state, payload, out, call);
  if (broken(fault::exception_renamed) && call->failure_code == RONDO_HANDLER_THREW) {
    call->failure_code = RONDO_HANDLER_FAILED;
    return RONDO_HANDLER_FAILED;
  }
  return status;
}

// Gives the request back, as those do who have no handler.
rondo_status echo(void*, const void* payload, rondo_emitter* out, rondo_invocation* call) {
  void* const room = out->reserve(out, call->request->length);
  if (room == nullptr) return RONDO_TERMINATED;
  std::memcpy(room, payload, call->request->length);
  out->commit(out, call->request->length, call->request->version, 0);
  return RONDO_OK;
}

using invoke_function = rondo_status (*)(void*, const void*, rondo_emitter*, rondo_invocation*);

template <std::size_t... I>
constexpr std::array<invoke_function, sizeof...(I)> make_invokes(std::index_sequence<I...>) {
  return {[](void* state, const void* payload, rondo_emitter* out, rondo_invocation* call) {
    return run(*slots[I].real, state, payload, out, call);
  }...};
}
constexpr auto invokes = make_invokes(std::make_index_sequence<most>());

template <std::size_t I>
void put_hooks(rondo_handler& copy) {
  copy.destroy = [](void* state) {
    forget_hooks_of(state);
    slots[I].real->destroy(state);
  };
  if (copy.on_start != nullptr)
    copy.on_start = [](void* state, const void* argument, std::uint32_t bytes,
                       rondo_invocation* call) {
      return start_wrongly(*slots[I].real, state, argument, bytes, call);
    };
  if (copy.on_stop != nullptr)
    copy.on_stop = [](void* state, rondo_invocation* call) {
      return stop_wrongly(*slots[I].real, state, call);
    };
  if (copy.on_timer != nullptr)
    copy.on_timer = [](void* state, rondo_invocation* call) {
      return time_wrongly(*slots[I].real, state, call);
    };
}
template <std::size_t I>
void put_construct(rondo_handler& copy) {
  copy.construct = [](void* state, rondo_error_sink* error) {
    std::memset(state, 0xa5, slots[I].real->state_bytes);
    return slots[I].real->construct(state, error);
  };
}
template <std::size_t I>
void put_burst(rondo_handler& copy) {
  copy.invoke_burst = [](void* state, rondo_burst* burst, rondo_invocation* call) {
    burst_wrongly(*slots[I].real, state, burst, call);
  };
}
using put_function = void (*)(rondo_handler&);
template <std::size_t... I>
constexpr std::array<put_function, sizeof...(I)> make_puts(std::index_sequence<I...>) {
  return {put_hooks<I>...};
}
constexpr auto puts_hooks = make_puts(std::make_index_sequence<most>());
template <std::size_t... I>
constexpr std::array<put_function, sizeof...(I)> make_constructs(std::index_sequence<I...>) {
  return {put_construct<I>...};
}
template <std::size_t... I>
constexpr std::array<put_function, sizeof...(I)> make_bursts(std::index_sequence<I...>) {
  return {put_burst<I>...};
}
constexpr auto puts_burst = make_bursts(std::make_index_sequence<most>());
constexpr auto puts_construct = make_constructs(std::make_index_sequence<most>());

bool is_needed(const rondo_handler& handler) {
  return hooks_are_broken() || broken(fault::forgets_state) || broken(fault::exception_renamed) ||
         broken(fault::state_not_destroyed) || broken(fault::state_not_zeroed) ||
         ((broken(fault::room_askew) || broken(fault::room_shared) || broken(fault::lanes_untrue) ||
           broken(fault::waits_on_when_stopped) || broken(fault::leaves_by_longjmp) ||
           reuses_memory_of_hung() || breaks_room_ahead()) &&
          handler.invoke != nullptr) ||
         (broken(fault::drops_a_branch) && handler.invoke != nullptr) ||
         (breaks_bursts() && handler.invoke_burst != nullptr) ||
         (broken(fault::missing_image_accepted) && handler.invoke == nullptr);
}

}  // namespace

const rondo_handler* tampered(const rondo_handler& handler) {
  if (!is_needed(handler)) return &handler;
  const std::lock_guard lock(slots_mutex);
  for (std::size_t i = 0; i < most; ++i) {
    if (slots[i].real != nullptr && slots[i].real != &handler) continue;
    slots[i].real = &handler;
    slots[i].copy = handler;
    slots[i].copy.invoke = handler.invoke == nullptr ? echo : invokes[i];
    slots[i].copy.invoke_burst = nullptr;
    if (breaks_bursts()) puts_burst[i](slots[i].copy);
    if (hooks_are_broken()) puts_hooks[i](slots[i].copy);
    if (broken(fault::state_not_zeroed)) puts_construct[i](slots[i].copy);
    if (broken(fault::state_not_destroyed)) slots[i].copy.destroy = [](void*) {};
    return &slots[i].copy;
  }
  return &handler;
}

}  // namespace rondo::faults
