// The answers that somebody is owed, in device memory behind the rules_block, and how a failure
// becomes a reply without a request in hand. Calls and not part of the loop: they are seldom, and
// in every place where one is made they would lie between requests.
//
// By thread 0 of the first block.
#pragma once

#include <rondo/device/team_ring.hpp>

namespace rondo::device {

struct reason {
  std::int32_t code;
  std::int32_t user_code;
  const char* text;
  std::uint32_t length;
};
template <std::size_t N>
RONDO_HD constexpr reason because(std::int32_t code, const char (&text)[N]) {
  static_assert(N - 1 <= RONDO_FAILURE_TEXT_MAX);
  return {code, 0, text, N - 1};
}

RONDO_DEVICE inline rules_block& rules_of(const launch_args& args) {
  return *reinterpret_cast<rules_block*>(args.rules);
}
RONDO_DEVICE inline owed_answer& owed_at(const launch_args& args, std::uint64_t i) {
  auto* all = reinterpret_cast<owed_answer*>(args.rules + sizeof(rules_block));
  const std::uint64_t at = rules_of(args).first_owed + i;
  return all[at < args.most_owed ? at : at - args.most_owed];
}
RONDO_DEVICE inline void forget_first_owed(const launch_args& args) {
  rules_block& r = rules_of(args);
  if (++r.first_owed == args.most_owed) r.first_owed = 0;
  --r.counts.owed;
}

RONDO_DEVICE inline void write_failure(rondo_failure& to, const reason& why, std::uint32_t length) {
  to.code = why.code;
  to.user_code = why.user_code;
  RONDO_KEEP_LOOP
  for (std::uint32_t k = 0; k < length; ++k) to.text[k] = why.text[k];
}

// Of a handler that emits several replies are lost to one request, and its caller is told once.
// There is a place for it: no request is taken that may come to need one and finds none, see
// may_owe().
RONDO_DEVICE RONDO_CALLED inline void remember_owed(const launch_args& args,
                                                    std::uint64_t correlation_id, reason why) {
  rules_line& count = rules_of(args).counts;
  if (args.most_owed == 0) return;
  if (count.owed != 0 && owed_at(args, count.owed - 1).correlation_id == correlation_id) return;
  owed_answer& to = owed_at(args, count.owed++);
  to.correlation_id = correlation_id;
  to.text_length = why.length;
  write_failure(to.said, why, why.length);
}

// What of the block's memory it takes to publish a reply; the same for every handler, so that a
// module has each of these functions once.
struct reply_end {
  std::uint64_t& next;
  std::uint64_t& published;
  counters_line& counters;
  std::byte* content;  // where a reply is put together
};

// With room in the output, and no reply in the content.
template <class P, class K>
RONDO_DEVICE RONDO_CALLED void publish_failure(const launch_args& args, const reply_end& to,
                                               std::uint64_t correlation_id, reason why) {
  const ring::view out = view_of(args.output);
  constexpr std::uint32_t fixed = offsetof(rondo_failure, text);
  const std::uint32_t most = out.shape.payload_capacity;
  if (most < fixed) return;
  const std::uint32_t text = least(why.length, most - fixed);
  const std::uint32_t length = fixed + text;
  const rondo_envelope head{length,      RONDO_TYPE_RESPONSE, 0, RONDO_FLAG_FAILED, 0,
                            to.next + 1, correlation_id};
  __builtin_memcpy(__builtin_assume_aligned(to.content, 16), &head, sizeof head);
  write_failure(*reinterpret_cast<rondo_failure*>(to.content + sizeof head), why, text);
  store_message<P, K>(out, to.next, to.content, sizeof head + length, 0, 1);
  ++to.next;
  ++to.counters.messages_out;
  to.counters.bytes_out += length;
  if (K::is_chunked(out)) return;
  P::store_release(&out.producer->tail, to.next);  // SYNC: tail-published
  to.published = to.next;
}

// As many as there is room for; `out_head` is what the host took. How many that were.
template <class P, class K>
RONDO_DEVICE RONDO_CALLED std::uint32_t tell_owed(const launch_args& args, const reply_end& to,
                                                  std::uint64_t out_head) {
  std::uint32_t told = 0;
  RONDO_KEEP_LOOP
  for (; rules_of(args).counts.owed != 0 && to.next - out_head < args.output.capacity; ++told) {
    const owed_answer& it = owed_at(args, 0);
    publish_failure<P, K>(args, to, it.correlation_id,
                          {it.said.code, it.said.user_code, it.said.text, it.text_length});
    forget_first_owed(args);
  }
  return told;
}

}  // namespace rondo::device
