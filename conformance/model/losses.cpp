// Kernels whose output is not waited for. Of what finds it full no reply comes, unless somebody
// waits for it: then a failure, in its turn. So what has no reply is known to be lost when a later
// reply comes, or when the kernel is done with all that it was sent.
#include "kernel_model.hpp"

#include <algorithm>

namespace rondo::conformance::model {

// There were as many replies in the output as it can hold: at least so many must have been popped
// since the request was sent.
void kernel_model::check_was_full(const entry& request, std::uint64_t answered) {
  rule("QUEUE-21");
  require(answered - request.answered_before >= room_,
          "a reply was lost" + where() + " when the output cannot have been full");
}

// What the counters and the handler know of it.
void kernel_model::lose(const entry& request) {
  check_was_full(request, answered_);
  if (!request.is_late || !request.is_awaited) ++lost_;
  if (request.is_late) {
    ++expired_;
    return;
  }
  ++handled_;
  if (request.is_bad || with_.has(trait::reject)) ++failed_;
  else voice_->skip({request.nonce, request.life, where()});
}

// Nobody waits for what is lost without a word, and all others are told in their turn.
void kernel_model::lose_before(const entry& request) {
  const auto is_earlier = [&](const entry& other) {
    return open_.comes_before(other, request) || open_.overtakes(other, request);
  };
  entry lost;
  for (auto all = open_.all(); const entry& other : all) {
    if (other.is_awaited || !is_earlier(other) || !open_.take(other.nonce, lost)) continue;
    lose(lost);
  }
}

// A failure in place of a reply that found no room.
void kernel_model::check_lost(const received& reply, const entry& request) {
  const auto code = reply.failure().code;
  rule("QUEUE-21");
  expect_status(code, with_.has(trait::reject) ? RONDO_FULL : RONDO_DROPPED,
                "a request" + where() + " whose reply found the output full");
  require(request.is_awaited || with_.has(trait::reject),
          "somebody is told that a reply" + where() + " was dropped who does not wait for it");
  check_was_full(request, answered_ - 1);
  ++lost_;
  ++handled_;
  if (with_.has(trait::reject)) ++failed_;
  else voice_->skip({request.nonce, request.life, where()});
}

bool kernel_model::has_awaited() const {
  return std::any_of(open_.all().begin(), open_.all().end(),
                     [](const entry& one) { return one.is_awaited; });
}

// Until nothing is open: all was handled, who waits was told, and what is left is lost.
void kernel_model::await_or_lose() {
  if (at_rest() || claimed_) return pop(most_at_once);
  rondo_kernel_counters now{};
  eventually(
      [&] {
        now = kernel_.counters();
        return processed(now) + discarded_ >= accepted_;
      },
      patience_);
  rule("QUEUE-21");
  require(processed(now) + discarded_ >= accepted_,
          "a kernel whose output is not waited for does not go on; it has handled " +
              std::to_string(processed(now)) + " of " + std::to_string(accepted_) + " requests");
  // A reply is there before it is counted.
  const auto is_more = [&] {
    return answered_ < kernel_.counters().messages_out || kernel_.info(kernel_.output()).depth != 0;
  };
  while (has_awaited() || is_more()) {
    received reply;
    rondo_status got = RONDO_EMPTY;
    eventually([&] { return (got = way_->pop(reply)) != RONDO_EMPTY; }, patience_);
    rule(has_awaited() ? "QUEUE-20" : "QUEUE-02");
    expect_status(got, RONDO_OK, "pop" + where() + " which owes an answer,");
    check_reply(reply);
  }
  lose_all(0);
}

// The kernel is terminated. Whom it then owes an answer is told when it is launched again.
void kernel_model::end_losses(std::uint64_t discarded) {
  received reply;
  while (way_->pop(reply) == RONDO_OK) check_reply(reply);
  for (const entry& one : open_.all())
    if (one.is_awaited) owed_.insert(one.nonce);
  lose_all(discarded);
}

// But for the last ones, which were discarded. Where their order is open nobody knows which.
void kernel_model::lose_all(std::uint64_t discarded) {
  rule("QUEUE-02");
  require(open_.size() >= discarded, "terminate" + where() + " says that it discarded " +
                                         std::to_string(discarded) + " messages, and " +
                                         std::to_string(open_.size()) + " were not answered");
  if (discarded > 0 && !open_.is_ordered()) {
    unsure_ += open_.size();
  } else {
    open_.cut(discarded);
    for (const entry& one : open_.all()) lose(one);
  }
  open_.clear();
}

void kernel_model::check_losses(const rondo_kernel_counters& now) {
  const std::uint64_t more = open_.size() + unsure_ + told_bad_;
  rule("TEL-09");
  require(now.replies_dropped >= lost_ && now.replies_dropped <= lost_ + more,
          "replies_dropped" + where() + " is " + std::to_string(now.replies_dropped) + "; " +
              std::to_string(lost_) + " were lost for sure, and " + std::to_string(more) +
              " more can have been");
  rule("QUEUE-21");
  require(now.messages_failed >= failed_ && now.messages_failed <= failed_ + more,
          "messages_failed" + where() + " is " + std::to_string(now.messages_failed) + "; " +
              std::to_string(failed_) + " failed for sure, and " + std::to_string(more) +
              " more can have");
}

}  // namespace rondo::conformance::model
