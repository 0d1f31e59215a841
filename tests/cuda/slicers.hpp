// Handlers on parts of buffers, one for each way in which a device runs a handler.
#pragma once

#include "kernels.hpp"

namespace cuda_test {

// Parts of two buffers; the reply says which holds more.
struct slice_question {
  std::uint64_t nonce = 0;
  rondo::buffer_slice first, second;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, first, second);
  }
};
RONDO_MESSAGE(slice_question, "CudaSliceQuestion", 1, plain);
struct slice_answer {
  std::uint64_t proof = 0;
  std::uint64_t words[2]{};  // of each part, as the handler sees it; ~0: none
  std::uint64_t sums[2]{};
  rondo::buffer_slice larger;
  std::uint64_t on_device = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(proof, words, sums, larger, on_device);
  }
};
RONDO_MESSAGE(slice_answer, "CudaSliceAnswer", 1, plain);

// Each part's words are added up, and the request's nonce is added to each.
template <rondo::execution How>
struct slicer {
  static constexpr auto execution = How;
  using request = slice_question;
  using response = slice_answer;
  std::uint64_t partial[2][1024] = {};
  RONDO_HANDLER void operator()(const slice_question& in, slice_answer& out, rondo::context& ctx) {
    const rondo::buffer_slice parts[2] = {in.first, in.second};
    std::uint64_t size[2] = {};
    for (std::uint32_t p = 0; p < 2; ++p) {
      const auto values = ctx.resolve<std::uint32_t>(parts[p]);
      size[p] = values ? values.size : ~std::uint64_t{0};
      std::uint64_t sum = 0;
      if (values)
        for (std::uint64_t i = ctx.lane(); i < values.size; i += ctx.lanes()) {
          sum += values[i];
          values[i] += static_cast<std::uint32_t>(in.nonce);
        }
      if (ctx.lane() < 1024) partial[p][ctx.lane()] = sum;
    }
    ctx.sync();
    if (ctx.lane() != 0) return;
    for (std::uint32_t p = 0; p < 2; ++p) {
      out.words[p] = size[p];
      for (std::uint32_t l = 0; l < ctx.lanes() && l < 1024; ++l) out.sums[p] += partial[p][l];
    }
    out.larger = parts[out.sums[0] >= out.sums[1] ? 0 : 1];
    out.proof = secret(in.nonce, 8);
    out.on_device = ran_on_device();
  }
};
struct serial_slicer : slicer<rondo::execution::serial> {
  static constexpr rondo::handler_id id{"SerialSlicer"};
};
struct block_slicer : slicer<rondo::execution::block> {
  static constexpr rondo::handler_id id{"BlockSlicer"};
};

// Requests that know nothing of each other: each adds its nonce to the words of its own part.
struct independent_slicer {
  static constexpr rondo::handler_id id{"IndependentSlicer"};
  static constexpr auto execution = rondo::execution::independent;
  using request = slice_question;
  using response = slice_answer;
  RONDO_HANDLER void operator()(const slice_question& in, slice_answer& out, rondo::context& ctx) {
    const auto values = ctx.resolve<std::uint32_t>(in.first);
    if (!values) return ctx.fail(9, "no such slice");
    for (std::uint64_t i = 0; i < values.size; ++i) {
      out.sums[0] += values[i];
      values[i] += static_cast<std::uint32_t>(in.nonce);
    }
    out.words[0] = values.size;
    out.proof = secret(in.nonce, 8);
    out.on_device = ran_on_device();
  }
};

// A reply for each word of the part, behind that word's change.
struct slice_emitter {
  static constexpr rondo::handler_id id{"SliceEmitter"};
  using request = slice_question;
  using response = slice_answer;
  RONDO_HANDLER void operator()(const slice_question& in, rondo::emitter<slice_answer>& out,
                                rondo::context& ctx) {
    const auto values = ctx.resolve<std::uint32_t>(in.first);
    for (std::uint64_t i = 0; i < values.size; ++i) {
      slice_answer one;
      one.sums[0] = values[i];
      values[i] += static_cast<std::uint32_t>(in.nonce);
      one.words[0] = i;
      one.proof = secret(in.nonce, 8 + i);
      one.on_device = ran_on_device();
      if (!(i + 1 < values.size ? out.emit_more(one) : out.emit(one))) return;
    }
  }
};

}  // namespace cuda_test
