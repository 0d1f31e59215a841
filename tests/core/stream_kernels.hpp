// Handlers for streams of requests and of replies; registered in stream_test.cpp.
#pragma once

#include "test_kernels.hpp"

#include <atomic>

namespace core_test {

// Requests that are not answered. What it did is seen by the test, as both are in one process.
inline std::atomic<std::uint64_t> noted_count{0}, noted_sum{0};

struct noting {
  static constexpr rondo::handler_id id{"Noting"};
  using request = question;
  using response = small_reply;
  void operator()(const request& in, rondo::emitter<response>&, rondo::context& ctx) {
    if (in.filling[0] < gate_count && in.filling[1] != 0) gates[in.filling[0]].pass();
    noted_sum += in.nonce;
    ++noted_count;
    if (in.nonce == 0) ctx.fail(9, "nothing to note");
  }
};

// As many replies as asked for, all but the last of which say that more follow.
struct counting {
  static constexpr rondo::handler_id id{"Counting"};
  using request = burst;
  using response = small_reply;
  void operator()(const request& in, rondo::emitter<response>& out, rondo::context& ctx) {
    for (std::uint32_t i = 1; i < in.count; ++i)
      if (!out.emit_more({i})) return;
    if (in.fails_after) return ctx.fail(5, "after the last but one");
    if (in.count > 0) out.emit({in.count});
  }
};

}  // namespace core_test
