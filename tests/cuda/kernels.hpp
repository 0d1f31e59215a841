// Handlers that the tests of the CUDA backend launch: each shows one thing that a device does.
#pragma once

#include <rondo/kernel/dispatch.hpp>

namespace cuda_test {

inline constexpr std::uint32_t words = 14;

// Replies are a function of the nonce that nothing but the handler computes, and say where it ran.
RONDO_HANDLER inline std::uint64_t secret(std::uint64_t nonce, std::uint64_t salt) {
  nonce = (nonce ^ (nonce >> 31) ^ salt) * 0x9fb21c651e98df25u;
  return nonce ^ (nonce >> 28);
}
RONDO_HANDLER inline std::uint32_t ran_on_device() {
#if defined(__CUDA_ARCH__)
  return 1;
#else
  return 0;
#endif
}

struct question {
  std::uint64_t nonce;
  std::uint32_t value[words];
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, value);
  }
};
RONDO_MESSAGE(question, "CudaQuestion", 1, plain);

struct answer {
  std::uint64_t proof;
  std::uint64_t count;  // requests that this kernel has handled
  std::uint32_t on_device;
  std::uint32_t lanes;
  std::uint32_t sum;
  std::uint32_t extra;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(proof, count, on_device, lanes, sum, extra);
  }
};
RONDO_MESSAGE(answer, "CudaAnswer", 1, plain);

template <std::uint64_t Salt>
struct teller {
  using request = question;
  using response = answer;
  std::uint64_t count = 0;
  RONDO_HANDLER void operator()(const question& in, answer& out, rondo::context& ctx) {
    if (in.nonce == 13) return ctx.fail(7, "not thirteen");
    out.proof = secret(in.nonce, Salt);
    out.count = ++count;
    out.on_device = ran_on_device();
    out.lanes = ctx.lanes();
    for (std::uint32_t i = 0; i < words; ++i) out.sum += in.value[i];
  }
};
struct plain_teller : teller<1> {
  static constexpr rondo::handler_id id{"PlainTeller"};
};
struct other_teller : teller<2> {
  static constexpr rondo::handler_id id{"OtherTeller"};
};

// Two versions of one reply, as a program and a module have them that were built a year apart.
struct older_reply {
  std::uint64_t proof;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(proof);
  }
};
RONDO_MESSAGE(older_reply, "CudaVersionedReply", 1, plain);
struct newer_reply {
  std::uint64_t proof;
  std::uint64_t weight;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(proof, weight);
  }
};
RONDO_MESSAGE(newer_reply, "CudaVersionedReply", 2, plain);
template <class Reply>
struct versioned_teller {
  using request = question;
  using response = Reply;
  RONDO_HANDLER void operator()(const question& in, Reply& out, rondo::context&) {
    out.proof = secret(in.nonce, 8);
  }
};
struct older_teller : versioned_teller<older_reply> {
  static constexpr rondo::handler_id id{"OlderTeller"};
};
struct newer_teller : versioned_teller<newer_reply> {
  static constexpr rondo::handler_id id{"NewerTeller"};
};

// All lanes add up what the request holds; lane l takes every lanes-th word.
template <rondo::execution How>
struct adder {
  static constexpr auto execution = How;
  using request = question;
  using response = answer;
  std::uint64_t count = 0;
  std::uint32_t partial[1024] = {};
  RONDO_HANDLER void operator()(const question& in, answer& out, rondo::context& ctx) {
    const std::uint32_t lane = ctx.lane();
    if (lane < 1024) partial[lane] = 0;
    ctx.sync();
    for (std::uint32_t i = lane; i < words; i += ctx.lanes())
      if (lane < 1024) partial[lane] += in.value[i];
    ctx.sync();
    if (in.nonce == 13 && lane == ctx.lanes() - 1) ctx.fail(7, "the last lane says no");
    if (lane != 0) return;
    for (std::uint32_t l = 0; l < ctx.lanes() && l < 1024; ++l) out.sum += partial[l];
    out.proof = secret(in.nonce, 3);
    out.count = ++count;
    out.on_device = ran_on_device();
    out.lanes = ctx.lanes();
  }
};
struct warp_adder : adder<rondo::execution::warp> {
  static constexpr rondo::handler_id id{"WarpAdder"};
};
struct block_adder : adder<rondo::execution::block> {
  static constexpr rondo::handler_id id{"BlockAdder"};
};
struct grid_adder : adder<rondo::execution::grid> {
  static constexpr rondo::handler_id id{"GridAdder"};
};

struct independent_teller {
  static constexpr rondo::handler_id id{"IndependentTeller"};
  static constexpr auto execution = rondo::execution::independent;
  using request = question;
  using response = answer;
  RONDO_HANDLER void operator()(const question& in, answer& out, rondo::context& ctx) {
    if (in.nonce == 13) return ctx.fail(7, "not thirteen");
    out.proof = secret(in.nonce, 4);
    out.on_device = ran_on_device();
    out.lanes = ctx.lanes();
    for (std::uint32_t i = 0; i < words; ++i) out.sum += in.value[i];
  }
};

struct emitting_teller {
  static constexpr rondo::handler_id id{"EmittingTeller"};
  using request = question;
  using response = answer;
  RONDO_HANDLER void operator()(const question& in, rondo::emitter<answer>& out, rondo::context&) {
    for (std::uint32_t i = 0; i < in.value[0]; ++i) {
      answer one{};
      one.proof = secret(in.nonce, i);
      one.extra = i;
      one.on_device = ran_on_device();
      if (!out.emit(one)) return;
    }
  }
};

// 64 KiB there and back.
struct large {
  std::uint64_t nonce;
  std::uint64_t word[8191];
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, word);
  }
};
RONDO_MESSAGE(large, "CudaLarge", 1, plain);
struct large_reply {
  std::uint64_t nonce;
  std::uint64_t word[8191];
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, word);
  }
};
RONDO_MESSAGE(large_reply, "CudaLargeReply", 1, plain);
struct large_teller {
  static constexpr rondo::handler_id id{"LargeTeller"};
  static constexpr auto execution = rondo::execution::block;
  using request = large;
  using response = large_reply;
  RONDO_HANDLER void operator()(const large& in, large_reply& out, rondo::context& ctx) {
    const std::uint64_t mark = secret(in.nonce, 5);
    for (std::uint32_t i = ctx.lane(); i < 8191; i += ctx.lanes()) out.word[i] = in.word[i] ^ mark;
    if (ctx.lane() == 0) out.nonce = mark;
  }
};

// Busy for so many milliseconds; never longer than eight seconds.
struct sleeper {
  static constexpr rondo::handler_id id{"Sleeper"};
  using request = question;
  using response = answer;
  RONDO_HANDLER void operator()(const question& in, answer& out, rondo::context& ctx) {
    const std::uint64_t ms = in.value[0] < 8000 ? in.value[0] : 8000;
    const std::uint64_t begin = ctx.now_ns();
    while (ctx.now_ns() - begin < ms * 1'000'000) {
    }
    out.proof = secret(in.nonce, 6);
  }
};

// Writes where the request says.
struct breaker {
  static constexpr rondo::handler_id id{"Breaker"};
  using request = question;
  using response = answer;
  RONDO_HANDLER void operator()(const question& in, answer& out, rondo::context&) {
    if (in.nonce != 0) *reinterpret_cast<std::uint64_t*>(in.nonce) = 1;
    out.on_device = ran_on_device();
  }
};

// With all three hooks; its replies say how often each was called.
struct opening {
  std::uint64_t value = 0;
  std::int64_t timer_ns = -1;  // negative: none
  std::int32_t fails_with = 0;
  rondo::bounded_string<40> words{};
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(value, timer_ns, fails_with, words);
  }
};
RONDO_MESSAGE(opening, "CudaOpening", 1, encoded);
struct timekeeper {
  static constexpr rondo::handler_id id{"Timekeeper"};
  using request =
      question;             // value[0]: microseconds until the timer, 0: none; value[1]: it goes on
  using response = answer;  // count: ticks; sum: starts; extra: stops
  std::uint64_t value = 0, ticks = 0;
  std::uint32_t starts = 0, stops = 0, again = 0;
  RONDO_HANDLER void on_start(const opening& with, rondo::context& ctx) {
    if (with.fails_with != 0) {
      char text[41] = {};
      for (std::uint32_t i = 0; i < with.words.size(); ++i) text[i] = with.words.data()[i];
      return ctx.fail(with.fails_with, text);
    }
    value = with.value;
    ++starts;
    again = 0;
    if (with.timer_ns >= 0) ctx.call_again_after(std::chrono::nanoseconds(with.timer_ns));
  }
  RONDO_HANDLER void on_stop(rondo::context& ctx) {
    ++stops;
    ctx.fail(4, "it would rather stay");
  }
  RONDO_HANDLER void on_timer(rondo::context& ctx) {
    ++ticks;
    if (again != 0) ctx.call_again_after(std::chrono::microseconds(100));
    ctx.fail(5, "it goes on all the same");
  }
  RONDO_HANDLER void operator()(const question& in, answer& out, rondo::context& ctx) {
    if (in.value[0] != 0) ctx.call_again_after(std::chrono::microseconds(in.value[0]));
    again = in.value[1];
    out.proof = secret(in.nonce, value);
    out.on_device = ran_on_device();
    out.count = ticks;
    out.sum = starts;
    out.extra = stops;
  }
};

struct buffer_question {
  rondo::buffer_ref data;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(data);
  }
};
RONDO_MESSAGE(buffer_question, "CudaBufferQuestion", 1, encoded);
struct buffer_adder {
  static constexpr rondo::handler_id id{"BufferAdder"};
  static constexpr auto execution = rondo::execution::block;
  using request = buffer_question;
  using response = answer;
  std::uint64_t partial[1024] = {};
  RONDO_HANDLER void operator()(const buffer_question& in, answer& out, rondo::context& ctx) {
    const auto data = ctx.resolve<std::uint32_t>(in.data);
    if (!data) return ctx.fail(9, "no such buffer");
    std::uint64_t sum = 0;
    for (std::uint64_t i = ctx.lane(); i < data.size; i += ctx.lanes()) sum += data[i];
    partial[ctx.lane()] = sum;
    ctx.sync();
    if (ctx.lane() != 0) return;
    for (std::uint32_t l = 0; l < ctx.lanes(); ++l) out.proof += partial[l];
    out.on_device = ran_on_device();
  }
};

}  // namespace cuda_test
