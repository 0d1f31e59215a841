// What must be true of one kernel and its queues after each operation, whatever came before. Holds
// the kernel and does the operations on it; throws case_failure where the two disagree.
#pragma once

#include "script.hpp"
#include "way.hpp"

#include <deque>
#include <memory>

namespace rondo::conformance::model {

class kernel_model {
 public:
  // `which` of several: they differ in handler, tag, room for replies and the way to the queues.
  kernel_model(bench& it, unsigned which, nanoseconds patience);
  ~kernel_model();  // gives an open claim back: each is committed or abandoned

  void take(const step& one);
  // Ends the kernel and holds what came of each message against what was accepted.
  void finish();

 private:
  // An accepted message. It has its place in the order from `begin` to `end` of the model's clock:
  // one that was claimed and committed later may lie anywhere between the two.
  struct entry {
    std::uint64_t nonce = 0;
    std::uint64_t begin = 0, end = 0;
    unsigned stream = 0;  // of messages with one time: those of one thread keep their order
    bool bad = false;
  };

  // operations.cpp
  void change(op what);
  void terminate(op what);
  void discard(std::uint64_t count);
  void push(unsigned number, bool bad);
  void push_batch(unsigned number);
  void push_threads(unsigned number);
  void push_large();
  void reserve();
  void commit();
  void abandon();
  void pop(unsigned number);
  void pop_batch(unsigned number);
  void peek();
  void await();
  bool await_one();

  // kernel_model.cpp
  std::uint32_t due(op what) const;
  std::string where() const;  // "of kernel b, which is ACTIVE"
  bool at_rest() const { return state_ != RONDO_STATE_ACTIVE; }
  outgoing next_message(bool bad);
  void accepted(const outgoing& message, unsigned stream = 0);
  bool has_room_for(std::uint64_t number) const;
  bool may_answer(const entry& one) const;
  bool is_ordered() const;
  void check_pushed(rondo_status got, bool must, std::string_view call);
  void check_empty();
  void check_reply(const received& reply);
  void check_answer(const received& reply, const entry& request);
  void check_depths();
  void check_counters();
  void check_counts_at_rest(const rondo_kernel_counters& now);

  const unsigned which_;
  const nanoseconds patience_;
  const bool relaunch_;
  test_kernel kernel_;
  std::unique_ptr<way> way_;
  std::uint64_t slots_ = 0, room_ = 0;  // for requests, for replies

  std::uint32_t state_ = RONDO_STATE_CREATED;
  std::deque<entry> expected_;  // accepted, neither answered nor discarded; by `end`
  bool claimed_ = false;
  std::uint64_t claimed_at_ = 0;
  std::uint64_t clock_ = 0, sent_ = 0;
  std::uint64_t ghosts_ = 0;  // abandoned, and perhaps not yet passed by
  // Since create.
  std::uint64_t accepted_ = 0, answered_ = 0, failed_ = 0, handled_ = 0;
  std::uint64_t discarded_ = 0, abandoned_ = 0, reply_bytes_ = 0;
  std::uint64_t chain_ = kernels::chain_start;
  rondo_kernel_counters last_{};
};

}  // namespace rondo::conformance::model
