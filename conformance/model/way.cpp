// The calls, and the ring.
#include "way.hpp"

#include <rondo/host_services.hpp>
#include <rondo/ring/map.hpp>
#include <rondo/ring/wait.hpp>

namespace rondo::conformance::model {

namespace {

class calls final : public way {
 public:
  calls(bench& it, test_kernel& kernel) : api_(it.api().queue), kernel_(kernel) {
    batches_ = it.has(RONDO_CAP_BATCH);
    zero_copy_ = it.has(RONDO_CAP_ZERO_COPY);
  }

  rondo_status push(const outgoing& message) override {
    const host_call_guard guard;
    return api_.push(kernel_.input(), &message.header, message.payload.data());
  }
  bool takes_deadlines() const override { return false; }
  rondo_status push_batch(std::span<const outgoing> all, std::uint64_t& done) override {
    if (!batches_) return push_each(all, done);
    std::vector<rondo_envelope> headers;
    std::vector<const void*> payloads;
    for (const auto& each : all) {
      headers.push_back(each.header);
      payloads.push_back(each.payload.data());
    }
    const host_call_guard guard;
    return api_.push_batch(kernel_.input(), headers.data(), payloads.data(), all.size(), &done);
  }
  rondo_status pop(received& out) override { return kernel_.try_receive(out); }
  rondo_status pop_batch(std::vector<received>& out, std::uint64_t count) override {
    if (!batches_) {
      out.emplace_back();
      const auto status = pop(out.back());
      if (status != RONDO_OK) out.pop_back();
      return status;
    }
    std::vector<rondo_envelope> headers(count);
    std::vector<received> got(count);
    std::vector<void*> rooms;
    for (auto& each : got) {
      each.payload.resize(kernel_.output_payload());
      rooms.push_back(each.payload.data());
    }
    std::uint64_t done = 0;
    const host_call_guard guard;
    const auto status = api_.pop_batch(kernel_.output(), headers.data(), rooms.data(),
                                       kernel_.output_payload(), count, &done);
    require(done <= count, "pop_batch got more than it was asked for");
    expect_status(status, done > 0 ? RONDO_OK : RONDO_EMPTY,
                  "pop_batch that got " + std::to_string(done));
    for (std::uint64_t i = 0; i < done; ++i) {
      got[i].header = headers[i];
      got[i].payload.resize(std::min(headers[i].length, kernel_.output_payload()));
      out.push_back(std::move(got[i]));
    }
    return status;
  }

  rondo_status reserve(std::uint32_t bytes) override {
    if (!zero_copy_) return RONDO_UNSUPPORTED;
    claim_ = {};
    claim_.struct_size = sizeof claim_;
    const host_call_guard guard;
    return api_.reserve(kernel_.input(), bytes, &claim_);
  }
  rondo_status commit(const outgoing& message) override {
    std::memcpy(claim_.payload, message.payload.data(), message.payload.size());
    const host_call_guard guard;
    return api_.commit(kernel_.input(), &claim_, &message.header);
  }
  rondo_status abandon() override {
    const host_call_guard guard;
    return api_.abandon(kernel_.input(), &claim_);
  }
  rondo_status peek(received& out) override {
    if (!zero_copy_) return RONDO_UNSUPPORTED;
    view_ = {};
    view_.struct_size = sizeof view_;
    const host_call_guard guard;
    const auto status = api_.peek(kernel_.output(), &view_);
    if (status != RONDO_OK) return status;
    out.header = *view_.envelope;
    const auto* bytes = static_cast<const std::byte*>(view_.payload);
    out.payload.assign(bytes, bytes + out.header.length);
    return status;
  }
  rondo_status release() override {
    const host_call_guard guard;
    return api_.release(kernel_.output(), &view_);
  }
  rondo_status closed() const override { return RONDO_TERMINATED; }

 private:
  rondo_status push_each(std::span<const outgoing> all, std::uint64_t& done) {
    rondo_status status = RONDO_OK;
    for (done = 0; done < all.size() && status == RONDO_OK;)
      if ((status = push(all[done])) == RONDO_OK) ++done;
    return done > 0 ? RONDO_OK : status;
  }

  const rondo_queue_table& api_;
  test_kernel& kernel_;
  bool batches_ = false, zero_copy_ = false;
  rondo_claim claim_{};
  rondo_view view_{};
};

class mapped final : public way {
 public:
  // `urgent` is nullptr if there is one lane.
  mapped(const rondo_ring_map& in, const ring::view& producing, const ring::view* urgent,
         const ring::view& consuming)
      : producer_(producing),
        consumer_(consuming),
        is_timed_(producing.shape.timed),
        drops_oldest_(producing.drops_oldest) {
    if (urgent != nullptr) urgent_ = ring::producer<>(*urgent);
    has_urgent_ = urgent != nullptr;
    if ((in.flags & RONDO_RING_CONSUMER_PARKS) != 0)
      wake_ = static_cast<ring::wake_line*>(in.wake_line);
  }

  rondo_status push(const outgoing& message) override {
    const bool is_urgent = has_urgent_ && (message.header.flags & RONDO_FLAG_URGENT) != 0;
    ring::producer<>& lane = is_urgent ? urgent_ : producer_;
    const rondo_envelope_times times{message.deadline_ns, 0};
    const auto status = lane.try_push(message.header, message.payload.data(), &times);
    if (status == RONDO_FULL && drops_oldest_ && lane.drop_oldest(1)) (void)woken(RONDO_OK);
    return woken(status);
  }
  bool takes_deadlines() const override { return is_timed_; }
  rondo_status push_batch(std::span<const outgoing> all, std::uint64_t& done) override {
    std::uint64_t first = 0;
    done = producer_.try_reserve_batch(all.size(), first);
    for (std::uint64_t i = 0; i < done; ++i) {
      ring::claim one;
      producer_.take(first + i, one);
      std::memcpy(one.payload, all[i].payload.data(), all[i].payload.size());
      producer_.fill(one, all[i].header);
    }
    producer_.commit_batch(first, done);
    return woken(done > 0 ? RONDO_OK : RONDO_FULL);
  }
  rondo_status pop(received& out) override {
    const auto status = peek(out);
    if (status == RONDO_OK) consumer_.release();
    return status;
  }
  rondo_status pop_batch(std::vector<received>& out, std::uint64_t count) override {
    rondo_status status = RONDO_OK;
    std::uint64_t done = 0;
    for (ring::message seen; done < count; ++done) {
      if ((status = consumer_.peek(seen)) != RONDO_OK) break;
      out.push_back(copied(seen));
      consumer_.advance();
    }
    if (done > 0) consumer_.publish_head();
    return done > 0 ? RONDO_OK : status;
  }

  rondo_status reserve(std::uint32_t bytes) override {
    return producer_.try_reserve(bytes, claim_);
  }
  rondo_status commit(const outgoing& message) override {
    std::memcpy(claim_.payload, message.payload.data(), message.payload.size());
    producer_.commit(claim_, message.header);
    return woken(RONDO_OK);
  }
  rondo_status abandon() override {
    producer_.abandon(claim_);
    return woken(RONDO_OK);
  }
  rondo_status peek(received& out) override {
    ring::message seen;
    const auto status = consumer_.peek(seen);
    if (status == RONDO_OK) out = copied(seen);
    return status;
  }
  rondo_status release() override { return consumer_.release(), RONDO_OK; }
  rondo_status closed() const override { return RONDO_FULL; }

 private:
  rondo_status woken(rondo_status status) {
    if (status == RONDO_OK && wake_ != nullptr) ring::wake_if_parked(wake_);
    return status;
  }
  static received copied(const ring::message& seen) {
    received out;
    out.header = *seen.header;
    out.payload.assign(seen.payload, seen.payload + seen.header->length);
    return out;
  }

  ring::producer<> producer_;
  ring::producer<> urgent_;
  ring::consumer<> consumer_;
  const bool is_timed_, drops_oldest_;
  bool has_urgent_ = false;
  ring::claim claim_{};
  ring::wake_line* wake_ = nullptr;
};

bool map_of(bench& it, rondo_queue* queue, rondo_ring_map& map) {
  map = {};
  map.struct_size = sizeof map;
  const host_call_guard guard;
  return it.api().queue.map(queue, &map) == RONDO_OK;
}

ring::view view_of(const rondo_ring_map& map, std::uint32_t lane, bool produces) {
  ring::view view;
  rule("QUEUE-15");
  expect_status(ring::make_view(map, lane, produces, view), RONDO_OK,
                "what rondo/ring/map.hpp makes of the map");
  return view;
}

}  // namespace

std::unique_ptr<way> way_of_calls(bench& it, test_kernel& kernel) {
  return std::make_unique<calls>(it, kernel);
}

std::unique_ptr<way> way_of_the_ring(bench& it, test_kernel& kernel) {
  rondo_ring_map in, out;
  if (!map_of(it, kernel.input(), in) || !map_of(it, kernel.output(), out)) return nullptr;
  const ring::view producing = view_of(in, 0, true), consuming = view_of(out, 0, false);
  if (in.lane_count == 1) return std::make_unique<mapped>(in, producing, nullptr, consuming);
  const ring::view urgent = view_of(in, 1, true);
  return std::make_unique<mapped>(in, producing, &urgent, consuming);
}

}  // namespace rondo::conformance::model
