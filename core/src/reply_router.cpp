// Leading, following, and handing over.
#include "reply_router.hpp"

#include <algorithm>
#include <cstring>
#include <thread>

namespace rondo::detail {

namespace {

// While waiting, the deadline and the kernel's health are looked at once in so many looks, and not
// at all in the first few hundred nanoseconds.
constexpr std::uint32_t looks_before_checks = 128;
constexpr std::uint32_t looks_per_check = 64;
static_assert(looks_per_check % ring::spinner::looks_per_clock == 0);
bool is_check_due(const ring::spinner& spinner) {
  return spinner.looks() >= looks_before_checks && spinner.looks() % looks_per_check == 0;
}

// Who only follows gives the processor away soon: the leader may need it.
constexpr std::uint64_t follower_spin_ns = 20'000;
// A sleeping leader looks after the kernel's health this often.
constexpr std::uint64_t health_period_ns = 100'000'000;

}  // namespace

// ---- the lead
// ------------------------------------------------------------------------------------

// Whoever was woken to lead and leaves instead wakes another, or the rest would sleep on.
void reply_router::pass_on() {
  if (sleepers_.load(std::memory_order_relaxed) != 0 &&
      leading_.load(std::memory_order_relaxed) == 0)
    wake_one(false);
}

status reply_router::still_hopeful(deadline& until) const {
  keep_kernel(until);
  if (until.passed()) return RONDO_TIMEOUT;
  return health_ != nullptr ? health_(kernel_) : RONDO_OK;
}

void reply_router::keep_kernel(deadline& until) const {
  if (share_ != nullptr) until.keep([this] { return share_(kernel_); });
}

status reply_router::lead(wanted what, std::uint64_t correlation, std::uint64_t life,
                          deadline& until, arrived& out) {
  ring::spinner spinner(spin_ns_);
  bool is_last_look = false;
  std::uint32_t others = 0;  // replies that are not the one waited for
  for (;;) {
    const status code = port_.peek(out);
    if (code == RONDO_OK) {
      const std::uint64_t id = out.header->correlation_id;
      if (what == wanted::mine ? id == correlation : !is_call(id)) return RONDO_OK;
      if (hand_on(out)) {
        port_.release();
        spinner.found_work();
        if (++others % looks_per_check == 0 && until.passed()) break;  // they may never end
        continue;
      }
      if (is_over(life)) return RONDO_TERMINATED;  // stuck behind what nobody takes
    } else if (code == RONDO_MALFORMED) {
      port_.release();
      late_.fetch_add(1, std::memory_order_relaxed);
      if (++others % looks_per_check == 0 && until.passed()) break;
      continue;
    } else if (code != RONDO_EMPTY) {
      return code;
    } else if (what == wanted::uncorrelated &&
               stashed_count_.load(std::memory_order_relaxed) != 0) {
      return RONDO_EMPTY;  // somebody put a reply back: it lies there
    } else if (is_last_look) {
      return RONDO_TERMINATED;
    } else if (is_over(life)) {
      is_last_look = true;  // what was published before the end is visible now
      continue;
    }
    if (until.is_zero()) break;
    // A receiver's wait begins here, a caller's when his reply is not there after a good look.
    if (what == wanted::uncorrelated) keep_kernel(until);
    const bool sleep = spinner.idle([&] { return port_.may_have_reply(); });
    if (sleep || is_check_due(spinner)) {
      const status hope = still_hopeful(until);
      if (hope != RONDO_OK) return hope;
    }
    if (sleep)
      port_.park(std::min(until.at(), ring::now_ns() + health_period_ns), [&] {
        return is_over(life) || (what == wanted::uncorrelated &&
                                 stashed_count_.load(std::memory_order_relaxed) != 0);
      });
  }
  return until.is_zero() && what == wanted::uncorrelated ? RONDO_EMPTY : RONDO_TIMEOUT;
}

// False if the reply must stay where it is for now.
bool reply_router::hand_on(const receive_port::seen& reply) {
  if (!is_call(reply.header->correlation_id)) return stash(reply);
  deliver(reply);
  return true;
}

void reply_router::deliver(const receive_port::seen& reply) {
  const std::uint64_t id = reply.header->correlation_id;
  const std::uint64_t index = (id & ~call_mark) >> record_shift;
  if (index == async_record) return deliver_late_call(reply);
  auto* all = records_seen_.load(std::memory_order_acquire);  // SYNC: records
  waiter* record =
      index == 0 || index > record_count || all == nullptr ? nullptr : &(*all)[index - 1];
  std::uint32_t expected = waiter::waiting;
  if (record == nullptr ||
      !record->stage.compare_exchange_strong(expected, waiter::filling,
                                             std::memory_order_acquire)) {  // SYNC: record
    late_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (record->correlation != id) {  // a later caller has the record: the reply came too late
    record->stage.store(waiter::waiting, std::memory_order_release);  // SYNC: record
    late_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  record->header = *reply.header;
  std::memcpy(record->payload.data(), reply.payload, reply.header->length);
  record->stage.store(waiter::done, std::memory_order_release);  // SYNC: record
  ring::light_barrier();                                         // SYNC: follow
  if (__atomic_load_n(&record->bell, __ATOMIC_RELAXED) != 0 &&
      __atomic_exchange_n(&record->bell, 0, __ATOMIC_ACQ_REL) != 0)
    ring::futex_wake(&record->bell, 1);
}

// Replies for receive() that a caller meets on his way. Bounded like the queue itself: when
// receivers do not keep up, callers wait behind them.
bool reply_router::stash(const receive_port::seen& reply) {
  {
    const std::lock_guard lock(stash_mutex_);
    if (stash_.size() >= port_.capacity()) {
      if (drops_) dropped_.fetch_add(1, std::memory_order_relaxed);
      return drops_;
    }
    stash_.push_back({*reply.header, {reply.payload, reply.payload + reply.header->length}});
    stashed_count_.store(stash_.size(), std::memory_order_release);  // SYNC: stash
  }
  ring::light_barrier();  // SYNC: follow
  if (sleepers_.load(std::memory_order_relaxed) != 0) wake_one(true);
  return true;
}

bool reply_router::take_stashed(arrived& out, stored& into) {
  if (stashed_count_.load(std::memory_order_acquire) == 0) return false;  // SYNC: stash
  const std::lock_guard lock(stash_mutex_);
  if (stash_.empty()) return false;
  into = std::move(stash_.front());
  out = {&into.header, into.payload.data()};
  stash_.pop_front();
  stashed_count_.store(stash_.size(), std::memory_order_release);  // SYNC: stash
  return true;
}

bool reply_router::begin(deadline& until) {
  while (!try_lead()) {  // whoever leads in an ended life leaves it soon
    if (until.passed()) return false;
    std::this_thread::yield();
  }
  receive_port::seen reply;
  status code;
  while ((code = port_.peek(reply)) == RONDO_MALFORMED || (code == RONDO_OK && hand_on(reply)))
    port_.release();
  ended_.store(false, std::memory_order_release);  // SYNC: ended
  step_down();
  return true;
}

void reply_router::end() {
  // In this order: whoever sees that his life is over and no end in force takes it that the next
  // life has begun.
  ended_.store(true, std::memory_order_release);         // SYNC: ended
  lives_ended_.fetch_add(1, std::memory_order_acq_rel);  // SYNC: ended
  port_.wake();
  auto* all = records_seen_.load(std::memory_order_acquire);  // SYNC: records
  if (all == nullptr) return;
  for (waiter& record : *all)
    if (__atomic_exchange_n(&record.bell, 0, __ATOMIC_ACQ_REL) != 0)
      ring::futex_wake(&record.bell, 1);
}

// ---- following
// -----------------------------------------------------------------------------------

std::array<waiter, reply_router::record_count>& reply_router::records() {
  std::call_once(records_once_, [this] {
    records_ = std::make_unique<std::array<waiter, record_count>>();
    records_seen_.store(records_.get(), std::memory_order_release);  // SYNC: records
  });
  return *records_;
}

waiter* reply_router::acquire_record(deadline& until, bool receives) {
  auto& all = records();
  const std::size_t start = std::hash<std::thread::id>{}(std::this_thread::get_id());
  for (;;) {
    for (std::size_t i = 0; i < record_count; ++i) {
      waiter& record = all[(start + i) % record_count];
      std::uint32_t expected = waiter::free;
      if (record.stage.load(std::memory_order_relaxed) != waiter::free ||
          !record.stage.compare_exchange_strong(expected, waiter::owned,
                                                std::memory_order_acquire))  // SYNC: record
        continue;
      const auto index = static_cast<std::uint64_t>(&record - all.data());
      if (record.payload.empty()) record.payload.resize(port_.payload_capacity());
      record.receives.store(receives, std::memory_order_relaxed);
      record.correlation = call_mark | (index + 1) << record_shift | (++record.uses & count_mask);
      record.stage.store(waiter::waiting, std::memory_order_release);  // SYNC: record
      return &record;
    }
    keep_kernel(until);
    if (until.passed()) return nullptr;
    std::this_thread::yield();
  }
}

bool reply_router::give_back(waiter& record) {
  for (;;) {  // the leader may be copying into it: a copy is short
    std::uint32_t now = record.stage.load(std::memory_order_acquire);  // SYNC: record
    if (now != waiter::filling &&
        record.stage.compare_exchange_weak(now, waiter::free,
                                           std::memory_order_release))  // SYNC: record
      return now == waiter::done;
    std::this_thread::yield();
  }
}

void reply_router::sleep(waiter& self, std::uint64_t life, deadline& until) {
  __atomic_store_n(&self.bell, 1, __ATOMIC_RELAXED);
  sleepers_.fetch_add(1, std::memory_order_relaxed);
  ring::heavy_barrier();  // SYNC: follow
  const bool wait = self.stage.load(std::memory_order_relaxed) != waiter::done &&
                    leading_.load(std::memory_order_relaxed) != 0 && !is_over(life) &&
                    !(self.receives.load(std::memory_order_relaxed) &&
                      stashed_count_.load(std::memory_order_relaxed) != 0);
  if (wait) ring::futex_wait(&self.bell, 1, until.at());
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
  __atomic_store_n(&self.bell, 0, __ATOMIC_RELAXED);
}

// Until the reply has been delivered to `self`, something is stashed for a receiver (EMPTY: look
// there), the lead was taken over (`leads`), the kernel has ended and lives again, or time is up.
status reply_router::follow(waiter& self, std::uint64_t life, deadline& until, bool& leads) {
  ring::spinner spinner(std::min(spin_ns_, follower_spin_ns));
  for (;;) {
    // Looked at before the record: what the ended life left was handed out before the next began.
    const bool is_past = is_over(life) && !ended_.load(std::memory_order_acquire);  // SYNC: ended
    if (self.stage.load(std::memory_order_acquire) == waiter::done)
      return RONDO_OK;  // SYNC: record
    if (is_past) return RONDO_TERMINATED;
    if (self.receives.load(std::memory_order_relaxed) &&
        stashed_count_.load(std::memory_order_acquire) != 0)  // SYNC: stash
      return RONDO_EMPTY;
    if (try_lead()) {
      leads = true;
      return RONDO_OK;
    }
    if (self.receives.load(std::memory_order_relaxed)) keep_kernel(until);
    const bool sleeps = spinner.idle();
    if (sleeps || is_check_due(spinner)) keep_kernel(until);
    if (sleeps) sleep(self, life, until);
    if ((sleeps || is_check_due(spinner)) && until.passed()) return RONDO_TIMEOUT;
  }
}

void reply_router::wake_one(bool receivers_only) {
  auto* all = records_seen_.load(std::memory_order_acquire);  // SYNC: records
  if (all == nullptr) return;
  for (waiter& record : *all) {
    if (__atomic_load_n(&record.bell, __ATOMIC_RELAXED) == 0) continue;
    if (receivers_only && !record.receives.load(std::memory_order_relaxed)) continue;
    if (__atomic_exchange_n(&record.bell, 0, __ATOMIC_ACQ_REL) == 0) continue;
    ring::futex_wake(&record.bell, 1);
    return;
  }
}

// ---- the two ways to wait
// ------------------------------------------------------------------------

void reply_router::ticket::take_record(deadline& until) {
  record_ = router_.acquire_record(until, false);
  if (record_ != nullptr) correlation_ = record_->correlation;
}

void reply_router::ticket::leave_record() {
  if (router_.give_back(*record_) && !has_taken_)
    router_.late_.fetch_add(1, std::memory_order_relaxed);
}

status reply_router::ticket::follow(deadline& until, arrived& out) {
  if (!leads_) {
    const status code = router_.follow(*record_, life_, until, leads_);
    if (code != RONDO_OK) return code;
  }
  // Whoever led before may have delivered and stepped down between two looks.
  if (record_->stage.load(std::memory_order_acquire) == waiter::done) {  // SYNC: record
    out = {&record_->header, record_->payload.data()};
    has_taken_ = true;
    return RONDO_OK;
  }
  return lead(until, out);
}

void reply_router::ticket::keep_moving() {
  if (!leads_) leads_ = router_.try_lead();
  if (!leads_) return;
  receive_port::seen reply;
  status code = RONDO_OK;
  // No more than there can be at once: the sender has a deadline to look after.
  for (std::uint64_t left = router_.port_.capacity(); left > 0; --left) {
    code = router_.port_.peek(reply);
    if (code != RONDO_OK || !router_.hand_on(reply)) break;
    router_.port_.release();
  }
  if (code == RONDO_MALFORMED) router_.port_.release();
}

status reply_router::next_uncorrelated(deadline& until, arrived& out, stored& stashed,
                                       bool& holds_slot) {
  const std::uint64_t life = this->life();
  for (;;) {
    bool leads = try_lead();
    if (!leads) {
      if (take_stashed(out, stashed)) return RONDO_OK;
      if (until.is_zero()) return RONDO_EMPTY;
      waiter* record = acquire_record(until, true);
      if (record == nullptr) return RONDO_TIMEOUT;
      const status code = follow(*record, life, until, leads);
      give_back(*record);
      if (!leads) {
        pass_on();
        if (code == RONDO_EMPTY) continue;
        // The wake-up for what was stashed may have come to this thread as it gave up.
        if (code == RONDO_TIMEOUT && take_stashed(out, stashed)) return RONDO_OK;
        return code;
      }
    }
    if (take_stashed(out, stashed)) {
      step_down();
      return RONDO_OK;
    }
    const status code = lead(wanted::uncorrelated, 0, life, until, out);
    holds_slot = code == RONDO_OK;
    if (!holds_slot) step_down();
    if (code == RONDO_EMPTY && take_stashed(out, stashed)) return RONDO_OK;
    if (code == RONDO_EMPTY && !until.is_zero()) continue;
    return code;
  }
}

}  // namespace rondo::detail
