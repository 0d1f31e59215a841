// Queues, with what can be wrong about them: the way of each request in and of each reply out.
#include "wrapped.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace rondo::faults {

namespace {

std::mutex names_mutex;
std::map<std::string, rondo_queue*> names;

std::vector<std::byte> bytes_of(const void* payload, std::uint32_t length) {
  const auto* data = static_cast<const std::byte*>(payload);
  return {data, data + length};
}

rondo_status put(rondo_queue* queue, const message& m) {
  return inner.queue.push(queue->inner, &m.header, m.payload.data());
}

// The request as it is handed on.
void change_request(rondo_kernel& kernel, message& m) {
  const auto length = m.payload.size();
  if (broken(fault::version_ignored)) {
    m.header.version = static_cast<std::uint16_t>(kernel.request_version);
    m.header.type = RONDO_TYPE_REQUEST;
  }
  if (broken(fault::flips_a_bit) && length > 0 && kernel.pushes % 5 == 0)
    m.payload[length / 2] ^= std::byte{4};
  if (broken(fault::loses_the_last_byte) && length > 0) m.payload[length - 1] = std::byte{0};
  if (broken(fault::cuts_large_messages) && length > 16384)
    std::fill(m.payload.begin() + 16384, m.payload.end(), std::byte{0});
  if (broken(fault::echoes)) kernel.remembered.push_back(m);
}

// What a status becomes that was not OK.
rondo_status refused(rondo_queue* queue, message& m, rondo_status status) {
  rondo_kernel& kernel = *queue->kernel;
  if (status == RONDO_TERMINATED) {
    if (broken(fault::accepts_after_terminate)) return RONDO_OK;
    if (broken(fault::full_after_terminate)) return RONDO_FULL;
  }
  if (status == RONDO_FULL && rules_when_full(queue, status) == RONDO_OK) return RONDO_OK;
  if (status == RONDO_FULL) {
    if (broken(fault::overruns_capacity)) return RONDO_OK;
    if (broken(fault::full_has_effect)) kernel.held.push_back(m);
    if (broken(fault::push_blocks)) {
      for (int i = 0; i < 50 && status == RONDO_FULL; ++i) {
        sleep_ms(10);
        status = put(queue, m);
      }
    }
  }
  const bool cuts = broken(fault::too_large_has_effect) || broken(fault::takes_too_large);
  if (status == RONDO_TOO_LARGE && cuts) {
    m.payload.resize(queue->payload_capacity);
    m.header.length = queue->payload_capacity;
    const auto cut = put(queue, m);
    return broken(fault::takes_too_large) ? cut : status;
  }
  return status;
}

rondo_status push_broken(rondo_queue* queue, const rondo_envelope* header, const void* payload) {
  message_is_pushed();
  rondo_kernel& kernel = *queue->kernel;
  const std::lock_guard lock(kernel.mutex);
  const std::uint32_t now = inner_state(&kernel);
  message m{*header, bytes_of(payload, header->length)};
  if (rules_refuse(queue, m.header)) return RONDO_FULL;
  if (broken(fault::slot_missing) && queue->capacity > 1 &&
      inner_depth(queue) + 1 >= queue->capacity && now != RONDO_STATE_TERMINATED)
    return RONDO_FULL;
  if (broken(fault::inactive_loses) && now < RONDO_STATE_ACTIVE) return RONDO_OK;
  if (broken(fault::inactive_loses) && now == RONDO_STATE_INACTIVE) return RONDO_OK;
  if (broken(fault::polls_nothing) && now != RONDO_STATE_TERMINATED) {
    if (kernel.held.size() >= queue->capacity) return RONDO_FULL;
    kernel.held.push_back(m);
    return RONDO_OK;
  }
  if (broken(fault::stops_after_a_thousand) && kernel.pushes >= 1000)
    return ++kernel.pushes, RONDO_OK;
  if (broken(fault::loses_messages) && kernel.pushes % 16 == 15) return ++kernel.pushes, RONDO_OK;
  if (broken(fault::reorders) && kernel.held.empty() && kernel.pushes % 8 == 7) {
    kernel.held.push_back(m);
    return ++kernel.pushes, RONDO_OK;
  }
  change_request(kernel, m);
  rondo_status status = put(first_of_name(queue), m);
  if (status != RONDO_OK) return refused(queue, m, status);
  ++kernel.pushes;
  kernel.last_used_ns = now_ns();
  if (broken(fault::handles_twice)) (void)put(queue, m);
  if (broken(fault::each_block_handles))
    for (std::uint32_t block = 1; block < kernel.blocks; ++block) (void)put(queue, m);
  if (broken(fault::reorders) && !kernel.held.empty()) {
    (void)put(queue, kernel.held.front());
    kernel.held.clear();
  }
  return status;
}

rondo_status push(rondo_queue* queue, const rondo_envelope* header, const void* payload) {
  if (pool_loses(queue->kernel)) return RONDO_OK;
  if (lease_is_over(queue->kernel)) return RONDO_TERMINATED;
  if (chosen == fault::none) return inner.queue.push(queue->inner, header, payload);
  return push_broken(queue, header, payload);
}

// ---- replies

bool is_of_another_version(const message& m) {
  std::int32_t code = 0;
  if ((m.header.flags & RONDO_FLAG_FAILED) == 0 || m.payload.size() < sizeof code) return false;
  std::memcpy(&code, m.payload.data(), sizeof code);
  return code == RONDO_VERSION_MISMATCH;
}

// Whether the reply is given to no one.
bool swallows(rondo_kernel& kernel, const message& m) {
  const std::uint64_t n = kernel.pops++;
  if (broken(fault::second_buffer)) return n % 20 == 19;
  if (rules_swallow(m)) return true;
  if (broken(fault::handles_twice)) return n % 2 == 1;
  if (broken(fault::each_block_handles)) return n % kernel.blocks != 0;
  if (broken(fault::one_reply_each))
    return std::exchange(kernel.last_correlation, m.header.correlation_id) ==
           m.header.correlation_id;
  if (broken(fault::version_ends_kernel))
    return std::exchange(kernel.had_version, is_of_another_version(m)) && !kernel.had_version;
  if (broken(fault::failure_stops_kernel)) {
    const bool after = kernel.had_failure;
    kernel.had_failure = !after && (m.header.flags & RONDO_FLAG_FAILED) != 0;
    return after;
  }
  return false;
}

void make_empty(rondo_kernel& kernel, message& m) {
  m.header.flags = 0;
  m.header.version = static_cast<std::uint16_t>(kernel.response_version);
  m.payload.assign(kernel.response_bytes, std::byte{0});
}

void change_reply(rondo_kernel& kernel, message& m) {
  const bool failed = (m.header.flags & RONDO_FLAG_FAILED) != 0;
  if (broken(fault::correlation_lost)) m.header.correlation_id = m.header.message_id;
  if (broken(fault::reply_version_zero)) m.header.version = 0;
  if (broken(fault::more_lost)) m.header.flags &= ~std::uint32_t{RONDO_FLAG_MORE};
  if (broken(fault::reserved_not_zero)) m.header.reserved = 0xa5a5a5a5;
  if (broken(fault::reply_ids_random)) m.header.message_id *= 3;
  if (broken(fault::empty_replies)) make_empty(kernel, m);
  if (broken(fault::failure_passes_for_success) && failed) make_empty(kernel, m);
  constexpr std::size_t few_words = 20;  // "the request has vers"
  if (broken(fault::versions_not_named) && is_of_another_version(m))
    m.payload.resize(std::min(m.payload.size(), few_words));
  rules_change_reply(kernel, m);
  if (broken(fault::failure_without_text) && failed) m.payload.resize(8);
  if (broken(fault::echoes) && !kernel.remembered.empty()) {
    m.payload = kernel.remembered.front().payload;
    kernel.remembered.erase(kernel.remembered.begin());
  }
  m.header.length = static_cast<std::uint32_t>(m.payload.size());
}

rondo_status hand_out(const message& m, rondo_envelope* header, void* payload, std::uint32_t room) {
  *header = m.header;
  const auto n = static_cast<std::uint32_t>(m.payload.size());
  std::memcpy(payload, m.payload.data(), std::min(n, room));
  if (broken(fault::pop_overruns) && n <= 80) static_cast<std::byte*>(payload)[n] = std::byte{0xee};
  return n <= room ? RONDO_OK : RONDO_TOO_LARGE;
}

// Requests that were kept back find room now, or nothing else comes.
void let_go(rondo_kernel& kernel) {
  if (broken(fault::full_has_effect) && !kernel.held.empty() &&
      put(&kernel.input, kernel.held.front()) == RONDO_OK)
    kernel.held.erase(kernel.held.begin());
}

rondo_status pop_broken(rondo_queue* queue, rondo_envelope* header, void* payload,
                        std::uint32_t room) {
  rondo_kernel& kernel = *queue->kernel;
  const std::lock_guard lock(kernel.mutex);
  let_go(kernel);
  if (!kernel.again.empty()) {
    const message m = kernel.again.front();
    kernel.again.clear();
    return hand_out(m, header, payload, room);
  }
  message m;
  m.payload.resize(queue->payload_capacity);
  for (;;) {
    // Is there one, and does it fit? Asked without room, the wrapped queue tells and keeps it.
    rondo_status status = inner.queue.pop(queue->inner, &m.header, m.payload.data(), 0);
    if (status == RONDO_EMPTY) return status;
    const bool fits = m.header.length <= room;
    if (!fits && !broken(fault::pop_cuts) && !broken(fault::pop_loses))
      return inner.queue.pop(queue->inner, header, payload, room);
    if (status == RONDO_TOO_LARGE)
      status = inner.queue.pop(queue->inner, &m.header, m.payload.data(), queue->payload_capacity);
    if (status != RONDO_OK) return status;
    if (!fits && broken(fault::pop_loses)) return *header = m.header, RONDO_TOO_LARGE;
    m.payload.resize(m.header.length);
    if (!fits) {
      m.payload.resize(room);
      m.header.length = room;
      return hand_out(m, header, payload, room);
    }
    if (swallows(kernel, m)) {
      m.payload.resize(queue->payload_capacity);
      continue;
    }
    change_reply(kernel, m);
    exchange_replies(queue, m);
    if (broken(fault::repeats_reply) && kernel.pops % 16 == 0) kernel.again.push_back(m);
    return hand_out(m, header, payload, room);
  }
}

rondo_status pop(rondo_queue* queue, rondo_envelope* header, void* payload, std::uint32_t room) {
  if (chosen == fault::none) return inner.queue.pop(queue->inner, header, payload, room);
  const auto status = pop_broken(queue, header, payload, room);
  if (status != RONDO_EMPTY || !broken(fault::pop_blocks)) return status;
  sleep_ms(300);
  return pop_broken(queue, header, payload, room);
}

// ---- batches

rondo_status push_batch(rondo_queue* queue, const rondo_envelope* headers,
                        const void* const* payloads, std::uint64_t count, std::uint64_t* done) {
  if (broken(fault::batch_skips_too_large)) {
    *done = 0;
    for (std::uint64_t i = 0; i < count; ++i)
      if (inner.queue.push(queue->inner, &headers[i], payloads[i]) == RONDO_OK) ++*done;
    return *done > 0 ? RONDO_OK : RONDO_FULL;
  }
  if (broken(fault::batch_goes_nowhere)) return *done = count, RONDO_OK;
  const auto status = ask(inner.queue.push_batch, queue->inner, headers, payloads, count, done);
  if (status == RONDO_OK && broken(fault::batch_counts_all)) *done = count;
  return status;
}

rondo_status pop_batch(rondo_queue* queue, rondo_envelope* headers, void* const* payloads,
                       std::uint32_t room, std::uint64_t count, std::uint64_t* done) {
  return ask(inner.queue.pop_batch, queue->inner, headers, payloads, room, count, done);
}

// ---- zero copy

rondo_status reserve(rondo_queue* queue, std::uint32_t bytes, rondo_claim* out) {
  const auto status = ask(inner.queue.reserve, queue->inner, bytes, out);
  if (status == RONDO_OK && broken(fault::claims_askew))
    out->payload = static_cast<std::byte*>(out->payload) + 8;
  return status;
}
rondo_status commit(rondo_queue* queue, rondo_claim* claim, const rondo_envelope* header) {
  if (broken(fault::committed_goes_nowhere)) return ask(inner.queue.abandon, queue->inner, claim);
  const auto status = ask(inner.queue.commit, queue->inner, claim, header);
  return status == RONDO_INVALID_STATE && broken(fault::claims_end_twice) ? RONDO_OK : status;
}
rondo_status abandon(rondo_queue* queue, rondo_claim* claim) {
  if (broken(fault::abandoned_wedges)) return RONDO_OK;
  if (broken(fault::abandoned_arrives)) {
    const rondo_kernel& kernel = *queue->kernel;
    const rondo_envelope header{std::min(claim->capacity, std::uint32_t{64}),
                                RONDO_TYPE_REQUEST,
                                static_cast<std::uint16_t>(kernel.request_version),
                                0,
                                0,
                                1,
                                1};
    return ask(inner.queue.commit, queue->inner, claim, &header);
  }
  return ask(inner.queue.abandon, queue->inner, claim);
}
rondo_status peek(rondo_queue* queue, rondo_view* out) {
  const auto status = ask(inner.queue.peek, queue->inner, out);
  if (status == RONDO_OK && broken(fault::peek_takes)) {
    rondo_view copy = *out;
    (void)inner.queue.release(queue->inner, &copy);
  }
  if (status == RONDO_OK && broken(fault::views_askew))
    out->payload = static_cast<const std::byte*>(out->payload) + 8;
  return status;
}
rondo_status release(rondo_queue* queue, rondo_view* view) {
  if (broken(fault::peek_takes)) return RONDO_OK;
  return ask(inner.queue.release, queue->inner, view);
}

// ---- what is told

rondo_status info(rondo_queue* queue, rondo_queue_info* out) {
  const auto status = inner.queue.info(queue->inner, out);
  if (status != RONDO_OK) return status;
  if (broken(fault::polls_nothing) && queue == &queue->kernel->input) {
    const std::lock_guard lock(queue->kernel->mutex);
    out->depth = queue->kernel->held.size();
  }
  if (broken(fault::depth_zero)) out->depth = 0;
  if (broken(fault::capacity_in_bytes)) out->capacity /= out->payload_capacity + 1;
  if (broken(fault::info_of_another_ring)) out->slot_stride += 64;
  if (broken(fault::changes_struct_size)) out->struct_size = sizeof *out;
  return status;
}

rondo_status map(rondo_queue* queue, rondo_ring_map* out) {
  if (!shows_the_map()) return RONDO_UNSUPPORTED;
  const auto status = ask(inner.queue.map, queue->inner, out);
  if (status != RONDO_OK) return status;
  if (queue == &queue->kernel->output) queue->kernel->mapped = *out;
  if (broken(fault::map_of_another_layout)) out->layout_version += 7;
  if (broken(fault::map_overlaps)) out->lanes[0].consumer_line = out->lanes[0].producer_line;
  if (broken(fault::map_too_many_slots)) out->capacity *= out->slot_stride;
  if (broken(fault::map_lanes_are_one)) out->lanes[1].slots = out->lanes[0].slots;
  return status;
}

}  // namespace

void enter_name(rondo_kernel* kernel) {
  if (!broken(fault::queues_found_by_name)) return;
  const std::lock_guard lock(names_mutex);
  names.emplace(kernel->input_name, &kernel->input);
}

void leave_name(rondo_kernel* kernel) {
  if (!broken(fault::queues_found_by_name)) return;
  const std::lock_guard lock(names_mutex);
  const auto found = names.find(kernel->input_name);
  if (found != names.end() && found->second == &kernel->input) names.erase(found);
}

rondo_queue* first_of_name(rondo_queue* queue) {
  if (!broken(fault::queues_found_by_name)) return queue;
  const std::lock_guard lock(names_mutex);
  const auto found = names.find(queue->kernel->input_name);
  return found == names.end() ? queue : found->second;
}

const rondo_queue_table queue_functions = {sizeof(rondo_queue_table),
                                           0,
                                           push,
                                           pop,
                                           push_batch,
                                           pop_batch,
                                           reserve,
                                           commit,
                                           abandon,
                                           peek,
                                           release,
                                           info,
                                           map};

}  // namespace rondo::faults
