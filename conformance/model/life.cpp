// The operations, and those on a kernel's life.
#include "kernel_model.hpp"

namespace rondo::conformance::model {

namespace {
constexpr std::uint64_t launch_ns = 30'000'000'000;
constexpr auto longer_than_timers = std::chrono::milliseconds(5);
}  // namespace

void kernel_model::take(const step& one) {
  ++clock_;
  switch (one.what) {
    case op::launch:
    case op::activate:
    case op::deactivate: return change(one.what);
    case op::drain:
    case op::discard: return terminate(one.what);
    case op::push: return push(one.number, {});
    case op::push_bad: return push(1, {.is_bad = true});
    case op::push_urgent: return push(one.number, {.in = lane::urgent});
    case op::push_late: return push(one.number, {.is_late = true});
    case op::push_early: return push(one.number, {.has_deadline = true});
    case op::timer: return push(1, {.asks = timing::soon});
    case op::timer_often: return push(1, {.asks = timing::often});
    case op::timer_far: return push(1, {.asks = timing::far});
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
    case op::tick: return tick();
    case op::hold: return hold();
    case op::ask: return check_depths();
    case op::counters: return check_counters();
    case op::count: break;
  }
}

void kernel_model::finish() {
  ++clock_;
  if (claimed_) abandon();
  if (state_ != RONDO_STATE_CREATED) terminate(op::drain);
  while (state_ == RONDO_STATE_TERMINATED && !open_.empty()) pop(1);
  check_depths();
  check_counters();
}

void kernel_model::change(op what) {
  const std::uint32_t to = due(what);
  const std::uint64_t began = now_ns();
  const bool refuses = what == op::launch && to != 0 && voice_->refuses_launch();
  const std::string call = std::string(name_of(what)) + where();
  explanation_record why;
  const auto deadline = static_cast<std::uint64_t>(patience_.count());
  const rondo_status got = what == op::launch     ? kernel_.try_launch(launch_ns, why.sink())
                           : what == op::activate ? kernel_.try_activate(deadline)
                                                  : kernel_.try_deactivate(deadline);
  if (to == 0) {
    rule("LIFE-02");
    expect_one_of(got, {RONDO_INVALID_STATE, RONDO_UNSUPPORTED}, call);
  } else if (refuses) {
    voice_->check_refusal(got, why.message);
  } else {
    rule("LIFE-01");
    expect_status(got, RONDO_OK, call);
    note_change(what, began);
    state_ = to;
  }
  kernel_.expect_state(state_, "after " + call);
}

void kernel_model::note_change(op what, std::uint64_t began_ns) {
  if (what == op::launch) ++life_;
  if (what == op::launch || (what == op::deactivate && state_ == RONDO_STATE_ACTIVE))
    inactive_since_ns_ = now_ns();
  if (what != op::activate) return;
  if (at_rest()) voice_->was_inactive(inactive_since_ns_, began_ns);
  open_.runs(clock_);
}

// What timers would come to that do not wait.
void kernel_model::hold() {
  const bool was_active = state_ == RONDO_STATE_ACTIVE;
  if (was_active) change(op::deactivate);
  if (voice_->has_timer())
    let_pass(longer_than_timers, "timers become due, and none may come to a kernel at rest");
  if (was_active) change(op::activate);
}

void kernel_model::terminate(op what) {
  // Whose claim is open while a kernel ends waits for himself.
  if (claimed_) abandon();
  // A drain ends only if all replies find room.
  while (what == op::drain && !is_lossy() && open_.size() > room_ && await_one()) {
  }
  if (what == op::drain) open_.runs(clock_);
  rondo_terminate_report report{};
  const auto mode = what == op::drain ? RONDO_TERMINATE_DRAIN : RONDO_TERMINATE_DISCARD;
  const auto got = kernel_.try_terminate(static_cast<std::uint32_t>(mode),
                                         static_cast<std::uint64_t>(patience_.count()), report);
  if (state_ == RONDO_STATE_CREATED) {
    rule("LIFE-02");
    return expect_status(got, RONDO_INVALID_STATE, "terminate" + where());
  }
  rule(is_lossy() && got == RONDO_TIMEOUT ? "QUEUE-21" : "LIFE-01");
  expect_status(got, RONDO_OK, "terminate" + where());
  rule("QUEUE-02");
  if (state_ == RONDO_STATE_TERMINATED || what == op::drain)
    expect_equal(report.discarded, 0u,
                 "what " + std::string(name_of(what)) + where() + " says that it discarded");
  require(report.discarded <= open_.size(),
          "terminate" + where() + " says that it discarded " + std::to_string(report.discarded) +
              " messages, and " + std::to_string(open_.size()) + " were open");
  state_ = RONDO_STATE_TERMINATED;
  kernel_.expect_state(state_, "after terminate");
  discard(report.discarded);
}

// The last ones. Where their order is open, all others are taken, so that what is left are they.
void kernel_model::discard(std::uint64_t count) {
  discarded_ += count;
  if (is_lossy()) return end_losses(count);
  if (count == 0) return;
  if (open_.is_ordered()) return open_.cut(count);
  for (std::uint64_t left = open_.size() - count; left > 0; --left) {
    received reply;
    rule(rule_of_answers());
    expect_status(way_->pop(reply), RONDO_OK,
                  "pop" + where() + ", whose terminate discarded " + std::to_string(count) +
                      " of " + std::to_string(count + left) + ",");
    check_reply(reply);
  }
  open_.clear();
}

}  // namespace rondo::conformance::model
