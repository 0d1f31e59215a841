// Receiving, and what each reply must be.
#include "kernel_model.hpp"

#include <algorithm>

namespace rondo::conformance::model {

void kernel_model::pop(unsigned number) {
  for (unsigned i = 0; i < number; ++i) {
    received reply;
    const auto got = way_->pop(reply);
    if (got == RONDO_EMPTY) return check_empty();
    expect_status(got, RONDO_OK, "pop" + where());
    check_reply(reply);
  }
}

void kernel_model::pop_batch(unsigned number) {
  std::vector<received> replies;
  const auto got = way_->pop_batch(replies, number);
  if (got == RONDO_EMPTY) return check_empty();
  rule("QUEUE-12");
  expect_status(got, RONDO_OK, "pop_batch" + where());
  for (const auto& each : replies) check_reply(each);
}

void kernel_model::peek() {
  received first, again;
  const auto got = way_->peek(first);
  if (got == RONDO_UNSUPPORTED) return;
  if (got == RONDO_EMPTY) return check_empty();
  rule("QUEUE-14");
  expect_status(got, RONDO_OK, "peek" + where());
  expect_status(way_->peek(again), RONDO_OK, "a second peek" + where());
  require(std::memcmp(&first.header, &again.header, sizeof first.header) == 0 &&
              first.payload == again.payload,
          "a second peek" + where() + " shows another message than the first");
  expect_status(way_->release(), RONDO_OK, "release" + where());
  check_reply(first);
}

// False if no reply can be due.
bool kernel_model::await_one() {
  if (open_.empty()) return false;
  if (at_rest() && kernel_.info(kernel_.output()).depth == 0) return false;
  received reply;
  rondo_status got = RONDO_EMPTY;
  eventually([&] { return (got = way_->pop(reply)) != RONDO_EMPTY; }, patience_);
  rule(rule_of_answers());
  if (got == RONDO_EMPTY)
    fail("no reply comes" + where() + ", which has accepted " + std::to_string(accepted_) +
         " messages, answered " + std::to_string(answered_) + " and discarded " +
         std::to_string(discarded_));
  expect_status(got, RONDO_OK, "pop" + where());
  check_reply(reply);
  return true;
}

// All that must come: what lies behind a claim that is open may have to wait for it.
void kernel_model::await() {
  if (is_lossy()) return await_or_lose();
  if (at_rest()) return pop(most_at_once);
  const auto is_due = [&](const entry& one) {
    return !claimed_ || one.end < claimed_at_ || one.in == lane::urgent;
  };
  while (std::any_of(open_.all().begin(), open_.all().end(), is_due)) await_one();
}

// Messages that come seldom, so that a timer that comes only with messages falls behind.
void kernel_model::tick() {
  if (!voice_->has_timer() || at_rest() || claimed_) return;
  await();
  const auto end = now_ns() + static_cast<std::uint64_t>(patience_.count());
  for (auto pause = std::chrono::milliseconds(2); voice_->timers_due() > 0 && now_ns() < end;
       pause *= 2) {
    let_pass(pause, "a look for timers that are due costs a round trip");
    push(1, {});
    await();
  }
  rule(voice_->rule_of_timers());
  expect_equal(voice_->timers_due(), 0u, "the timers" + where() + " that have not come");
}

// ---- what is held against the model

// What is broken when the first answers that are due do not come.
std::string_view kernel_model::rule_of_answers() const {
  const bool is_unhandled =
      !open_.empty() && (open_.all().front().is_late || open_.may_be_given_up(open_.all().front()));
  return is_unhandled ? "QUEUE-20" : "QUEUE-02";
}

void kernel_model::check_empty() {
  rule(rule_of_answers());
  require(state_ != RONDO_STATE_TERMINATED || open_.empty(),
          "there is no reply" + where() + " for " + std::to_string(open_.size()) +
              " messages that were accepted and not counted as discarded");
  rule("QUEUE-10");
  if (at_rest() && moving() == 0)
    expect_equal(kernel_.info(kernel_.output()).depth, 0u,
                 "the depth of the output" + where() + " and EMPTY,");
}

void kernel_model::check_reply(const received& reply) {
  entry request;
  rule("QUEUE-02");
  const std::uint64_t nonce = reply.header.correlation_id & ~RONDO_CORRELATION_AWAITED;
  if (owed_.erase(nonce) != 0) {
    ++answered_;
    reply_bytes_ += reply.payload.size();
    return require(reply.failed(), "a reply that was owed" + where() + " is no failure");
  }
  if (!open_.take(nonce, request) || request.is_awaited != (nonce != reply.header.correlation_id))
    fail("a reply" + where() + " is to no request that is open: it was answered before, or is " +
         "another kernel's, or was never accepted");
  if (is_lossy()) lose_before(request);
  const bool is_next = open_.is_next(request);
  rule(is_next || rule_of_answers() == "QUEUE-02" ? "QUEUE-01" : "QUEUE-20");
  require(is_next,
          "a reply" + where() + " overtakes one to a request that was accepted before its own");
  rule("MSG-04");
  expect_equal(reply.header.message_id, ++answered_, "the message_id of a reply" + where());
  reply_bytes_ += reply.payload.size();
  check_answer(reply, request);
}

void kernel_model::check_answer(const received& reply, const entry& request) {
  const rondo_status code = reply.failed() ? reply.failure().code : rondo_status{RONDO_OK};
  const bool was_given_up = code == RONDO_DROPPED && !is_lossy();
  rule("QUEUE-18");
  if (was_given_up) {
    require(open_.may_be_given_up(request),
            "a request was given up" + where() + " that had not to make room for a newer one");
    ++given_up_;
    return;
  }
  require(!request.is_given_up, "a request is answered that was given up, " + where() +
                                    " or the newer ones would have found no room,");
  rule("LIFE-03");
  require(request.takeable != not_yet,
          "a request was handled" + where() + " and has not been active since it was accepted");
  rule("QUEUE-17");
  require(!open_.is_overtaken(request),
          "a request was handled" + where() + " before an urgent one that had been waiting longer");
  if (request.is_late || request.is_bad) return check_failure(reply, request);
  rule("QUEUE-19");
  require(code != RONDO_EXPIRED,
          "a request has expired" + where() + " that has no deadline, or one far away");
  if (is_lossy() && reply.failed()) return check_lost(reply, request);
  ++handled_;
  voice_->check(reply, {request.nonce, request.life, where()});
}

void kernel_model::check_failure(const received& reply, const entry& request) {
  if (request.is_late) {
    rule("QUEUE-19");
    ++expired_;
    require(reply.failed(), "a request" + where() + " was handled after its deadline");
    return expect_status(reply.failure().code, RONDO_EXPIRED,
                         "a request" + where() + " that was sent after its deadline");
  }
  rule("MSG-01");
  ++failed_;
  ++handled_;
  if (is_lossy() && request.is_awaited) ++told_bad_;
  expect_status(reply.failure().code, RONDO_VERSION_MISMATCH,
                "a request of another version" + where());
}

}  // namespace rondo::conformance::model
