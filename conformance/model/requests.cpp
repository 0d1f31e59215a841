// Sending, and what each way to do it may return.
#include "kernel_model.hpp"

#include "../support/threads.hpp"

#include <algorithm>
#include <array>

namespace rondo::conformance::model {

namespace {
constexpr std::uint64_t long_ago_ns = 1, an_hour_ns = 3'600'000'000'000;
}

// No two kernels ever get the same nonce, nor the same correlation.
outgoing kernel_model::next_message(kind of) {
  const std::uint64_t nonce = std::uint64_t{which_ + 1} << 32 | ++sent_;
  outgoing message;
  message.payload = voice_->request(nonce, of.asks);
  const auto length = static_cast<std::uint32_t>(message.payload.size());
  const auto version = static_cast<std::uint16_t>(voice_->version() + (of.is_bad ? 1 : 0));
  const std::uint32_t flags = of.in == lane::urgent ? RONDO_FLAG_URGENT : 0;
  const bool is_awaited = is_lossy() && sent_ % 2 == 0;
  message.header = {length,
                    RONDO_TYPE_REQUEST,
                    version,
                    flags,
                    0,
                    sent_,
                    nonce | (is_awaited ? RONDO_CORRELATION_AWAITED : 0)};
  if (of.is_late) message.deadline_ns = long_ago_ns;
  if (of.has_deadline) message.deadline_ns = now_ns() + an_hour_ns;
  return message;
}

entry kernel_model::entry_of(const outgoing& message, kind of) const {
  entry one;
  one.nonce = message.header.correlation_id & ~RONDO_CORRELATION_AWAITED;
  one.is_awaited = one.nonce != message.header.correlation_id;
  one.answered_before = answered_;
  one.begin = one.end = clock_;
  one.in = of.in;
  one.is_bad = of.is_bad;
  one.is_late = of.is_late;
  one.life = life_ + (is_resident() ? 0 : 1);
  one.takeable = at_rest() ? not_yet : 0;
  return one;
}

void kernel_model::accepted(const outgoing& message, kind of, std::uint64_t place) {
  entry one = entry_of(message, of);
  one.first_place = one.last_place = place;
  open_.add(one);
  ++accepted_;
}

// Whether so many more must be taken. What was accepted and not answered can be in the input or in
// the output; it is never more in the input than in both.
bool kernel_model::has_room_for(std::uint64_t number, lane in) const {
  if (state_ == RONDO_STATE_TERMINATED) return false;
  const std::uint64_t others = in == lane::normal ? ghosts_ + (claimed_ ? 1 : 0) : 0;
  return open_.size(in) + others + number <= slots_;
}

// Once, or, where there must be room, until an active kernel has freed what it has answered.
template <class Try>
rondo_status kernel_model::until_room(bool must, Try&& once) const {
  rondo_status got = once();
  if (must && !at_rest() && got == RONDO_FULL)
    eventually([&] { return (got = once()) != RONDO_FULL; }, settling_);
  return got;
}

void kernel_model::check_pushed(rondo_status got, bool must, std::string_view call, lane in) {
  const std::string of = std::string(call) + where();
  if (state_ == RONDO_STATE_TERMINATED) {
    rule("QUEUE-04");
    return expect_status(got, way_->closed(), of);
  }
  rule(in == lane::urgent ? "QUEUE-17" : "QUEUE-08");
  if (must) return expect_status(got, RONDO_OK, of + " to a queue with room");
  expect_one_of(got, {RONDO_OK, RONDO_FULL}, of);
  require(is_lossy() || open_.size() <= (with_.has(trait::urgent) ? 2 : 1) * slots_ + room_ + 1,
          "more was accepted" + where() + " than both queues can hold");
}

void kernel_model::push(unsigned number, kind of) {
  if (!with_.has(trait::urgent)) of.in = lane::normal;
  if (!way_->takes_deadlines()) of.is_late = of.has_deadline = false;
  for (unsigned i = 0; i < number; ++i) {
    ++clock_;
    const outgoing message = next_message(of);
    bool must = has_room_for(1, of.in);
    const auto got = push_one(message, of.in, must);
    check_pushed(got, must, "push", of.in);
    if (got == RONDO_OK) accepted(message, of, open_.claim(of.in));
    if (got == RONDO_OK && with_.has(trait::drop_oldest)) open_.note_given_up(of.in);
  }
}

// Where the oldest are given up, a full queue takes the message soon. `must` says whether that, or
// any other room, was certain.
rondo_status kernel_model::push_one(const outgoing& message, lane in, bool& must) {
  auto got = until_room(must, [&] { return way_->push(message); });
  if (got != RONDO_FULL || !with_.has(trait::drop_oldest) || must) return got;
  open_.ask_for_room(in);
  if (!can_give_up(in)) return got;
  eventually([&] { return (got = way_->push(message)) != RONDO_FULL; }, patience_);
  rule("QUEUE-18");
  expect_status(got, RONDO_OK,
                "push" + where() + " until the oldest message of a full queue is given up,");
  return got;
}

// Who is to be told must find room in the output, and a claim that is open keeps its place.
bool kernel_model::can_give_up(lane in) const {
  return is_resident() && open_.size() <= room_ && !(in == lane::normal && claimed_);
}

void kernel_model::push_batch(unsigned number) {
  std::vector<outgoing> all;
  for (unsigned i = 0; i < number; ++i) all.push_back(next_message({}));
  const bool must = has_room_for(number, lane::normal);
  std::uint64_t done = 0;
  if (must && !at_rest())
    eventually([&] { return kernel_.info(kernel_.input()).depth + number <= slots_; }, settling_);
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
    accepted(all[i], {}, open_.claim(lane::normal));
  }
  if (done < number && with_.has(trait::drop_oldest)) open_.ask_for_room(lane::normal);
}

void kernel_model::push_threads(unsigned number) {
  if (with_.has(trait::drop_newest)) return;  // who was handled when could not be told
  constexpr unsigned threads = 2;
  std::array<std::vector<outgoing>, threads> all;
  for (auto& mine : all)
    for (unsigned i = 0; i < number; ++i) mine.push_back(next_message({}));
  const bool must = has_room_for(std::uint64_t{threads} * number, lane::normal);
  std::array<std::vector<rondo_status>, threads> got;
  together(threads, [&](unsigned self) {
    for (const auto& each : all[self])
      got[self].push_back(until_room(must, [&] { return way_->push(each); }));
  });
  std::vector<entry> taken;
  const std::uint64_t first = open_.next_place(lane::normal);
  bool was_full = false;
  for (unsigned self = 0; self < threads; ++self)
    for (unsigned i = 0; i < number; ++i) {
      check_pushed(got[self][i], must, "push by one of two threads");
      was_full = was_full || got[self][i] == RONDO_FULL;
      if (got[self][i] != RONDO_OK) continue;
      taken.push_back(entry_of(all[self][i], {}));
      taken.back().stream = self + 1;
      (void)open_.claim(lane::normal);
    }
  for (entry& one : taken) {
    one.first_place = first;
    one.last_place = first + taken.size() - 1;
    open_.add(one);
    ++accepted_;
  }
  if (was_full && with_.has(trait::drop_oldest)) open_.ask_for_room(lane::normal);
}

void kernel_model::push_large() {
  outgoing message = next_message({});
  message.payload.resize(std::size_t{kernel_.info(kernel_.input()).payload_capacity} + 1);
  message.header.length = static_cast<std::uint32_t>(message.payload.size());
  const auto got = way_->push(message);
  rule("QUEUE-11");
  const std::string call = "push of a byte more than fits" + where();
  if (state_ == RONDO_STATE_TERMINATED) expect_one_of(got, {RONDO_TOO_LARGE, way_->closed()}, call);
  else expect_status(got, RONDO_TOO_LARGE, call);
}

void kernel_model::reserve() {
  if (claimed_ || with_.has(trait::drop_newest)) return;
  const bool must = has_room_for(1, lane::normal);
  const auto got = until_room(must, [&] { return way_->reserve(voice_->request_bytes()); });
  if (got == RONDO_UNSUPPORTED) return;
  check_pushed(got, must, "reserve");
  if (got == RONDO_FULL && with_.has(trait::drop_oldest)) open_.ask_for_room(lane::normal);
  if (got != RONDO_OK) return;
  claimed_ = true;
  claimed_at_ = clock_;
  claimed_place_ = open_.claim(lane::normal);
}

void kernel_model::commit() {
  if (!claimed_) return;
  const outgoing message = next_message({});
  rule("QUEUE-13");
  expect_status(way_->commit(message), RONDO_OK, "commit" + where());
  claimed_ = false;
  entry one = entry_of(message, {});
  one.begin = claimed_at_;
  one.first_place = one.last_place = claimed_place_;
  open_.add(one);
  ++accepted_;
}

void kernel_model::abandon() {
  if (!claimed_) return;
  rule("QUEUE-13");
  expect_status(way_->abandon(), RONDO_OK, "abandon" + where());
  claimed_ = false;
  ++ghosts_;
  ++abandoned_;
}

}  // namespace rondo::conformance::model
