// The operations, and what each may return.
#include "kernel_model.hpp"

#include "../support/threads.hpp"

#include <algorithm>
#include <array>

namespace rondo::conformance::model {

namespace {
constexpr std::uint64_t launch_ns = 30'000'000'000;
}

void kernel_model::take(const step& one) {
  ++clock_;
  switch (one.what) {
    case op::launch:
    case op::activate:
    case op::deactivate: return change(one.what);
    case op::drain:
    case op::discard: return terminate(one.what);
    case op::push: return push(one.number, false);
    case op::push_bad: return push(1, true);
    case op::push_batch: return push_batch(one.number);
    case op::push_threads: return push_threads(one.number);
    case op::push_large: return push_large();
    case op::reserve: return reserve();
    case op::commit: return commit();
    case op::abandon: return abandon();
    case op::pop: return pop(one.number);
    case op::pop_batch: return pop_batch(one.number);
    case op::peek: return peek();
    case op::await: return await();
    case op::ask: return check_depths();
    case op::counters: return check_counters();
    case op::count: break;
  }
}

void kernel_model::finish() {
  ++clock_;
  if (claimed_) abandon();
  if (state_ != RONDO_STATE_CREATED) terminate(op::drain);
  while (state_ == RONDO_STATE_TERMINATED && !expected_.empty()) pop(1);
  check_depths();
  check_counters();
}

// ---- life

void kernel_model::change(op what) {
  const std::uint32_t to = due(what);
  const auto deadline = static_cast<std::uint64_t>(patience_.count());
  const rondo_status got = what == op::launch     ? kernel_.try_launch(launch_ns)
                           : what == op::activate ? kernel_.try_activate(deadline)
                                                  : kernel_.try_deactivate(deadline);
  const std::string call = std::string(name_of(what)) + where();
  if (to == 0) {
    rule("LIFE-02");
    expect_one_of(got, {RONDO_INVALID_STATE, RONDO_UNSUPPORTED}, call);
  } else {
    rule("LIFE-01");
    expect_status(got, RONDO_OK, call);
    state_ = to;
  }
  kernel_.expect_state(state_, "after " + call);
}

void kernel_model::terminate(op what) {
  // Whose claim is open while a kernel ends waits for himself.
  if (claimed_) abandon();
  // A drain ends only if all replies find room.
  while (what == op::drain && expected_.size() > room_ && await_one()) {
  }
  rondo_terminate_report report{};
  const auto mode = what == op::drain ? RONDO_TERMINATE_DRAIN : RONDO_TERMINATE_DISCARD;
  const auto got = kernel_.try_terminate(static_cast<std::uint32_t>(mode),
                                         static_cast<std::uint64_t>(patience_.count()), report);
  if (state_ == RONDO_STATE_CREATED) {
    rule("LIFE-02");
    return expect_status(got, RONDO_INVALID_STATE, "terminate" + where());
  }
  rule("LIFE-01");
  expect_status(got, RONDO_OK, "terminate" + where());
  rule("QUEUE-02");
  if (state_ == RONDO_STATE_TERMINATED || what == op::drain)
    expect_equal(report.discarded, 0u,
                 "what " + std::string(name_of(what)) + where() + " says that it discarded");
  require(report.discarded <= expected_.size(),
          "terminate" + where() + " says that it discarded " + std::to_string(report.discarded) +
              " messages, and " + std::to_string(expected_.size()) + " were open");
  state_ = RONDO_STATE_TERMINATED;
  kernel_.expect_state(state_, "after terminate");
  discard(report.discarded);
}

// The last ones. Where their order is open, all others are taken, so that what is left are they.
void kernel_model::discard(std::uint64_t count) {
  discarded_ += count;
  if (count == 0) return;
  if (is_ordered()) return expected_.resize(expected_.size() - count);
  for (std::uint64_t left = expected_.size() - count; left > 0; --left) {
    received reply;
    expect_status(way_->pop(reply), RONDO_OK,
                  "pop" + where() + ", whose terminate discarded " + std::to_string(count) +
                      " of " + std::to_string(count + left) + ",");
    check_reply(reply);
  }
  expected_.clear();
}

// ---- requests

void kernel_model::push(unsigned number, bool bad) {
  for (unsigned i = 0; i < number; ++i) {
    ++clock_;
    const outgoing message = next_message(bad);
    const bool must = has_room_for(1);
    const auto got = way_->push(message);
    check_pushed(got, must, "push");
    if (got == RONDO_OK) accepted(message);
  }
}

void kernel_model::push_batch(unsigned number) {
  std::vector<outgoing> all;
  for (unsigned i = 0; i < number; ++i) all.push_back(next_message(false));
  const bool must = has_room_for(number);
  std::uint64_t done = 0;
  const auto got = way_->push_batch(all, done);
  check_pushed(got, must, "push_batch");
  rule("QUEUE-12");
  require(done <= number && (got == RONDO_OK) == (done > 0),
          "push_batch of " + std::to_string(number) + " returned " + status_text(got) +
              " and says that " + std::to_string(done) + " went");
  if (must)
    expect_equal(done, number, "how many push_batch" + where() + " took, with room for all;");
  for (std::uint64_t i = 0; i < done; ++i) {
    ++clock_;
    accepted(all[i]);
  }
}

void kernel_model::push_threads(unsigned number) {
  constexpr unsigned threads = 2;
  std::array<std::vector<outgoing>, threads> all;
  for (auto& mine : all)
    for (unsigned i = 0; i < number; ++i) mine.push_back(next_message(false));
  const bool must = has_room_for(std::uint64_t{threads} * number);
  std::array<std::vector<rondo_status>, threads> got;
  together(threads, [&](unsigned self) {
    for (const auto& each : all[self]) got[self].push_back(way_->push(each));
  });
  for (unsigned self = 0; self < threads; ++self)
    for (unsigned i = 0; i < number; ++i) {
      check_pushed(got[self][i], must, "push by one of two threads");
      if (got[self][i] == RONDO_OK) accepted(all[self][i], self + 1);
    }
}

void kernel_model::push_large() {
  outgoing message = next_message(false);
  message.payload.resize(std::size_t{kernel_.info(kernel_.input()).payload_capacity} + 1);
  message.header.length = static_cast<std::uint32_t>(message.payload.size());
  const auto got = way_->push(message);
  rule("QUEUE-11");
  const std::string call = "push of a byte more than fits" + where();
  if (state_ == RONDO_STATE_TERMINATED) expect_one_of(got, {RONDO_TOO_LARGE, way_->closed()}, call);
  else expect_status(got, RONDO_TOO_LARGE, call);
}

void kernel_model::reserve() {
  if (claimed_) return;
  const bool must = has_room_for(1);
  const auto got = way_->reserve(sizeof(kernels::nonce_request));
  if (got == RONDO_UNSUPPORTED) return;
  check_pushed(got, must, "reserve");
  claimed_ = got == RONDO_OK;
  claimed_at_ = clock_;
}

void kernel_model::commit() {
  if (!claimed_) return;
  const outgoing message = next_message(false);
  rule("QUEUE-13");
  expect_status(way_->commit(message), RONDO_OK, "commit" + where());
  claimed_ = false;
  accepted(message);
  expected_.back().begin = claimed_at_;
}

void kernel_model::abandon() {
  if (!claimed_) return;
  rule("QUEUE-13");
  expect_status(way_->abandon(), RONDO_OK, "abandon" + where());
  claimed_ = false;
  ++ghosts_;
  ++abandoned_;
}

// ---- replies

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
  if (expected_.empty()) return false;
  if (at_rest() && kernel_.info(kernel_.output()).depth == 0) return false;
  received reply;
  rondo_status got = RONDO_EMPTY;
  eventually([&] { return (got = way_->pop(reply)) != RONDO_EMPTY; }, patience_);
  rule("QUEUE-02");
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
  if (at_rest()) return pop(most_at_once);
  const auto is_due = [&](const entry& one) { return !claimed_ || one.end < claimed_at_; };
  while (std::any_of(expected_.begin(), expected_.end(), is_due)) await_one();
}

}  // namespace rondo::conformance::model
