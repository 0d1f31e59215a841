// The host's end of a queue whose rings lie in host memory: the calls of rondo_queue_table on top
// of the ring, and the map. The other end, the kernel's, uses the ring itself.
#pragma once

#include <rondo/backend/backend.hpp>
#include <rondo/backend/ring_memory.hpp>
#include <rondo/ring/lanes.hpp>
#include <rondo/ring/stamp.hpp>
#include <rondo/ring/wait.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace rondo::backend {

// What both ends share.
class ring_queue : public queue {
 public:
  explicit ring_queue(ring_memory memory) : memory_(std::move(memory)), view_(memory_.view()) {}

  rondo_status info(rondo_queue_info& out) override {
    out.publication = memory_.map().publication;
    out.capacity = view_.shape.capacity;
    out.payload_capacity = view_.shape.payload_capacity;
    out.slot_stride = view_.shape.stride;
    out.depth = depth();
    return RONDO_OK;
  }
  rondo_status map(rondo_ring_map& out) override {
    out = memory_.map();
    return RONDO_OK;
  }

  std::uint64_t depth() const {
    std::uint64_t all = ring::producer<>(view_).depth();
    if (has_urgent_lane()) all += ring::producer<>(urgent_view()).depth();
    return all;
  }
  const ring::view& view() const { return view_; }
  bool has_urgent_lane() const { return memory_.lanes() > ring::urgent_lane; }
  ring::view urgent_view() const { return memory_.view(ring::urgent_lane); }
  ring_memory& memory() { return memory_; }

 private:
  ring_memory memory_;
  ring::view view_;
};

// The claims of a queue that are neither committed nor abandoned, by tokens that no other claim of
// the process has: so one of another queue, or a copy of one that is done with, is recognized.
class open_claims {
 public:
  std::uint64_t keep(std::unique_ptr<ring::claim> claim) {
    static std::atomic<std::uint64_t> last{0};
    const std::uint64_t token = last.fetch_add(1, std::memory_order_relaxed) + 1;
    const std::lock_guard lock(mutex_);
    all_.emplace(token, std::move(claim));
    return token;
  }
  bool has(const rondo_claim& c) const {
    const std::lock_guard lock(mutex_);
    return all_.count(c.token) != 0;
  }
  // nullptr if it is none of these.
  std::unique_ptr<ring::claim> take(rondo_claim& c) {
    const std::lock_guard lock(mutex_);
    const auto found = all_.extract(c.token);
    if (found.empty()) return nullptr;
    c.token = 0;
    c.payload = nullptr;
    return std::move(found.mapped());
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::unique_ptr<ring::claim>> all_;
};

// A kernel's input: the host produces. Any thread.
class ring_input : public ring_queue {
 public:
  explicit ring_input(ring_memory memory) : ring_queue(std::move(memory)), ring_(view()) {
    if (has_urgent_lane()) urgent_ = ring::producer<>(urgent_view());
  }

  rondo_status push(const rondo_envelope& header, const void* payload) override {
    return published(push_one(header, payload));
  }

  rondo_status push_batch(const rondo_envelope* headers, const void* const* payloads,
                          std::uint64_t count, std::uint64_t& done) override {
    done = 0;
    rondo_status status = RONDO_OK;
    while (done < count && status == RONDO_OK) {
      status = push_one(headers[done], payloads[done]);
      if (status == RONDO_OK) ++done;
    }
    if (done > 0) return published(RONDO_OK);
    return published(status);
  }

  // Always of the normal lane.
  rondo_status reserve(std::uint32_t bytes, rondo_claim& out) override {
    std::unique_ptr<ring::claim> claim(new (std::nothrow) ring::claim);
    if (claim == nullptr) return RONDO_OUT_OF_MEMORY;
    const rondo_status status = ring_.try_reserve(bytes, *claim);
    if (status == RONDO_FULL) make_room(ring_);
    if (status != RONDO_OK) return published(status);
    out.capacity = claim->capacity;
    out.payload = claim->payload;
    out.token = claims_.keep(std::move(claim));
    return RONDO_OK;
  }
  rondo_status commit(rondo_claim& c, const rondo_envelope& header) override {
    if (!claims_.has(c)) return RONDO_INVALID_STATE;
    if (header.length > c.capacity) return RONDO_TOO_LARGE;
    const std::unique_ptr<ring::claim> claim = claims_.take(c);
    if (claim == nullptr) return RONDO_INVALID_STATE;
    ring::commit_stamped(ring_, *claim, header);
    return published(RONDO_OK);
  }
  rondo_status abandon(rondo_claim& c) override {
    const std::unique_ptr<ring::claim> claim = claims_.take(c);
    if (claim == nullptr) return RONDO_INVALID_STATE;
    ring_.abandon(*claim);
    return published(RONDO_OK);
  }

  // Refuse further messages; returns the first sequence that was not accepted, of the normal lane.
  std::uint64_t close() {
    closed_.store(true, std::memory_order_relaxed);
    if (has_urgent_lane()) urgent_end_ = urgent_.close();
    return ring_.close();
  }
  // The same of the urgent lane, once it was closed; 0 if there is none.
  std::uint64_t urgent_end() const { return urgent_end_; }
  void reopen() {
    ring_.reopen();
    if (has_urgent_lane()) urgent_.reopen();
    closed_.store(false, std::memory_order_relaxed);
  }

 private:
  rondo_status push_one(const rondo_envelope& header, const void* payload) {
    const bool is_urgent = has_urgent_lane() && (header.flags & RONDO_FLAG_URGENT) != 0;
    ring::producer<>& lane = is_urgent ? urgent_ : ring_;
    ring::claim claim;
    const rondo_status status = lane.try_reserve(header.length, claim);
    if (status == RONDO_FULL) make_room(lane);
    if (status != RONDO_OK) return status;
    if (header.length != 0) __builtin_memcpy(claim.payload, payload, header.length);
    ring::commit_stamped(lane, claim, header);
    return RONDO_OK;
  }
  void make_room(ring::producer<>& lane) {
    if (!view().drops_oldest || !lane.drop_oldest(1)) return;
    ring::wake_if_parked(memory().wake_line());
  }
  rondo_status published(rondo_status status) {
    if (status == RONDO_OK) ring::wake_if_parked(memory().wake_line());
    if (status == RONDO_FULL && closed_.load(std::memory_order_relaxed)) return RONDO_TERMINATED;
    return status;
  }

  ring::producer<> ring_;
  ring::producer<> urgent_;
  open_claims claims_;
  std::uint64_t urgent_end_ = 0;
  std::atomic<bool> closed_{false};
};

// A kernel's output: the host consumes. One thread at a time.
class ring_output : public ring_queue {
 public:
  explicit ring_output(ring_memory memory) : ring_queue(std::move(memory)), ring_(view()) {}

  rondo_status pop(rondo_envelope& header, void* payload, std::uint32_t capacity) override {
    return ring_.try_pop(header, payload, capacity);
  }
  rondo_status pop_batch(rondo_envelope* headers, void* const* payloads,
                         std::uint32_t capacity_each, std::uint64_t count,
                         std::uint64_t& done) override {
    done = 0;
    rondo_status status = RONDO_OK;
    while (done < count && status == RONDO_OK) {
      status = ring_.try_pop(headers[done], payloads[done], capacity_each);
      if (status == RONDO_OK) ++done;
    }
    return done > 0 ? RONDO_OK : status;
  }
  rondo_status peek(rondo_view& out) override {
    const rondo_status status = ring_.peek(message_);
    if (status != RONDO_OK) return status;
    out.envelope = message_.header;
    out.payload = message_.payload;
    out.token = message_.sequence + 1;
    return RONDO_OK;
  }
  rondo_status release(rondo_view& v) override {
    if (v.token != ring_.next_sequence() + 1) return RONDO_INVALID_STATE;
    v.token = 0;
    ring_.release();
    return RONDO_OK;
  }

 private:
  ring::consumer<> ring_;
  ring::message message_;
};

}  // namespace rondo::backend
