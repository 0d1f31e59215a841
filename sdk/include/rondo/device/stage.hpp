// Where a message lies while a kernel works on it: sizes that follow from the handler's types, and
// the memory that the threads of one block share.
#pragma once

#include <rondo/device/contract.hpp>
#include <rondo/kernel/dispatch.hpp>
#include <rondo/kernel/hooks.hpp>

#include <type_traits>

#if defined(__CUDACC__)
#define RONDO_DEVICE __device__
#define RONDO_UNROLL _Pragma("unroll")
#define RONDO_CALLED __noinline__
#else
#define RONDO_DEVICE
#define RONDO_UNROLL
#define RONDO_CALLED
#endif

namespace rondo::device {

template <class N>
RONDO_HD constexpr N larger(N a, std::type_identity_t<N> b) {
  return a > b ? a : b;
}
template <class N>
RONDO_HD constexpr N least(N a, std::type_identity_t<N> b) {
  return a < b ? a : b;
}

// A request's and a reply's content (envelope, then payload), and the decoded objects of encoded
// types, one behind the other.
template <class H>
struct stage_plan {
  using request = typename H::request;
  using response = typename H::response;
  static_assert(alignof(request) <= 16 && alignof(response) <= 16,
                "a message is aligned to at most 16 bytes");

  static constexpr std::uint32_t header_bytes = sizeof(rondo_envelope);
  static constexpr std::uint32_t request_bytes = detail::max_bytes<request>();
  static constexpr std::uint32_t reply_bytes =
      larger(detail::max_bytes<response>(), sizeof(rondo_failure));
  // A chunked slot is taken in whole, however short the handler's requests are.
  static constexpr std::uint32_t in_bytes =
      larger(ring::round_up(header_bytes + request_bytes, 16), ring::max_chunked_content);
  static constexpr std::uint32_t out_bytes = ring::round_up(header_bytes + reply_bytes, 16);
  static constexpr std::uint32_t object_bytes(std::uint32_t size, bool plain) {
    return plain ? 0 : ring::round_up(size, 16);
  }

  static constexpr std::uint32_t out_at = in_bytes;
  static constexpr std::uint32_t request_at = out_at + out_bytes;
  static constexpr std::uint32_t response_at =
      request_at + object_bytes(sizeof(request), detail::is_plain<request>);
  static constexpr std::uint32_t invocation_at =
      response_at + object_bytes(sizeof(response), detail::is_plain<response>);
  using invocation_record =
      std::conditional_t<detail::has_on_timer<H>, rondo_timed_invocation, rondo_invocation>;
  static constexpr std::uint32_t refused_at =
      invocation_at + ring::round_up(sizeof(invocation_record), 16);
  static constexpr std::uint32_t bytes = refused_at + 16;

  static constexpr execution runs = detail::execution_of<H>();
  // Of a block. The compiler gives each thread registers accordingly.
  static constexpr std::uint32_t max_threads =
      runs == execution::block || runs == execution::grid ? 1024 : 512;
  // Larger stages and those that several blocks read lie in device memory.
  static constexpr bool in_shared_memory = bytes <= 32 * 1024 && runs != execution::grid;
  static constexpr std::uint32_t scratch_bytes = in_shared_memory ? 0 : bytes;

  // The start argument lies in device memory, its object behind its bytes: an object on a stack
  // would cost each thread of the device as much.
  static constexpr std::uint32_t start_object_at = [] {
    if constexpr (detail::takes_start_argument<H>)
      return ring::round_up(detail::max_bytes<detail::start_argument<H>>(), 16);
    else return 0u;
  }();
  static constexpr std::uint32_t start_room = [] {
    if constexpr (detail::takes_start_argument<H>) {
      using argument = detail::start_argument<H>;
      static_assert(alignof(argument) <= 16, "a message is aligned to at most 16 bytes");
      return start_object_at + object_bytes(sizeof(argument), detail::is_plain<argument>);
    } else {
      return 0u;
    }
  }();

  // One request for each thread: in the thread's own memory, so only small ones.
  static constexpr bool by_thread = runs == execution::independent && replying_handler<H> &&
                                    header_bytes + request_bytes <= 512 &&
                                    header_bytes + reply_bytes <= 512;
  // Of 16 bytes, of each message of a batch on its way between its slot and its thread, in shared
  // memory whose size the launch says.
  static constexpr std::uint32_t request_pieces = (header_bytes + request_bytes + 15) / 16;
  static constexpr std::uint32_t reply_pieces =
      (header_bytes + detail::max_bytes<response>() + 15) / 16;
  static constexpr std::uint32_t shared_per_thread =
      by_thread ? (request_pieces + reply_pieces) * 16 : 0;
};

// A reply that is ready to be published.
struct ready_reply {
  std::uint32_t is_there;
  std::uint32_t length;
  std::uint32_t flags;
  std::uint32_t version;
};

enum class step : std::uint32_t { one, batch, timer, leave };

template <class H>
struct block_memory {
  // What to do next, for the warps behind the first; and for it too, if it is a batch.
  std::uint64_t sequence;
  std::uint64_t out_next;
  std::uint64_t out_published;  // counted output
  std::uint64_t go;
  step next;
  std::uint32_t count;
  std::uint32_t first_bad;
  // What thread 0 saw and the lead has yet to act on.
  std::uint32_t must_look;   // an old look is no longer good enough
  ending gave_up;            // a wait inside the handler in hand ended: ordered (to stop) or lapsed
  std::uint32_t stop_word;   // the order that ended it
  std::uint64_t looked_at;   // when the last look was, if requests of it wait
  std::uint32_t is_refused;  // by on_start
  std::uint32_t reply_bytes;  // with the envelope; 0: there is none
  counters_line counters;
  ring::latency_counts latencies;
  alignas(16) std::byte stage[stage_plan<H>::in_shared_memory ? stage_plan<H>::bytes : 16];
};

// What becomes of the next request, where the queues have rules.
enum class fate : std::uint32_t { handled, dropped, given_up, expired };

template <class H>
struct ruled_memory : block_memory<H> {
  fate what;
  const std::byte* slot;  // of a counted request
  // Thread 0's alone.
  std::uint32_t has_room;                  // for the reply, and nobody is owed another
  std::uint32_t is_lost;                   // the reply in hand is written for nobody
  alignas(16) rondo_envelope_times times;  // of a chunked request
};

// By each of `count` threads, its part.
RONDO_DEVICE inline void copy_latencies(ring::latency_counts& to, const ring::latency_counts& from,
                                        std::uint32_t thread, std::uint32_t count) {
  RONDO_KEEP_LOOP
  for (std::uint32_t i = thread; i < RONDO_LATENCY_BUCKETS; i += count) {
    to.handling[i] = from.handling[i];
    to.queueing[i] = from.queueing[i];
  }
}

}  // namespace rondo::device
