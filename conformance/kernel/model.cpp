// Random sequences of calls against a small model of a kernel and its queues. A sequence that the
// backend and the model disagree on is made shorter as long as they still do, and printed with the
// seed, so that the failure can be read and repeated.
#include "../support/kernel.hpp"
#include "../support/reporter.hpp"
#include "../support/suite.hpp"

#include <algorithm>
#include <deque>
#include <optional>

namespace rondo::conformance {

namespace {

enum class op : unsigned {
  launch,
  activate,
  deactivate,
  drain,
  discard,
  push,
  push_three,
  pop,
  await,
  ask,
  count
};

const char* name_of(op what) {
  static const char* const names[] = {"launch", "activate",   "deactivate", "drain", "discard",
                                      "push",   "push_three", "pop",        "await", "ask"};
  return names[static_cast<unsigned>(what)];
}

using sequence = std::vector<op>;

std::string to_text(const sequence& all) {
  std::string text;
  for (const op each : all) text += (text.empty() ? "" : " ") + std::string(name_of(each));
  return text;
}

constexpr std::uint64_t slots = 8;
constexpr std::uint64_t second = 1'000'000'000;

// What must be true of one kernel after each call.
class model {
 public:
  model(bench& it, nanoseconds patience)
      : kernel_(it, spec()), patience_(patience), relaunch_(it.has(RONDO_CAP_RELAUNCH)) {
    slots_ = kernel_.info(kernel_.input()).capacity;
  }

  // Throws case_failure where the backend and the model disagree.
  void step(op what) {
    switch (what) {
      case op::launch: return change(what, kernel_.try_launch(30 * second));
      case op::activate: return change(what, kernel_.try_activate(5 * second));
      case op::deactivate: return change(what, kernel_.try_deactivate(5 * second));
      case op::drain:
      case op::discard: return end(what);
      case op::push: return push();
      case op::push_three:
        for (int i = 0; i < 3; ++i) push();
        return;
      case op::pop: return pop(state_ == RONDO_STATE_TERMINATED);
      case op::await: return await();
      default: return ask();
    }
  }

 private:
  static kernel_spec spec() {
    kernel_spec of;
    of.input_capacity = slots;
    of.output_capacity = 4 * slots;  // never full: a drain always finishes
    return of;
  }

  // 0: refused.
  std::uint32_t due(op what) const {
    switch (what) {
      case op::launch:
        return state_ == RONDO_STATE_CREATED || (state_ == RONDO_STATE_TERMINATED && relaunch_)
                   ? RONDO_STATE_LAUNCHED
                   : 0;
      case op::activate:
        return state_ >= RONDO_STATE_LAUNCHED && state_ <= RONDO_STATE_INACTIVE ? RONDO_STATE_ACTIVE
                                                                                : 0;
      default:
        if (state_ == RONDO_STATE_LAUNCHED) return RONDO_STATE_LAUNCHED;
        return state_ == RONDO_STATE_ACTIVE || state_ == RONDO_STATE_INACTIVE ? RONDO_STATE_INACTIVE
                                                                              : 0;
    }
  }

  void change(op what, rondo_status got) {
    const std::uint32_t to = due(what);
    if (to == 0) {
      rule("LIFE-02");
      expect_one_of(got, {RONDO_INVALID_STATE, RONDO_UNSUPPORTED},
                    std::string(name_of(what)) + " while " + std::string(state_text(state_)));
    } else {
      rule("LIFE-01");
      expect_status(got, RONDO_OK,
                    std::string(name_of(what)) + " while " + std::string(state_text(state_)));
      state_ = to;
    }
    kernel_.expect_state(state_, std::string("after ") + name_of(what));
  }

  void end(op what) {
    rondo_terminate_report report{};
    const auto mode = what == op::drain ? RONDO_TERMINATE_DRAIN : RONDO_TERMINATE_DISCARD;
    const auto got = kernel_.try_terminate(static_cast<std::uint32_t>(mode), 5 * second, report);
    if (state_ == RONDO_STATE_CREATED) {
      rule("LIFE-02");
      return expect_status(got, RONDO_INVALID_STATE, "terminate of a created kernel");
    }
    rule("LIFE-01");
    expect_status(got, RONDO_OK, "terminate");
    rule("QUEUE-02");
    if (state_ == RONDO_STATE_TERMINATED || what == op::drain)
      expect_equal(report.discarded, 0u, "what terminate discarded");
    require(report.discarded <= expected_.size(), "terminate discarded more than was waiting");
    expected_.resize(expected_.size() - report.discarded);
    state_ = RONDO_STATE_TERMINATED;
    kernel_.expect_state(state_, "after terminate");
  }

  void push() {
    const std::uint64_t nonce = ++nonce_;
    const auto got = kernel_.try_send(kernels::nonce_request{nonce, {}}, nonce);
    if (state_ == RONDO_STATE_TERMINATED) {
      rule("QUEUE-04");
      return expect_status(got, RONDO_TERMINATED, "push to a terminated kernel");
    }
    rule("QUEUE-08");
    // What was not taken yet can be in the input or in the output; never more in one than in both.
    if (expected_.size() < slots_) expect_status(got, RONDO_OK, "push to a queue with room");
    else expect_one_of(got, {RONDO_OK, RONDO_FULL}, "push");
    if (got == RONDO_OK) expected_.push_back(nonce);
    require(expected_.size() <= slots_ + 4 * slots, "more was accepted than both queues can hold");
  }

  void pop(bool must) {
    received reply;
    const auto got = kernel_.try_receive(reply);
    rule("QUEUE-02");
    if (got == RONDO_EMPTY) {
      require(!must || expected_.empty(),
              "a terminated kernel has no reply for a message that was "
              "accepted and not counted as discarded");
      return;
    }
    take(got, reply);
  }

  void await() {
    rule("QUEUE-02");
    if (state_ != RONDO_STATE_ACTIVE) return pop(state_ == RONDO_STATE_TERMINATED);
    while (!expected_.empty()) {
      received reply;
      rondo_status got = RONDO_EMPTY;
      eventually([&] { return (got = kernel_.try_receive(reply)) != RONDO_EMPTY; }, patience_);
      require(got != RONDO_EMPTY, "an active kernel does not answer a message that it accepted");
      take(got, reply);
    }
  }

  void take(rondo_status got, const received& reply) {
    expect_status(got, RONDO_OK, "pop");
    require(!expected_.empty(), "a reply came and no request is open");
    rule("QUEUE-01");
    expect_equal(reply.header.correlation_id, expected_.front(), "the correlation of the reply");
    rule("EXEC-01");
    expect_equal(reply.as<kernels::nonce_reply>().proof,
                 kernels::secret(expected_.front(), kernels::nonce_salt), "the reply's proof");
    expected_.pop_front();
  }

  void ask() {
    rule("QUEUE-10");
    const auto in = kernel_.info(kernel_.input()).depth;
    const auto out = kernel_.info(kernel_.output()).depth;
    // While it is active, messages move on between the two questions.
    const bool holds = state_ == RONDO_STATE_ACTIVE
                           ? in <= expected_.size() && out <= expected_.size()
                           : in + out == expected_.size();
    require(holds, "the depths of input and output are " + std::to_string(in) + " and " +
                       std::to_string(out) + " while " + std::to_string(expected_.size()) +
                       " messages are open and the kernel is " + std::string(state_text(state_)));
    kernel_.expect_state(state_, "when asked");
  }

  test_kernel kernel_;
  nanoseconds patience_;
  const bool relaunch_;
  std::uint64_t slots_ = slots;
  std::uint32_t state_ = RONDO_STATE_CREATED;
  std::deque<std::uint64_t> expected_;  // accepted, not yet taken nor discarded
  std::uint64_t nonce_ = 0;
};

struct disagreement {
  case_failure failure;
  std::size_t steps;   // until it showed
  std::string blamed;  // the rule
};

std::optional<disagreement> run(bench& it, const sequence& all, nanoseconds patience) {
  model one(it, patience);
  for (std::size_t i = 0; i < all.size(); ++i) {
    try {
      one.step(all[i]);
    } catch (const case_failure& failure) {
      return disagreement{failure, i + 1, current_reporter().current_rule()};
    }
  }
  return std::nullopt;
}

// Leaves out what is not needed for a disagreement, for at most `budget`.
sequence shrink(bench& it, sequence all, nanoseconds budget) {
  const auto end = now_ns() + static_cast<std::uint64_t>(budget.count());
  const auto patience = std::min<nanoseconds>(it.patience(), std::chrono::milliseconds(300));
  for (std::size_t chunk = std::max<std::size_t>(all.size() / 2, 1); now_ns() < end;) {
    bool shorter = false;
    for (std::size_t at = 0; at + chunk <= all.size() && now_ns() < end;) {
      sequence without = all;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(at),
                    without.begin() + static_cast<std::ptrdiff_t>(at + chunk));
      if (auto found = run(it, without, patience)) {
        without.resize(found->steps);
        all = std::move(without);
        shorter = true;
      } else {
        at += chunk;
      }
    }
    if (!shorter && chunk == 1) break;
    if (!shorter) chunk /= 2;
  }
  return all;
}

void explore(bench& it, int sequences, std::size_t length) {
  current_reporter().note("seed " + std::to_string(it.with().seed));
  for (int n = 0; n < sequences; ++n) {
    sequence all;
    // Begins with a kernel that does something, most of the time.
    if (it.number() % 4 != 0) all = {op::launch, op::activate};
    while (all.size() < length)
      all.push_back(static_cast<op>(it.number() % static_cast<unsigned>(op::count)));
    auto found = run(it, all, it.patience());
    if (!found) continue;
    all.resize(found->steps);
    const sequence shortest = shrink(it, all, std::chrono::seconds(4));
    const auto again = run(it, shortest, it.patience());
    const disagreement& told = again ? *again : *found;
    rule(told.blamed);
    case_failure failure = told.failure;
    failure.text += ". The calls that lead there, of " + std::to_string(found->steps) +
                    " random ones with seed " + std::to_string(it.with().seed) + ": " +
                    to_text(again ? shortest : all);
    throw failure;
  }
  count_check();
}

}  // namespace

RONDO_CASE(kernel, model, random_calls_do_what_the_model_says, core,
           "LIFE-01 LIFE-02 QUEUE-01 QUEUE-02 QUEUE-04 QUEUE-08 QUEUE-10", "") {
  explore(it, 40, 40);
}

RONDO_CASE(kernel, model, many_random_calls_do_what_the_model_says, robust,
           "LIFE-01 LIFE-02 QUEUE-01 QUEUE-02 QUEUE-04 QUEUE-08 QUEUE-10", "") {
  explore(it, 400, 120);
}

}  // namespace rondo::conformance
