// Whether a response is filled is asked of plain ones only: others are made from a T{}.
// expect: fills_response is for handlers with one response that is plain
#include <rondo/kernel/registration.hpp>

struct ping {
  std::uint64_t nonce;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce);
  }
};
RONDO_MESSAGE(ping, "Ping", 1, plain);

struct words {
  rondo::bounded_vector<std::uint64_t, 4> values;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(values);
  }
};
RONDO_MESSAGE(words, "Words", 1, encoded);

struct pong {
  static constexpr rondo::handler_id id{"Pong"};
  static constexpr bool fills_response = true;
  using request = ping;
#ifdef RONDO_BAD
  using response = words;
  RONDO_HANDLER void operator()(const ping& in, words& out, rondo::context&) {
    out.values.push_back(in.nonce);
  }
#else
  using response = ping;
  RONDO_HANDLER void operator()(const ping& in, ping& out, rondo::context&) { out = in; }
#endif
};
RONDO_KERNEL(pong);
