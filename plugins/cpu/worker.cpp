// The life of a request on the CPU: peek, invoke, publish, release.
#include "worker_parts.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace rondo::cpu {

namespace {

// The worker alone writes replies, and an output is never closed.
ring::view alone(ring::view output) {
  output.claims_alone = true;
  return output;
}

// What is given up is seen first: its caller may have to be told.
ring::view seeing_all(ring::view input) {
  input.drops_oldest = false;
  return input;
}

}  // namespace

std::uint64_t worker::spin_time() const {
  switch (options_.wait) {
    case RONDO_WAIT_SPIN: return ring::no_deadline;
    case RONDO_WAIT_PARK: return ring::brief_spin_ns;
    default: return options_.spin_ns;
  }
}

worker::worker(const rondo_handler& handler, const worker_options& options,
               std::shared_ptr<buffer_table> buffers, backend::ring_memory input,
               backend::ring_memory output, pool* shared)
    : rondo_emitter{},
      handler_(backend::whole(handler)),
      options_(options),
      pool_(shared),
      buffers_(std::move(buffers)),
      input_(std::move(input)),
      output_(std::move(output)),
      reserves_ahead_(!options.rules.any() && (handler.flags & RONDO_HANDLER_EMITS) == 0),
      in_(seeing_all(input_.view())),
      out_(alone(output_.view())) {
  struct_size = sizeof(rondo_emitter);
  reserve = &reserve_in_ring;
  commit = &commit_to_ring;
  if (may_burst()) bursts_ = std::make_unique<burst_places>(out_.shape());
  if (options_.rules.urgent) urgent_in_ = ring::consumer<>(seeing_all(input_.urgent_view()));
  invocation_.base.struct_size = sizeof invocation_;
  if (handler_.on_timer != nullptr) invocation_.timer_at_ns = &timer_at_ns_;
  invocation_.base.lanes = 1;
  invocation_.base.buffers = buffers_->entries();
  invocation_.base.buffer_count = buffer_table::capacity;
  invocation_.base.kernel_tag = options_.kernel_tag;

  const std::uint64_t alignment =
      std::max<std::uint64_t>(handler_.state_alignment, ring::line_bytes);
  const std::uint64_t bytes = (handler_.state_bytes + alignment - 1) / alignment * alignment;
  state_ = std::aligned_alloc(alignment, bytes);
  if (state_ == nullptr) throw std::bad_alloc();
  std::memset(state_, 0, bytes);

  std::string why;
  rondo_error_sink sink{
      sizeof sink, 0, &why,
      [](void* self, rondo_status, rondo_string, rondo_string message, rondo_string) {
        static_cast<std::string*>(self)->assign(message.data, message.size);
      }};
  const rondo_status status = handler_.construct(state_, &sink);
  if (status != RONDO_OK) {
    std::free(state_);
    throw backend::failure(status, std::string(backend::text(handler_.id)),
                           "the handler's state could not be constructed: " + why,
                           "repair the constructor of the handler");
  }
}

worker::~worker() {
  handler_.destroy(state_);
  std::free(state_);
}

void worker::serve(command during) {
  if (options_.rules.any()) return serve_by_rules(during);
  if (handler_.on_timer != nullptr && during == command::run) serve_at<pace::timed>(during);
  else serve_at<pace::untimed>(during);
}

// Until the command is another than `during` or, when draining, until everything is handled.
template <worker::pace Pace>
void worker::serve_at(command during) {
  ring::spinner spinner(spin_time());
  const bool emits = (handler_.flags & RONDO_HANDLER_EMITS) != 0;
  const bool streams = Pace == pace::untimed && may_stream();
  bool is_streaming = false;  // one request more than now and then: worth the beginning of a run
  while (ordered() == during) {
    if (during == command::drain && in_.next_sequence() >= drain_until_.normal) return;
    if constexpr (Pace == pace::timed) run_due_timer();
    more_follow_ = emits || spinner.looks() == 0;
    if ((streams || bursts_) &&
        (spinner.looks() == 0 || (is_streaming && in_.may_have_message()))) {
      const std::uint64_t handled = bursts_ ? burst(during) : stream(during);
      if (handled > 0) {
        is_streaming = handled > 1;
        spinner.found_work();
        continue;
      }
    }
    if (step()) spinner.found_work();
    else rest<Pace>(during, spinner);
  }
}

template <worker::pace Pace>
void worker::rest(command during, ring::spinner& spinner) {
  std::uint64_t looks = 0;
  const bool sleep = spinner.idle([&] {
    ++looks;
    if (!in_.may_have_message()) return false;
    out_.expect_to_write();  // the lines of the reply come while the handler runs
    return true;
  });
  add(counters_.polls, looks);
  if (sleep || spinner.looks() % looks_per_heartbeat == 0)
    ring::platform::store_relaxed(&counters_.heartbeat_ns, ring::now_ns());
  if (!sleep) return;
  // A drain waits only for senders that have claimed a slot and not yet filled it, a request that
  // cannot be answered for room in the output: both are looked at again soon.
  ring::message next;
  if (during == command::drain || in_.peek(next) != RONDO_EMPTY) return nap();
  std::uint64_t until = ring::no_deadline;
  if constexpr (Pace == pace::timed)
    if (timer_at_ns_ != 0) until = timer_at_ns_;
  ring::park(line(), until, [&] { return ordered() != during || in_.peek(next) != RONDO_EMPTY; });
}

// False if there was nothing to do, or nothing could be done.
bool worker::step() {
  add(counters_.polls, 1);
  ring::message request;
  const rondo_status status = in_.peek(request);
  if (status == RONDO_OK && request.sequence >= skip_below_) [[likely]] {
    if (!handle(request)) return false;
  } else if (status == RONDO_OK || status == RONDO_MALFORMED) {
    add(counters_.messages_dropped, 1);
  } else {
    return false;
  }
  in_.release();
  return true;
}

std::uint64_t worker::discard_below(const ends& sequences) {
  skip_below_ = sequences.normal;
  skip_urgent_below_ = sequences.urgent;
  const std::uint64_t urgent =
      options_.rules.urgent ? discard_below(urgent_in_, sequences.urgent) : 0;
  return urgent + discard_below(in_, sequences.normal);
}

std::uint64_t worker::discard_below(ring::consumer<>& lane, std::uint64_t sequence) {
  const std::uint64_t begin = std::min(lane.next_sequence(), sequence);
  const std::uint64_t abandoned_before = lane.skipped();
  ring::message request;
  while (lane.next_sequence() < sequence) {
    const rondo_status status = lane.peek(request);
    if (status != RONDO_OK && status != RONDO_MALFORMED) break;
    add(counters_.messages_dropped, 1);
    lane.release();
  }
  return sequence - begin - (lane.skipped() - abandoned_before);
}

// False if the kernel must stop or pause before the request could be answered; it then stays.
// Inline, like all that lies between a request and its reply, with what is rare kept out of it: a
// caller waits for each instruction.
RONDO_INLINE bool worker::handle(const ring::message& request) {
  const bool timed = ring::is_timed(request.sequence);
  const bool watched = options_.handler_deadline_ns != 0;
  timing took;
  if (timed || watched) [[unlikely]] {
    took.begin_ns = ring::now_ns();
    waited_for_room_ns_ = 0;
  }
  if (watched) ring::platform::store_relaxed(&counters_.busy_since_ns, took.begin_ns);

  invocation_.base.request = request.header;
  invocation_.base.failure_code = RONDO_OK;
  invocation_.base.user_code = 0;
  invocation_.base.failure_length = 0;
  rondo_status status = RONDO_OK;
  if (!reserves_ahead_ || reserve_ahead()) [[likely]]
    status = handler_.invoke(state_, request.payload, this, &invocation_.base);
  else status = RONDO_TERMINATED;
  // Before the reply is out: whoever has it in time must not find the handler late.
  if (watched) ring::platform::store_relaxed(&counters_.busy_since_ns, 0);
  if (ahead.is_filled != 0) [[likely]] {
    ahead.is_filled = 0;
    if (status == RONDO_OK) commit_reply(ahead.length, ahead.version, 0);
  }

  if (timed) [[unlikely]] {
    took.end_ns = ring::now_ns();
    took.waited_ns = waited_for_room_ns_;
  }
  if (status != RONDO_OK || invocation_.base.failure_code != RONDO_OK || reply_open_) [[unlikely]]
    if (!settle(status)) return false;
  if (timed) [[unlikely]]
    count_timed(*request.header, took);
  add(counters_.bytes_in, request.header->length);
  add(counters_.messages_in, 1);
  return true;
}

// What is to be done when a handler failed, or left a reply open. False if its request must stay.
bool worker::settle(rondo_status status) {
  const bool failed = invocation_.base.failure_code != RONDO_OK;
  if (status != RONDO_OK || failed) {
    if (status == RONDO_TERMINATED && !failed) return false;
    if (!fail_request()) return false;
    add(counters_.messages_failed, 1);
  }
  if (reply_open_) abandon_by_rules();
  reply_open_ = false;
  return true;
}

// The wait for room in the output is not the handler's. A handler with one reply begins after it,
// as its room is reserved first.
void worker::count_timed(const rondo_envelope& request, const timing& took) {
  const std::uint64_t handled = took.end_ns - took.begin_ns - took.waited_ns;
  add(counters_.handler_samples, 1);
  add(counters_.handler_sampled_ns, handled);
  if (handled > counters_.handler_sampled_max_ns)
    ring::platform::store_relaxed(&counters_.handler_sampled_max_ns, handled);
  add(latencies_.handling[ring::latency_bucket(handled)], 1);
  if (request.reserved != 0) {
    const bool emits = (handler_.flags & RONDO_HANDLER_EMITS) != 0;
    const std::uint64_t began = took.begin_ns + (emits ? 0 : took.waited_ns);
    const std::uint64_t queued = ring::since_stamp(request.reserved, began);
    add(latencies_.queueing[ring::latency_bucket(queued)], 1);
  }
  ring::platform::store_relaxed(&counters_.heartbeat_ns, took.end_ns);
}

// The caller who waits learns why; the reason is cut to what the slot can carry. False if there was
// no room and the request, which its handler has not seen, must stay. What an emitting handler has
// seen is done with, told or not.
bool worker::fail_request() {
  if (options_.rules.output != queue_rules::when_full::wait) return fail_by_rules();
  constexpr std::uint32_t fixed = offsetof(rondo_failure, text);
  const std::uint32_t room = out_.shape().payload_capacity;
  if (room < fixed) return true;
  const std::uint32_t length = std::min(invocation_.base.failure_length, room - fixed);
  auto* record = static_cast<rondo_failure*>(reserve_reply(fixed + length));
  if (record == nullptr) return (handler_.flags & RONDO_HANDLER_EMITS) != 0;
  record->code = invocation_.base.failure_code;
  record->user_code = invocation_.base.user_code;
  std::memcpy(record->text, invocation_.base.failure_text, length);
  commit_reply(fixed + length, 0, RONDO_FLAG_FAILED);
  return true;
}

// A request that waits for room in the output can be given back as long as its handler has not run,
// which is so for handlers with one reply: the room is reserved first. Others only yield to a stop.
bool worker::must_give_up() const {
  const command now = ordered();
  if (now == command::stop || now == command::abandon) return true;
  return now == command::pause && (handler_.flags & RONDO_HANDLER_EMITS) == 0;
}

RONDO_INLINE void* worker::reserve_reply(std::uint32_t bytes) {
  if (reply_open_) [[unlikely]]
    return bytes <= reply_.capacity ? reply_.payload : nullptr;
  rondo_status status = out_.try_reserve(bytes, reply_, more_follow_);
  if (status == RONDO_FULL) [[unlikely]]
    status = wait_for_room(bytes);
  if (status != RONDO_OK) [[unlikely]] {
    if (status != RONDO_FULL) invocation_.base.failure_code = status;
    return nullptr;
  }
  reply_open_ = true;
  return reply_.payload;
}

// False if the request must stay, or cannot be answered.
RONDO_INLINE bool worker::reserve_ahead() {
  ahead.room = reserve_reply(handler_.response.max_bytes);
  ahead.room_bytes = reply_.capacity;
  return ahead.room != nullptr;
}

// FULL if the kernel must give up. The time is not the handler's: it does not count towards a hang.
// In a pool a request whose handler has not run gives its thread back; a handler that is in the
// midst of its replies keeps the thread, and the pool gets by with another.
rondo_status worker::wait_for_room(std::uint32_t bytes) {
  if (options_.rules.output != queue_rules::when_full::wait) return room_by_rules();
  if (pool_ != nullptr && (handler_.flags & RONDO_HANDLER_EMITS) == 0) {
    is_blocked_ = true;
    return RONDO_FULL;
  }
  const pool_wait aside(pool_, *this);
  const std::uint64_t busy_since = counters_.busy_since_ns;
  const std::uint64_t begin = ring::now_ns();
  ring::platform::store_relaxed(&counters_.busy_since_ns, 0);
  ring::spinner spinner(spin_time());
  rondo_status status;
  while ((status = out_.try_reserve(bytes, reply_)) == RONDO_FULL && !must_give_up())
    if (spinner.idle()) nap();
  const std::uint64_t waited = ring::now_ns() - begin;
  waited_for_room_ns_ += waited;
  if (busy_since != 0) ring::platform::store_relaxed(&counters_.busy_since_ns, busy_since + waited);
  return status;
}

bool worker::handle_by_rules(const ring::message& request) { return handle(request); }

void* worker::reserve_in_ring(rondo_emitter* self, std::uint32_t bytes) {
  return static_cast<worker*>(self)->reserve_reply(bytes);
}

void worker::commit_to_ring(rondo_emitter* self, std::uint32_t length, std::uint16_t version,
                            std::uint32_t flags) {
  static_cast<worker*>(self)->commit_reply(length, version, flags);
}

RONDO_INLINE void worker::commit_reply(std::uint32_t length, std::uint16_t version,
                                       std::uint32_t flags) {
  if (!reply_open_) return;
  const rondo_envelope header{length,
                              RONDO_TYPE_RESPONSE,
                              version,
                              flags,
                              0,
                              reply_.sequence + 1,
                              invocation_.base.request->correlation_id};
  out_.commit(reply_, header);
  reply_open_ = false;
  add(counters_.messages_out, 1);
  add(counters_.bytes_out, length);
  ring::wake_if_parked(output_.memory().wake_line());
}

}  // namespace rondo::cpu
