// Handlers for the tests of the device loop. What they are sent and what they answer follows from
// the message's number, so that a torn, stale or foreign byte shows on either side.
#pragma once

#include <rondo/kernel/dispatch.hpp>

#include <functional>

namespace rondo::test {

constexpr std::uint32_t word_of(std::uint64_t id, std::uint32_t i) {
  const std::uint64_t mixed = (id + 1) * 0x9e3779b97f4a7c15ull + i * 0xc2b2ae3d27d4eb4full;
  return static_cast<std::uint32_t>(mixed >> 32);
}
// A reply's words are those of this number.
constexpr std::uint64_t answer_to(std::uint64_t id) { return id ^ 0x5bd1e995a5a5a5a5ull; }

enum class wish : std::uint32_t {
  reply = 0,
  fail = 1,           // ctx.fail() by lane 0
  fail_last = 2,      // by the last lane
  emit_too_long = 3,  // what does not fit its type
};

// N words behind the number: plain messages of every size.
template <std::uint32_t N>
struct sized {
  std::uint64_t id;
  wish wanted;
  std::uint32_t many;  // replies, of emitters
  std::uint32_t words[N];

  template <class A>
  constexpr void serialize(A& ar) {
    ar(id, wanted, many, words);
  }
};
template <std::uint32_t N>
constexpr message_info rondo_message_of(detail::message_tag<sized<N>>) {
  return {"Sized", 3, encoding::plain};
}

// Up to N words: encoded messages of every length.
template <std::uint32_t N>
struct listed {
  std::uint64_t id = 0;
  wish wanted{};
  std::uint32_t many = 0;
  bounded_vector<std::uint32_t, N> words;

  template <class A>
  constexpr void serialize(A& ar) {
    ar(id, wanted, many, words);
  }
};
template <std::uint32_t N>
constexpr message_info rondo_message_of(detail::message_tag<listed<N>>) {
  return {"Listed", 3, encoding::encoded};
}

template <std::uint32_t N>
constexpr std::uint32_t size_of(const sized<N>&) {
  return N;
}
template <std::uint32_t N>
constexpr std::uint32_t size_of(const listed<N>& m) {
  return m.words.size();
}

// As many words as the number asks for, of those that fit.
template <std::uint32_t N>
void fill(sized<N>& m, std::uint64_t id) {
  m.id = id;
  for (std::uint32_t i = 0; i < N; ++i) m.words[i] = word_of(id, i);
}
template <std::uint32_t N>
void fill(listed<N>& m, std::uint64_t id) {
  m.id = id;
  m.words.resize(word_of(id, N) % (N + 1));
  for (std::uint32_t i = 0; i < m.words.size(); ++i) m.words[i] = word_of(id, i);
}
template <std::uint32_t N>
void make_room(sized<N>&, std::uint64_t) {}
template <std::uint32_t N>
void make_room(listed<N>& m, std::uint64_t id) {
  m.words.resize(word_of(id, N) % (N + 1));
}

// Whether words first, first + step, … are those of message `id`.
template <class M>
bool is_filled(const M& m, std::uint64_t id, std::uint32_t first = 0, std::uint32_t step = 1) {
  for (std::uint32_t i = first; i < size_of(m); i += step)
    if (m.words[i] != word_of(id, i)) return false;
  return true;
}

inline constexpr std::int32_t torn_code = 99;
inline constexpr std::int32_t wanted_code = -5;

// Answers with words of its own, all lanes together.
template <class Request, class Response, execution How = execution::serial>
struct answering {
  static constexpr handler_id id{"Answering"};
  static constexpr enum execution execution = How;
  using request = Request;
  using response = Response;

  std::uint64_t born = 0x600d;  // what the constructor wrote
  std::uint64_t handled = 0;
  std::uint64_t last_id = 0;

  void operator()(const request& in, response& out, context& ctx) {
    if (!is_filled(in, in.id, ctx.lane(), ctx.lanes())) ctx.fail(torn_code, "torn");
    if (born != 0x600d) ctx.fail(torn_code, "no state");
    const std::uint32_t failing = in.wanted == wish::fail_last ? ctx.lanes() - 1 : 0;
    if (in.wanted != wish::reply && ctx.lane() == failing) ctx.fail(wanted_code, "as you wish");
    const std::uint64_t answer = answer_to(in.id);
    if (ctx.lane() == 0) {
      out.id = answer;
      make_room(out, answer);
    }
    ctx.sync();
    for (std::uint32_t i = ctx.lane(); i < size_of(out); i += ctx.lanes())
      out.words[i] = word_of(answer, i);
    if (ctx.lane() != 0) return;
    if constexpr (How != execution::independent) {
      ++handled;
      last_id = in.id;
    }
  }
};

// Emits as many replies as it is asked for; reply k of request n has the number n << 8 | k.
template <class Request, class Response, execution How = execution::serial>
struct emitting {
  static constexpr handler_id id{"Emitting"};
  static constexpr enum execution execution = How;
  using request = Request;
  using response = Response;

  std::uint64_t handled = 0;
  std::uint64_t refused = 0;  // emits

  void operator()(const request& in, emitter<response>& out, context& ctx) {
    if (!is_filled(in, in.id, ctx.lane(), ctx.lanes())) ctx.fail(torn_code, "torn");
    for (std::uint32_t k = 0; k < in.many; ++k) {
      response reply{};
      fill(reply, answer_to(in.id << 8 | k));
      const bool went = out.emit(reply);
      if (!went && ctx.lane() == 0) ++refused;
    }
    const std::uint32_t failing = in.wanted == wish::fail_last ? ctx.lanes() - 1 : 0;
    if (in.wanted != wish::reply && ctx.lane() == failing) ctx.fail(wanted_code, "as you wish");
    if (ctx.lane() == 0) ++handled;
  }
};

// A handler that a test looks into: each lane calls `before` and `after`, which are set while no
// launch runs.
template <class Base>
struct hooked : Base {
  using request = typename Base::request;
  using response = typename Base::response;
  using out = std::conditional_t<replying_handler<Base>, response, emitter<response>>;
  using hook = std::function<void(const request&, context&)>;

  static inline hook before, after;
  static void unhook() { before = after = nullptr; }

  void operator()(const request& in, out& to, context& ctx) {
    if (before) before(in, ctx);
    Base::operator()(in, to, ctx);
    if (after) after(in, ctx);
  }
};

}  // namespace rondo::test
