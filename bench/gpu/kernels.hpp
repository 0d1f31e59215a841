// What the GPU benchmarks send: 64 bytes and 64 KiB, answered with a function of a random nonce
// that only the device computes.
#pragma once

#include <rondo/kernel/dispatch.hpp>

namespace gpu_bench {

RONDO_HANDLER inline std::uint64_t mark(std::uint64_t nonce) {
#if defined(__CUDA_ARCH__)
  return (nonce ^ (nonce >> 29)) * 0xbf58476d1ce4e5b9u;
#else
  return nonce;  // on the host the proof would fail
#endif
}
// The same, for the client to judge by.
inline std::uint64_t expected_mark(std::uint64_t nonce) {
  return (nonce ^ (nonce >> 29)) * 0xbf58476d1ce4e5b9u;
}

struct request {
  std::uint64_t nonce;
  float value[14];
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, value);
  }
};
struct response {
  std::uint64_t proof;
  float value[14];
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(proof, value);
  }
};
RONDO_MESSAGE(request, "GpuBenchRequest", 1, plain);
RONDO_MESSAGE(response, "GpuBenchResponse", 1, plain);
static_assert(sizeof(request) == 64 && sizeof(response) == 64);

RONDO_HANDLER inline void answer(const request& in, response& out) {
  out.proof = mark(in.nonce);
  for (std::uint32_t i = 0; i < 7; ++i) out.value[i] = in.value[i] + in.value[7 + i];
  for (std::uint32_t i = 7; i < 14; ++i) out.value[i] = in.value[i];
}

struct replier {
  static constexpr rondo::handler_id id{"GpuBenchReplier"};
  using request = gpu_bench::request;
  using response = gpu_bench::response;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context&) {
    answer(in, out);
  }
};
// The same with a timer that comes each millisecond. There is no proof in a reply if fewer than
// half of its ticks have come.
struct timed_replier {
  static constexpr rondo::handler_id id{"GpuBenchTimedReplier"};
  using request = gpu_bench::request;
  using response = gpu_bench::response;
  RONDO_HANDLER void on_start(rondo::context& ctx) {
    started_ns = ctx.now_ns();
    ctx.call_again_after(std::chrono::milliseconds(1));
  }
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    answer(in, out);
    if ((ticks + 20) * 2'000'000 < ctx.now_ns() - started_ns) out.proof = 0;
  }
  RONDO_HANDLER void on_timer(rondo::context& ctx) {
    ++ticks;
    ctx.call_again_after(std::chrono::milliseconds(1));
  }
  std::uint64_t ticks = 0;
  std::uint64_t started_ns = 0;
};
struct stream_replier {
  static constexpr rondo::handler_id id{"GpuBenchStreamReplier"};
  static constexpr auto execution = rondo::execution::independent;
  using request = gpu_bench::request;
  using response = gpu_bench::response;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context&) {
    answer(in, out);
  }
};

// With a buffer, which the one handler reads, and the other leaves its proof in.
struct buffer_request {
  std::uint64_t nonce;
  rondo::buffer_ref data;
  float value[12];
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, data, value);
  }
};
RONDO_MESSAGE(buffer_request, "GpuBenchBufferRequest", 1, plain);
static_assert(sizeof(buffer_request) == 64);

template <class T>
RONDO_HANDLER inline auto answer_beside(const buffer_request& in, response& out,
                                        rondo::context& ctx) {
  const auto data = ctx.resolve<T>(in.data);
  out.proof = data ? mark(in.nonce) : 0;
  for (std::uint32_t i = 0; i < 12; ++i) out.value[i] = in.value[i];
  return data;
}
struct buffer_reader {
  static constexpr rondo::handler_id id{"GpuBenchBufferReader"};
  using request = buffer_request;
  using response = gpu_bench::response;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    const auto data = answer_beside<const std::uint64_t>(in, out, ctx);
    if (data && data[1] != 0) out.proof = 0;  // the host has left a 0 there
  }
};
struct buffer_writer {
  static constexpr rondo::handler_id id{"GpuBenchBufferWriter"};
  using request = buffer_request;
  using response = gpu_bench::response;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    const auto data = answer_beside<std::uint64_t>(in, out, ctx);
    if (data) data[0] = mark(in.nonce);
  }
};

inline constexpr std::uint32_t large_words = 8191;
struct large_request {
  std::uint64_t nonce;
  std::uint64_t word[large_words];
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, word);
  }
};
struct large_response {
  std::uint64_t proof;
  std::uint64_t word[large_words];
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(proof, word);
  }
};
RONDO_MESSAGE(large_request, "GpuBenchLargeRequest", 1, plain);
RONDO_MESSAGE(large_response, "GpuBenchLargeResponse", 1, plain);
struct large_replier {
  static constexpr rondo::handler_id id{"GpuBenchLargeReplier"};
  static constexpr auto execution = rondo::execution::block;
  using request = large_request;
  using response = large_response;
  RONDO_HANDLER void operator()(const large_request& in, large_response& out, rondo::context& ctx) {
    const std::uint64_t own = mark(in.nonce);
    for (std::uint32_t i = ctx.lane(); i < large_words; i += ctx.lanes())
      out.word[i] = in.word[i] ^ own;
    if (ctx.lane() == 0) out.proof = own;
  }
};

}  // namespace gpu_bench
