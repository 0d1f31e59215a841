// What the host orders, and whether it lives: the control line, the lease, and the waits inside a
// request that only the end of the kernel may cut short.
#pragma once

#include <rondo/device/ends.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class orders : public ring_ends<H, X, P, K> {
  using base = ring_ends<H, X, P, K>;

 public:
  using base::base;
  using base::say_busy;
  using base::settle;
  using base::show_counters;

  // on_start failed.
  RONDO_DEVICE void refuse() { ending_ = ending::refused; }
  // Whether the host ordered the end, and not only for a while.
  RONDO_DEVICE bool ends_for_good() const {
    return ending_ == ending::ordered && command_of(word_) != command::leave;
  }

  // ---- for one thread that waits inside a handler: room in the output, or the end.

  // That time is not the handler's: it counts neither towards a hang nor as handling.
  RONDO_DEVICE bool wait_for_room() {
    if (m_.gave_up != ending::none) return false;
    this->show_replies();
    if (is_room_now()) return true;
    const std::uint64_t busy_since = m_.counters.busy_since;
    const std::uint64_t begin = x_.now();
    if (busy_since != 0) say_busy(0);
    show_counters();
    bool is_room = false;
    while (!must_give_up() && !(is_room = is_room_now())) x_.nap(room_nap_ns);
    const std::uint64_t waited = x_.now() - begin;
    if (busy_since != 0) say_busy(busy_since + waited);
    waited_ns_ += waited;
    return is_room;
  }
  // For the thread that waits: how long it has since it last asked.
  RONDO_DEVICE std::uint64_t take_waited() {
    const std::uint64_t waited = waited_ns_;
    waited_ns_ = 0;
    return waited;
  }
  // The same for blocks that wait for each other. After a stop they still have some time to finish
  // the message in hand.
  RONDO_DEVICE bool must_leave_team() {
    if (!must_give_up()) return false;
    if (m_.gave_up == ending::lease_lapsed) return true;
    if (stop_seen_at_ == 0) stop_seen_at_ = x_.now();
    return x_.now() - stop_seen_at_ > team_grace_ns;
  }
  // Whether it should wait no longer. Once that is so, it stays so: the kernel ends.
  RONDO_DEVICE bool must_give_up() {
    const ring::chunk c =
        P::load_chunk(reinterpret_cast<const ring::chunk*>(args_.control));  // SYNC: control
    note_lease(c.content[2]);
    if (lease_lapsed()) m_.gave_up = ending::lease_lapsed;
    else if (ends_at_once(command_of(c.tag))) m_.gave_up = ending::ordered;
    if (m_.gave_up != ending::none) {
      m_.must_look = 1;
      m_.stop_word = c.tag;
    }
    return m_.gave_up != ending::none;
  }

 protected:
  using base::args_;
  using base::head_;
  using base::is_first;
  using base::is_room_now;
  using base::m_;
  using base::out_;
  using base::x_;

  RONDO_DEVICE bool is_once() const { return (args_.flags & flag_once) != 0; }

  // Carries out what the last look around brought, but for a drain that is done.
  RONDO_DEVICE ending take_order() {
    note_lease(seen_lease_);
    if (seen_word_ == word_) return ending::none;
    word_ = seen_word_;
    switch (command_of(word_)) {
      case command::pause:
        takes_ = false;
        settle();
        tell(ending::none);
        break;
      case command::run:
        takes_ = true;
        tell(ending::none);
        break;
      case command::drain:
        takes_ = true;
        drain_until_ = seen_until_;
        break;
      case command::stop:
      case command::leave: return ending::ordered;
    }
    return ending::none;
  }
  // Where a wait inside the request ended the kernel: a stop, or a lapse.
  RONDO_DEVICE bool gave_up() {
    ending_ = m_.gave_up;
    if (ending_ == ending::none) return false;
    if (ending_ == ending::ordered) word_ = m_.stop_word;
    settle();
    return true;
  }

  RONDO_DEVICE void note_lease(std::uint32_t lease) {
    if (lease == lease_) return;
    lease_ = lease;
    lease_seen_at_ = x_.now();
  }
  RONDO_DEVICE bool lease_lapsed() const {
    if (args_.lease_ns == 0) return false;
    const std::uint64_t now = x_.now();
    return now > lease_seen_at_ && now - lease_seen_at_ > args_.lease_ns;
  }

  RONDO_DEVICE void tell(ending how) {
    if (!is_first()) return;
    auto* line = reinterpret_cast<report_line*>(args_.report);
    P::store_release(&line->obeyed,
                     word_ | static_cast<std::uint64_t>(how) << 32);  // SYNC: report
  }

  std::uint64_t drain_until_ = 0;
  std::uint64_t lease_seen_at_ = 0;
  // What the last look around brought.
  std::uint64_t seen_until_ = 0;
  std::uint32_t seen_word_ = 0;
  std::uint32_t seen_lease_ = 0;
  std::uint32_t word_ = 0;
  ending ending_ = ending::none;
  bool takes_ = false;

 private:
  static constexpr std::uint32_t room_nap_ns = 200;
  static constexpr std::uint64_t team_grace_ns = 1'000'000'000;

  RONDO_DEVICE static bool ends_at_once(command what) {
    return what == command::stop || what == command::leave;
  }

  std::uint64_t stop_seen_at_ = 0;  // by thread 0, in a team of blocks
  std::uint64_t waited_ns_ = 0;     // for room, by the thread that waited
  std::uint32_t lease_ = 0;
};

}  // namespace rondo::device
