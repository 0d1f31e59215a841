// What is known of a kernel, and what that demands of its depths and counters.
#include "kernel_model.hpp"

#include <rondo/host_services.hpp>

#include <algorithm>

namespace rondo::conformance::model {

namespace {

constexpr std::uint64_t slots = 8;

kernel_spec spec_of(unsigned which, traits with, const voice& speaker) {
  const std::string letter(1, static_cast<char>('a' + which));
  kernel_spec of;
  speaker.choose(of);
  of.id = "model-" + letter;
  of.input_name = "ringkernel_Request_model-" + letter + "_input";
  of.output_name = "ringkernel_Reply_model-" + letter + "_output";
  of.input_capacity = slots;
  of.kernel_tag = first_tag + which;
  if (with.has(trait::urgent)) of.lanes = 2;
  if (with.has(trait::timed)) of.input_flags |= RONDO_QUEUE_TIMED;
  if (with.has(trait::drop_oldest)) of.input_flags |= RONDO_QUEUE_DROP_OLDEST;
  // c waits for room now and then. A drain needs room for all that can wait.
  of.output_capacity = which == 2 ? slots * of.lanes : 4 * slots;
  if (with.has(trait::reject)) of.output_flags |= RONDO_QUEUE_REJECT;
  if (with.has(trait::drop_newest)) of.output_flags |= RONDO_QUEUE_DROP_NEWEST;
  if (of.output_flags != 0) of.output_capacity = slots / 2;
  return of;
}

// A script that is replayed may ask for what this backend does not offer.
traits offered(bench& it, traits with) {
  for (unsigned i = 0; i < static_cast<unsigned>(trait::count); ++i)
    if (const auto one = static_cast<trait>(i); with.has(one) && !offers(it, one))
      throw case_unsupported(capability_of(one));
  return with;
}

// In direct mode b is spoken to through its rings, if it has any to show, and so is whoever can be
// sent a deadline: the calls take none.
std::unique_ptr<way> way_of(bench& it, unsigned which, traits with, test_kernel& kernel) {
  if ((which == 1 || with.has(trait::timed)) && !it.with().bridge && it.has(RONDO_CAP_MAPPED))
    if (auto ring = way_of_the_ring(it, kernel)) return ring;
  return way_of_calls(it, kernel);
}

}  // namespace

// A second lane may be refused together with where the backend was told to place its queues.
bool offers(bench& it, trait one) {
  if (!it.has(capability_of(one))) return false;
  if (one != trait::urgent || it.with().options.empty()) return true;
  kernel_spec spec;
  spec.lanes = 2;
  rondo_kernel* out = nullptr;
  if (try_create(it, spec, out) == RONDO_UNSUPPORTED) return false;
  const host_call_guard guard;
  if (out != nullptr) it.api().kernel.destroy(out);
  return true;
}

kernel_model::kernel_model(bench& it, unsigned which, traits with, nanoseconds patience)
    : which_(which),
      with_(with),
      patience_(patience),
      settling_(std::min<nanoseconds>(patience, std::chrono::seconds(1))),
      relaunch_(it.has(RONDO_CAP_RELAUNCH)),
      voice_(voice_of(with, which)),
      kernel_(it, spec_of(which, offered(it, with), *voice_)),
      way_(way_of(it, which, with, kernel_)),
      slots_(kernel_.info(kernel_.input()).capacity),
      room_(kernel_.info(kernel_.output()).capacity),
      open_(slots_) {}

kernel_model::~kernel_model() {
  if (claimed_) (void)way_->abandon();
}

bool kernel_model::is_resident() const {
  return state_ == RONDO_STATE_LAUNCHED || state_ == RONDO_STATE_ACTIVE ||
         state_ == RONDO_STATE_INACTIVE;
}

// The state after; 0: refused.
std::uint32_t kernel_model::due(op what) const {
  switch (what) {
    case op::launch:
      return state_ == RONDO_STATE_CREATED || (state_ == RONDO_STATE_TERMINATED && relaunch_)
                 ? RONDO_STATE_LAUNCHED
                 : 0;
    case op::activate: return is_resident() ? RONDO_STATE_ACTIVE : 0;
    default:
      if (state_ == RONDO_STATE_LAUNCHED) return RONDO_STATE_LAUNCHED;
      return is_resident() ? RONDO_STATE_INACTIVE : 0;
  }
}

std::string kernel_model::where() const {
  return std::string(" of kernel ") + static_cast<char>('a' + which_) + ", which is " +
         std::string(state_text(state_)) + ",";
}

void kernel_model::check_depths() {
  rule("QUEUE-10");
  std::uint64_t in = 0, out = 0;
  const std::uint64_t open = open_.size(), some = moving();
  const std::uint64_t least = is_lossy() ? open_.untouched() : open - std::min(open, some);
  const auto holds = [&] {
    in = kernel_.info(kernel_.input()).depth;
    out = kernel_.info(kernel_.output()).depth;
    if (at_rest() && in == 0) ghosts_ = 0;
    const std::uint64_t unsure = ghosts_ + (claimed_ ? 1 : 0);
    // While it is active, messages move on between the two questions, and the one that was answered
    // last may not have left the input yet; some move on also at other times.
    return at_rest() ? in + out >= least && in + out <= open + unsure + some
                     : in <= open + unsure && out <= open + some;
  };
  require(at_rest() ? holds() : eventually(holds, settling_),
          "the depths of input and output" + where() + " are " + std::to_string(in) + " and " +
              std::to_string(out) + " while " + std::to_string(open) + " messages are open");
  kernel_.expect_state(state_, "when asked");
}

// What it is asked to give up, and whom it owes an answer.
std::uint64_t kernel_model::moving() const {
  return open_.asked_for() + (is_lossy() ? open_.size() + owed_.size() : 0);
}

std::uint64_t kernel_model::processed(const rondo_kernel_counters& now) {
  return now.messages_in + now.expired + now.dropped_oldest;
}

kernel_model::seen kernel_model::look() {
  seen all;
  all.in = kernel_.info(kernel_.input()).depth;
  all.out = at_rest() ? kernel_.info(kernel_.output()).depth : 0;
  all.now = kernel_.counters();
  check_growth(all.now);
  return all;
}

// They catch up with what was answered soon after a reply, each by itself; some move on while one
// looks, and what was abandoned is passed by at any time. So all of it is looked at until it holds.
void kernel_model::check_counters() {
  seen all;
  const auto check = [&] {
    check_counts(all.now);
    if (at_rest()) check_counts_at_rest(all);
  };
  const auto looks = [&] {
    all = look();
    return holds(check);
  };
  if (!eventually(looks, settling_)) check();
}

// Of each look, however late the counters are.
void kernel_model::check_growth(const rondo_kernel_counters& now) {
  rule("TEL-02");
  require(now.messages_in >= last_.messages_in && now.messages_out >= last_.messages_out &&
              now.messages_failed >= last_.messages_failed && now.bytes_in >= last_.bytes_in &&
              now.messages_dropped >= last_.messages_dropped && now.bytes_out >= last_.bytes_out &&
              now.expired >= last_.expired && now.dropped_oldest >= last_.dropped_oldest &&
              now.replies_dropped >= last_.replies_dropped,
          "a counter" + where() + " went back");
  last_ = now;
}

void kernel_model::check_counts(const rondo_kernel_counters& now) {
  rule("TEL-03");
  expect_equal(now.state, state_, "the state among the counters" + where());
  require(now.messages_in >= handled_ &&
              now.messages_in + expired_ + given_up_ + discarded_ <= accepted_,
          "messages_in" + where() + " is " + std::to_string(now.messages_in) + "; " +
              std::to_string(handled_) + " were handled, " + std::to_string(accepted_) +
              " accepted and " + std::to_string(discarded_) + " discarded");
  rule("TEL-09");
  const auto late = static_cast<std::uint64_t>(std::count_if(
      open_.all().begin(), open_.all().end(), [](const entry& one) { return one.is_late; }));
  require(now.expired >= expired_ && now.expired <= expired_ + late + unsure_,
          "expired" + where() + " is " + std::to_string(now.expired) + "; " +
              std::to_string(expired_) + " were told so, and " + std::to_string(late) +
              " more can have");
  require(now.dropped_oldest >= given_up_ && now.dropped_oldest <= given_up_ + open_.asked_for(),
          "dropped_oldest" + where() + " is " + std::to_string(now.dropped_oldest) + "; " +
              std::to_string(given_up_) + " were told so, and " +
              std::to_string(open_.asked_for()) + " more can have been given up");
  if (is_lossy()) check_losses(now);
  else expect_equal(now.replies_dropped, 0u, "replies_dropped" + where());
}

void kernel_model::check_counts_at_rest(const seen& all) {
  const auto& now = all.now;
  rule("TEL-03");
  expect_equal(now.messages_out, answered_ + all.out, "messages_out" + where());
  if (!is_lossy())
    expect_equal(processed(now), answered_ + all.out,
                 "messages_in, expired and dropped_oldest together" + where());
  const std::uint64_t accounted = processed(now) + discarded_ + all.in;
  require(accounted >= accepted_ && accounted <= accepted_ + ghosts_ + (claimed_ ? 1 : 0),
          "of " + std::to_string(accepted_) + " messages that were accepted" + where() + " " +
              std::to_string(accounted) + " were handled, are said to be lost, or wait");
  expect_equal(now.bytes_in, now.messages_in * voice_->request_bytes(), "bytes_in" + where());
  expect_equal(now.input_depth, all.in, "input_depth" + where());
  expect_equal(now.output_depth, all.out, "output_depth" + where());
  if (with_.has(trait::timed) || with_.has(trait::drop_oldest)) rule("TEL-09");
  const std::uint64_t lost = discarded_ + now.expired + now.dropped_oldest;
  require(now.messages_dropped >= lost && now.messages_dropped <= lost + abandoned_,
          "messages_dropped" + where() + " is " + std::to_string(now.messages_dropped) + "; " +
              std::to_string(lost) + " were discarded, had expired or were given up, and " +
              std::to_string(abandoned_) + " claims abandoned");
  if (all.out != 0) return;
  rule("TEL-03");
  if (!is_lossy()) expect_equal(now.messages_failed, failed_, "messages_failed" + where());
  expect_equal(now.bytes_out, reply_bytes_, "bytes_out" + where());
}

}  // namespace rondo::conformance::model
