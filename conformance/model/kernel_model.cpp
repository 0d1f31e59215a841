// What is known of a kernel, and what that demands of its replies, depths and counters.
#include "kernel_model.hpp"

#include <algorithm>

namespace rondo::conformance::model {

namespace {

constexpr std::uint64_t slots = 8;
constexpr std::uint64_t first_tag = 501;

kernel_spec spec_of(unsigned which) {
  const std::string letter(1, static_cast<char>('a' + which));
  kernel_spec of;
  of.handler = which == 2 ? "ConformanceOther" : "ConformanceNonce";
  of.id = "model-" + letter;
  of.input_name = "ringkernel_Request_model-" + letter + "_input";
  of.output_name = "ringkernel_Reply_model-" + letter + "_output";
  of.input_capacity = slots;
  of.output_capacity = which == 2 ? slots : 4 * slots;  // c waits for room now and then
  of.kernel_tag = first_tag + which;
  return of;
}

// In direct mode b is spoken to through its rings, if it has any to show.
std::unique_ptr<way> way_of(bench& it, unsigned which, test_kernel& kernel) {
  if (which == 1 && !it.with().bridge && it.has(RONDO_CAP_MAPPED))
    if (auto ring = way_of_the_ring(it, kernel)) return ring;
  return way_of_calls(it, kernel);
}

}  // namespace

kernel_model::kernel_model(bench& it, unsigned which, nanoseconds patience)
    : which_(which),
      patience_(patience),
      relaunch_(it.has(RONDO_CAP_RELAUNCH)),
      kernel_(it, spec_of(which)),
      way_(way_of(it, which, kernel_)),
      slots_(kernel_.info(kernel_.input()).capacity),
      room_(kernel_.info(kernel_.output()).capacity) {}

kernel_model::~kernel_model() {
  if (claimed_) (void)way_->abandon();
}

// The state after; 0: refused.
std::uint32_t kernel_model::due(op what) const {
  const bool runs = state_ == RONDO_STATE_LAUNCHED || state_ == RONDO_STATE_ACTIVE ||
                    state_ == RONDO_STATE_INACTIVE;
  switch (what) {
    case op::launch:
      return state_ == RONDO_STATE_CREATED || (state_ == RONDO_STATE_TERMINATED && relaunch_)
                 ? RONDO_STATE_LAUNCHED
                 : 0;
    case op::activate: return runs ? RONDO_STATE_ACTIVE : 0;
    default:
      if (state_ == RONDO_STATE_LAUNCHED) return RONDO_STATE_LAUNCHED;
      return runs ? RONDO_STATE_INACTIVE : 0;
  }
}

std::string kernel_model::where() const {
  return std::string(" of kernel ") + static_cast<char>('a' + which_) + ", which is " +
         std::string(state_text(state_)) + ",";
}

// No two kernels ever get the same nonce, nor the same correlation.
outgoing kernel_model::next_message(bool bad) {
  kernels::nonce_request request;
  request.nonce = std::uint64_t{which_ + 1} << 32 | ++sent_;
  outgoing message;
  message.payload.resize(sizeof request);
  std::memcpy(message.payload.data(), &request, sizeof request);
  const std::uint16_t version = rondo::detail::message_of<kernels::nonce_request>.version;
  message.header = {sizeof request, RONDO_TYPE_REQUEST, version, 0, 0, sent_, request.nonce};
  if (bad) message.header.version = static_cast<std::uint16_t>(version + 1);
  return message;
}

void kernel_model::accepted(const outgoing& message, unsigned stream) {
  const bool bad =
      message.header.version != rondo::detail::message_of<kernels::nonce_request>.version;
  expected_.push_back({message.header.correlation_id, clock_, clock_, stream, bad});
  ++accepted_;
}

// Whether so many more must be taken. What was accepted and not answered can be in the input or in
// the output; it is never more in the input than in both.
bool kernel_model::has_room_for(std::uint64_t number) const {
  if (state_ == RONDO_STATE_TERMINATED) return false;
  return expected_.size() + ghosts_ + (claimed_ ? 1 : 0) + number <= slots_;
}

void kernel_model::check_pushed(rondo_status got, bool must, std::string_view call) {
  const std::string of = std::string(call) + where();
  if (state_ == RONDO_STATE_TERMINATED) {
    rule("QUEUE-04");
    return expect_status(got, way_->closed(), of);
  }
  rule("QUEUE-08");
  if (must) return expect_status(got, RONDO_OK, of + " to a queue with room");
  expect_one_of(got, {RONDO_OK, RONDO_FULL}, of);
  require(expected_.size() <= slots_ + room_ + 1,
          "more was accepted" + where() + " than both queues can hold");
}

// Whether nothing that is open has to come before it.
bool kernel_model::may_answer(const entry& one) const {
  return std::none_of(expected_.begin(), expected_.end(), [&](const entry& other) {
    const bool same_thread = other.begin == one.begin && other.end == one.end &&
                             other.stream == one.stream && other.nonce < one.nonce;
    return other.end < one.begin || same_thread;
  });
}

bool kernel_model::is_ordered() const {
  for (std::size_t i = 1; i < expected_.size(); ++i)
    if (expected_[i].begin <= expected_[i - 1].end) return false;
  return true;
}

void kernel_model::check_empty() {
  rule("QUEUE-02");
  require(state_ != RONDO_STATE_TERMINATED || expected_.empty(),
          "there is no reply" + where() + " for " + std::to_string(expected_.size()) +
              " messages that were accepted and not counted as discarded");
  rule("QUEUE-10");
  if (at_rest())
    expect_equal(kernel_.info(kernel_.output()).depth, 0u,
                 "the depth of the output" + where() + " and EMPTY,");
}

void kernel_model::check_reply(const received& reply) {
  const auto found = std::find_if(expected_.begin(), expected_.end(), [&](const entry& one) {
    return one.nonce == reply.header.correlation_id;
  });
  rule("QUEUE-02");
  if (found == expected_.end())
    fail("a reply" + where() + " is to no request that is open: it was answered before, or is " +
         "another kernel's, or was never accepted");
  rule("QUEUE-01");
  require(may_answer(*found),
          "a reply" + where() + " overtakes one to a request that was accepted before its own");
  rule("MSG-04");
  expect_equal(reply.header.message_id, ++answered_, "the message_id of a reply" + where());
  const entry request = *found;
  expected_.erase(found);
  reply_bytes_ += reply.payload.size();
  check_answer(reply, request);
}

void kernel_model::check_answer(const received& reply, const entry& request) {
  if (request.bad) {
    rule("MSG-01");
    ++failed_;
    return expect_status(reply.failure().code, RONDO_VERSION_MISMATCH,
                         "a request of another version" + where());
  }
  rule("EXEC-01");
  const auto answer = reply.as<kernels::nonce_reply>();
  expect_equal(
      answer.proof,
      kernels::secret(request.nonce, which_ == 2 ? kernels::other_salt : kernels::nonce_salt),
      "the proof in a reply" + where());
  rule("EXEC-04");
  expect_equal(answer.kernel_tag, first_tag + which_, "the kernel_tag seen by the handler");
  // The state of the handler, through relaunches: what it has seen is what was accepted, once each.
  rule("EXEC-02");
  expect_equal(answer.count, ++handled_, "the requests that the handler" + where() + " has seen,");
  chain_ = kernels::secret(chain_ ^ request.nonce, kernels::chain_salt);
  require(answer.chain == chain_,
          "what the handler" + where() + " has seen is not what was answered, in that order");
}

void kernel_model::check_depths() {
  rule("QUEUE-10");
  const auto in = kernel_.info(kernel_.input()).depth;
  const auto out = kernel_.info(kernel_.output()).depth;
  if (at_rest() && in == 0) ghosts_ = 0;
  const std::uint64_t open = expected_.size(), unsure = ghosts_ + (claimed_ ? 1 : 0);
  // While it is active, messages move on between the two questions.
  const bool holds = state_ == RONDO_STATE_ACTIVE ? in <= open + unsure && out <= open
                                                  : in + out >= open && in + out <= open + unsure;
  require(holds, "the depths of input and output" + where() + " are " + std::to_string(in) +
                     " and " + std::to_string(out) + " while " + std::to_string(open) +
                     " messages are open");
  kernel_.expect_state(state_, "when asked");
}

void kernel_model::check_counters() {
  rondo_kernel_counters now{};
  // The counters settle soon after the reply.
  const std::uint64_t out = at_rest() ? kernel_.info(kernel_.output()).depth : 0;
  eventually(
      [&] {
        now = kernel_.counters();
        return now.messages_in >= answered_ + out && now.messages_out >= answered_ + out;
      },
      patience_);
  rule("TEL-02");
  require(now.messages_in >= last_.messages_in && now.messages_out >= last_.messages_out &&
              now.messages_failed >= last_.messages_failed && now.bytes_in >= last_.bytes_in &&
              now.messages_dropped >= last_.messages_dropped && now.bytes_out >= last_.bytes_out,
          "a counter" + where() + " went back");
  last_ = now;
  rule("TEL-03");
  expect_equal(now.state, state_, "the state among the counters" + where());
  require(now.messages_in >= answered_ && now.messages_in + discarded_ <= accepted_,
          "messages_in" + where() + " is " + std::to_string(now.messages_in) + "; " +
              std::to_string(answered_) + " were answered, " + std::to_string(accepted_) +
              " accepted and " + std::to_string(discarded_) + " discarded");
  if (at_rest()) check_counts_at_rest(now);
}

void kernel_model::check_counts_at_rest(const rondo_kernel_counters& now) {
  const std::uint64_t in = kernel_.info(kernel_.input()).depth;
  const std::uint64_t out = kernel_.info(kernel_.output()).depth;
  expect_equal(now.messages_in, answered_ + out, "messages_in" + where());
  expect_equal(now.messages_out, answered_ + out, "messages_out" + where());
  expect_equal(now.bytes_in, now.messages_in * sizeof(kernels::nonce_request),
               "bytes_in" + where());
  expect_equal(now.input_depth, in, "input_depth" + where());
  expect_equal(now.output_depth, out, "output_depth" + where());
  require(now.messages_dropped >= discarded_ && now.messages_dropped <= discarded_ + abandoned_,
          "messages_dropped" + where() + " is " + std::to_string(now.messages_dropped) + "; " +
              std::to_string(discarded_) + " were discarded and " + std::to_string(abandoned_) +
              " claims abandoned");
  if (out != 0) return;
  expect_equal(now.messages_failed, failed_, "messages_failed" + where());
  expect_equal(now.bytes_out, reply_bytes_, "bytes_out" + where());
}

}  // namespace rondo::conformance::model
