// What must be true of one kernel and its queues after each operation, whatever came before. Holds
// the kernel and does the operations on it; throws case_failure where the two disagree.
#pragma once

#include "ledger.hpp"
#include "script.hpp"
#include "voice.hpp"
#include "way.hpp"

#include <memory>
#include <set>

namespace rondo::conformance::model {

// Whether a kernel can be made with it, whatever other options the backend was given. Asks the
// backend where its capabilities do not tell.
bool offers(bench& it, trait one);

class kernel_model {
 public:
  // `which` of several: they differ in handler, tag, room for replies and the way to the queues.
  kernel_model(bench& it, unsigned which, traits with, nanoseconds patience);
  ~kernel_model();  // gives an open claim back: each is committed or abandoned

  void take(const step& one);
  // Ends the kernel and holds what came of each message against what was accepted.
  void finish();

 private:
  // life.cpp
  void change(op what);
  void note_change(op what, std::uint64_t began_ns);
  void hold();
  void terminate(op what);
  void discard(std::uint64_t count);

  // requests.cpp
  struct kind {
    lane in = lane::normal;
    bool is_bad = false;
    bool is_late = false;
    bool has_deadline = false;
    timing asks = timing::none;
  };
  void push(unsigned number, kind of);
  rondo_status push_one(const outgoing& message, lane in, bool& must);
  template <class Try>
  rondo_status until_room(bool must, Try&& once) const;
  bool can_give_up(lane in) const;
  void push_batch(unsigned number);
  void push_threads(unsigned number);
  void push_large();
  void reserve();
  void commit();
  void abandon();
  outgoing next_message(kind of);
  void accepted(const outgoing& message, kind of, std::uint64_t place);
  entry entry_of(const outgoing& message, kind of) const;
  bool has_room_for(std::uint64_t number, lane in) const;
  void check_pushed(rondo_status got, bool must, std::string_view call, lane in = lane::normal);

  // replies.cpp
  void pop(unsigned number);
  void pop_batch(unsigned number);
  void peek();
  void await();
  bool await_one();
  void tick();
  std::string_view rule_of_answers() const;
  void check_empty();
  void check_reply(const received& reply);
  void check_answer(const received& reply, const entry& request);
  void check_failure(const received& reply, const entry& request);

  // losses.cpp
  bool is_lossy() const { return with_.has(trait::reject) || with_.has(trait::drop_newest); }
  void check_was_full(const entry& request, std::uint64_t answered);
  void lose(const entry& request);
  void lose_before(const entry& request);
  void lose_all(std::uint64_t discarded);
  void check_lost(const received& reply, const entry& request);
  bool has_awaited() const;
  void await_or_lose();
  void end_losses(std::uint64_t discarded);
  void check_losses(const rondo_kernel_counters& now);

  // kernel_model.cpp
  // Requests that have left the input, as the counters say.
  static std::uint64_t processed(const rondo_kernel_counters& now);
  // How many messages a kernel that is not active may move from one place to another.
  std::uint64_t moving() const;
  std::uint32_t due(op what) const;
  std::string where() const;  // "of kernel b, which is ACTIVE"
  bool at_rest() const { return state_ != RONDO_STATE_ACTIVE; }
  bool is_resident() const;
  void check_depths();
  void check_counters();
  void check_counts(const rondo_kernel_counters& now);
  struct seen {
    rondo_kernel_counters now{};
    std::uint64_t in = 0, out = 0;  // the depths
  };
  seen look();
  void check_growth(const rondo_kernel_counters& now);
  void check_counts_at_rest(const seen& all);

  const unsigned which_;
  const traits with_;
  const nanoseconds patience_;
  const nanoseconds settling_;  // how long a kernel may take to count and free what it answered
  const bool relaunch_;
  std::unique_ptr<voice> voice_;
  test_kernel kernel_;
  std::unique_ptr<way> way_;
  std::uint64_t slots_ = 0, room_ = 0;  // for requests in each lane, for replies

  std::uint32_t state_ = RONDO_STATE_CREATED;
  ledger open_;
  bool claimed_ = false;
  std::uint64_t claimed_at_ = 0, claimed_place_ = 0;
  std::uint64_t clock_ = 0, sent_ = 0;
  std::uint64_t life_ = 0;    // launches
  std::uint64_t ghosts_ = 0;  // abandoned, and perhaps not yet passed by
  std::uint64_t inactive_since_ns_ = 0;
  std::set<std::uint64_t> owed_;  // whose requesters may be told something yet
  // Since create. Of what was answered: how many were handled, failed, had expired, were given up.
  std::uint64_t accepted_ = 0, answered_ = 0, handled_ = 0;
  std::uint64_t failed_ = 0, expired_ = 0, given_up_ = 0;
  // Replies that were lost; requests of which nobody knows; failures that may have found no room.
  std::uint64_t lost_ = 0, unsure_ = 0, told_bad_ = 0;
  std::uint64_t discarded_ = 0, abandoned_ = 0, reply_bytes_ = 0;
  rondo_kernel_counters last_{};
};

}  // namespace rondo::conformance::model
