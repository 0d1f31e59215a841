// A histogram that lives in the kernel: samples go in without an answer, a report comes out as a
// stream of replies, one for each bucket. Included by the kernel module and by its callers.
#pragma once

#include <rondo/kernel/dispatch.hpp>

#include <cstdint>

enum class histogram_operation : std::uint32_t { add, report };

struct histogram_request {
  histogram_operation operation = histogram_operation::add;
  std::uint32_t sample = 0;  // add: 0 to 99
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(operation, sample);
  }
};
RONDO_MESSAGE(histogram_request, "HistogramRequest", 1, plain);

struct histogram_bucket {
  std::uint32_t from = 0, to = 0;  // samples in [from, to)
  std::uint64_t count = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(from, to, count);
  }
};
RONDO_MESSAGE(histogram_bucket, "HistogramBucket", 1, plain);

struct histogram {
  static constexpr rondo::handler_id id{"Histogram"};
  using request = histogram_request;
  using response = histogram_bucket;

  RONDO_HANDLER void operator()(const request& in, rondo::emitter<response>& out,
                                rondo::context& ctx) {
    if (in.operation == histogram_operation::report) return report(out);
    if (in.sample >= limit) return ctx.fail(1, "a sample is at most 99");
    ++counts[in.sample / width];
  }

 private:
  static constexpr std::uint32_t buckets = 4, width = 25, limit = buckets * width;

  // emit_more() says that another follows, so the receiver sees which is the last.
  RONDO_HANDLER void report(rondo::emitter<response>& out) const {
    for (std::uint32_t i = 0; i < buckets; ++i) {
      const response bucket{i * width, (i + 1) * width, counts[i]};
      if (!(i + 1 < buckets ? out.emit_more(bucket) : out.emit(bucket))) return;
    }
  }

  std::uint64_t counts[buckets]{};
};
