// What the handlers of the conformance suite take and give. Included by the module, for host and
// device, and by the cases that speak to it. Replies are functions of the request which nothing but
// the handler computes, so that no reply can be made by anyone else.
#pragma once

#include <rondo/kernel/dispatch.hpp>

namespace conformance_kernels {

RONDO_HANDLER constexpr std::uint64_t secret(std::uint64_t nonce, std::uint64_t salt) {
  std::uint64_t x = nonce + salt * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}
inline constexpr std::uint64_t nonce_salt = 11, other_salt = 12, large_salt = 13, emit_salt = 14,
                               chain_salt = 15, text_salt = 16, independent_salt = 20,
                               brief_salt = 21;
inline constexpr std::uint64_t chain_start = 0x636861696eu;

// ---- ConformanceNonce, ConformanceOther: proof of work, order and state

struct nonce_request {
  std::uint64_t nonce = 0;
  std::uint64_t filling[7]{};
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, filling);
  }
};
RONDO_MESSAGE(nonce_request, "ConformanceNonceRequest", 3, plain);

struct nonce_reply {
  std::uint64_t proof = 0;  // secret(nonce, the handler's salt)
  std::uint64_t chain = 0;  // of all requests of this kernel so far, in order
  std::uint64_t count = 0;  // how many they are
  std::uint64_t kernel_tag = 0;
  std::uint64_t correlation_id = 0;
  std::uint64_t message_id = 0;
  std::uint64_t filling = 0;  // sum of the request's
  std::uint32_t on_device = 0;
  std::uint32_t lanes = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(proof, chain, count, kernel_tag, correlation_id, message_id, filling, on_device, lanes);
  }
};
RONDO_MESSAGE(nonce_reply, "ConformanceNonceReply", 5, plain);

// ---- ConformanceTypes: every kind of field, each optional set or not

enum class shade : std::uint16_t { dark = 7, light = 1009 };

struct point {
  float x = 0;
  std::int16_t y = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(x, y);
  }
};

struct types_request {
  bool flag = false;
  std::int8_t i8 = 0;
  std::uint8_t u8 = 0;
  std::int16_t i16 = 0;
  std::uint16_t u16 = 0;
  std::int32_t i32 = 0;
  std::uint32_t u32 = 0;
  std::int64_t i64 = 0;
  std::uint64_t u64 = 0;
  float f32 = 0;
  double f64 = 0;
  shade colour = shade::dark;
  std::int32_t array[3]{};
  rondo::bounded_string<40> text;
  rondo::bounded_vector<std::uint32_t, 8> numbers;
  rondo::bounded_vector<point, 3> points;
  rondo::optional<std::int32_t> maybe;
  rondo::optional<point> maybe_point;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(flag, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, colour, array, text, numbers, points,
       maybe, maybe_point);
  }
};
RONDO_MESSAGE(types_request, "ConformanceTypesRequest", 2, encoded);

// The request changed field by field: another type, so that an echo cannot pass for it.
struct types_reply {
  std::uint32_t on_device = 0;
  types_request changed;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(on_device, changed);
  }
};
RONDO_MESSAGE(types_reply, "ConformanceTypesReply", 1, encoded);

RONDO_HANDLER constexpr types_request change(const types_request& in) {
  types_request out = in;
  out.flag = !in.flag;
  out.i8 = static_cast<std::int8_t>(in.i8 ^ 0x55);
  out.u8 = static_cast<std::uint8_t>(in.u8 ^ 0xaa);
  out.i16 = static_cast<std::int16_t>(in.i16 ^ 0x1234);
  out.u16 = static_cast<std::uint16_t>(in.u16 + 3u);
  out.i32 = in.i32 ^ 0x12345678;
  out.u32 = in.u32 * 3u + 1u;
  out.i64 = in.i64 ^ 0x123456789abcdef;
  out.u64 = secret(in.u64, text_salt);
  out.f32 = in.f32 * 0.5f;
  out.f64 = in.f64 * 0.25;
  out.colour = in.colour == shade::dark ? shade::light : shade::dark;
  for (int i = 0; i < 3; ++i) out.array[i] = in.array[2 - i];
  for (std::uint32_t i = 0; i < in.numbers.size(); ++i) out.numbers[i] = in.numbers[i] ^ i;
  for (std::uint32_t i = 0; i < in.points.size(); ++i)
    out.points[i].y = static_cast<std::int16_t>(in.points[i].y + 1);
  if (in.maybe.has_value()) out.maybe = *in.maybe + 1;
  if (in.maybe_point.has_value()) out.maybe_point = point{(*in.maybe_point).x * 2, 9};
  return out;
}

// ---- ConformanceControl: loops, a switch with a fall-through, early returns, nested conditions

struct control_request {
  std::uint32_t kind = 0;
  std::uint32_t rounds = 0;
  std::uint64_t seed = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(kind, rounds, seed);
  }
};
RONDO_MESSAGE(control_request, "ConformanceControlRequest", 1, plain);
struct control_reply {
  std::uint64_t value = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(value);
  }
};
RONDO_MESSAGE(control_reply, "ConformanceControlReply", 1, plain);

RONDO_HANDLER constexpr std::uint64_t walk(const control_request& in) {
  std::uint64_t x = in.seed;
  if (in.kind == 0) return secret(x, 1);
  for (std::uint32_t i = 0; i < in.rounds; ++i) {
    if (i % 7 == 3) continue;
    switch ((in.kind + i) % 5) {
      case 0: x += i; [[fallthrough]];
      case 1: x ^= x << 13; break;
      case 2:
        if (x % 3 == 0) return secret(x, i);
        x = x * 5 + 1;
        break;
      case 3:
        for (std::uint32_t j = i; j > 0 && x % 2 == 0; --j) x = x / 2 + j;
        break;
      default: x -= 3;
    }
    if (i > 50 && in.kind == 4) break;
  }
  return x;
}

// ---- ConformanceCounter: a sum in the kernel's state

struct counter_request {
  std::uint64_t amount = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(amount);
  }
};
RONDO_MESSAGE(counter_request, "ConformanceCounterRequest", 1, plain);
struct counter_reply {
  std::uint64_t total = 0;
  std::uint64_t requests = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(total, requests);
  }
};
RONDO_MESSAGE(counter_reply, "ConformanceCounterReply", 1, plain);

// ---- ConformanceSlow, ConformanceHang: busy for a while, whatever the host says

struct slow_request {
  std::uint64_t nonce = 0;
  std::uint64_t microseconds = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, microseconds);
  }
};
RONDO_MESSAGE(slow_request, "ConformanceSlowRequest", 1, plain);
struct slow_reply {
  std::uint64_t proof = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(proof);
  }
};
RONDO_MESSAGE(slow_reply, "ConformanceSlowReply", 1, plain);

// ---- ConformanceBusy: as many replies as it is told, and then busy; they are slow_reply

struct busy_request {
  std::uint64_t nonce = 0;
  std::uint64_t microseconds = 0;
  std::uint64_t shown = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, microseconds, shown);
  }
};
RONDO_MESSAGE(busy_request, "ConformanceBusyRequest", 1, plain);
inline constexpr std::uint64_t longest_slow_us = 2'000'000, longest_hang_us = 60'000'000;

// ---- ConformanceIndependent: its requests do not depend on each other, and differ in how long
// they take and in whether they fail

struct independent_request {
  std::uint64_t nonce = 0;
  std::uint32_t microseconds = 0;
  std::int32_t fails_with = 0;  // nonzero: it fails with this user_code
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, microseconds, fails_with);
  }
};
RONDO_MESSAGE(independent_request, "ConformanceIndependentRequest", 1, plain);
struct independent_reply {
  std::uint64_t proof = 0;
  std::uint64_t correlation_id = 0;  // as the handler sees it
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(proof, correlation_id);
  }
};
RONDO_MESSAGE(independent_reply, "ConformanceIndependentReply", 1, plain);

// ---- ConformanceBrief: is done at once, and so may be handed several requests together

enum class misdeed : std::uint32_t { none, fail, fail_twice, fail_and_fill, raise };

struct brief_request {
  std::uint64_t nonce = 0;
  misdeed what = misdeed::none;  // none, fail or raise
  std::int32_t user_code = 0;    // of a failure
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, what, user_code);
  }
};
RONDO_MESSAGE(brief_request, "ConformanceBriefRequest", 1, plain);
struct brief_reply {
  std::uint64_t proof = 0;
  std::uint64_t count = 0;       // of the requests of this kernel so far
  std::uint64_t message_id = 0;  // these as the handler sees them
  std::uint64_t correlation_id = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(proof, count, message_id, correlation_id);
  }
};
RONDO_MESSAGE(brief_reply, "ConformanceBriefReply", 1, plain);

// ---- ConformanceFail: fails or throws as it is told

struct fail_request {
  misdeed what = misdeed::none;
  std::int32_t user_code = 0;
  std::uint32_t text_length = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(what, user_code, text_length);
  }
};
RONDO_MESSAGE(fail_request, "ConformanceFailRequest", 1, plain);
struct fail_reply {
  std::uint32_t value = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(value);
  }
};
RONDO_MESSAGE(fail_reply, "ConformanceFailReply", 1, plain);
inline constexpr std::uint32_t longest_text = 250;  // beyond RONDO_FAILURE_TEXT_MAX
RONDO_HANDLER constexpr char letter(std::uint32_t i) { return static_cast<char>('a' + i % 26); }

// ---- ConformanceLarge: 64 KiB there and back

inline constexpr std::uint32_t large_words = RONDO_MAX_PAYLOAD / sizeof(std::uint64_t);
struct large_request {
  std::uint64_t word[large_words]{};
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(word);
  }
};
RONDO_MESSAGE(large_request, "ConformanceLargeRequest", 1, plain);
struct large_reply {
  std::uint64_t word[large_words]{};
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(word);
  }
};
RONDO_MESSAGE(large_reply, "ConformanceLargeReply", 1, plain);

// ---- ConformanceEmit: none, one or many replies

struct emit_request {
  std::uint64_t nonce = 0;
  std::uint32_t count = 0;
  std::uint32_t fails_after = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, count, fails_after);
  }
};
RONDO_MESSAGE(emit_request, "ConformanceEmitRequest", 1, plain);
struct emit_reply {
  std::uint64_t proof = 0;
  std::uint64_t index = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(proof, index);
  }
};
RONDO_MESSAGE(emit_reply, "ConformanceEmitReply", 1, plain);

// ---- ConformanceBuffer, ConformanceSlice: adds up what a buffer or a part of one holds, and adds
// one to each

struct buffer_request {
  rondo::buffer_ref buffer;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(buffer);
  }
};
RONDO_MESSAGE(buffer_request, "ConformanceBufferRequest", 1, plain);
struct slice_request {
  rondo::buffer_slice part;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(part);
  }
};
RONDO_MESSAGE(slice_request, "ConformanceSliceRequest", 1, plain);
struct buffer_reply {
  std::uint64_t elements = 0;  // as the handler sees it; 0 if it is empty to it
  std::uint64_t sum = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(elements, sum);
  }
};
RONDO_MESSAGE(buffer_reply, "ConformanceBufferReply", 1, plain);

}  // namespace conformance_kernels
