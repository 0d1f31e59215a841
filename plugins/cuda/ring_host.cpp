// Making rings that a device reads and writes.
#include "ring_host.hpp"

#include "device.hpp"

namespace rondo::cuda {

using backend::text;

namespace {

// Chunked has the lowest latency and carries up to 384 bytes with the envelope; handlers whose
// requests are independent take many at once, and counted publication brings them.
std::uint32_t choose(const rondo_queue_params& params, placement where,
                     std::uint32_t handler_flags) {
  const std::string name(text(params.name));
  const bool timed = (params.flags & RONDO_QUEUE_TIMED) != 0;
  const bool fits = params.payload_capacity <= ring::max_chunked_payload(timed) &&
                    params.capacity <= ring::max_chunked_capacity;
  switch (params.publication) {
    case RONDO_PUBLISH_DEFAULT:
      if (where == placement::bar) return RONDO_PUBLISH_CHUNKED;
      return fits && (handler_flags & RONDO_HANDLER_INDEPENDENT) == 0 ? RONDO_PUBLISH_CHUNKED
                                                                      : RONDO_PUBLISH_COUNTED;
    case RONDO_PUBLISH_WORD:
      throw failure(RONDO_UNSUPPORTED, name, "word publication is not offered by the CUDA backend",
                    "Use chunked or counted, or leave the choice to the backend");
    case RONDO_PUBLISH_COUNTED:
    case RONDO_PUBLISH_CHUNKED: return params.publication;
    default:
      throw failure(RONDO_INVALID_ARGUMENT, name,
                    "there is no publication " + std::to_string(params.publication),
                    "Leave it to the backend, or use word, counted or chunked");
  }
}

backend::ring_storage pinned_storage(pinned_arena& pinned) {
  backend::ring_storage storage;
  storage.self = &pinned;
  storage.allocate = [](void* self, std::size_t bytes) -> void* {
    try {
      return static_cast<pinned_arena*>(self)->allocate(bytes).host;
    } catch (const failure&) {
      return nullptr;
    }
  };
  storage.release = [](void* self, void* block, std::size_t bytes) {
    static_cast<pinned_arena*>(self)->release({static_cast<std::byte*>(block), 0, bytes});
  };
  return storage;
}

device::ring_args args_of(const pinned_arena& pinned, const rondo_ring_map& map,
                          std::uint32_t which = ring::normal_lane) {
  const rondo_ring_lane& lane = map.lanes[which];
  return {pinned.device_address(lane.slots),
          pinned.device_address(lane.producer_line),
          pinned.device_address(lane.consumer_line),
          map.capacity,
          map.publication,
          map.slot_stride,
          map.payload_capacity,
          0};
}

[[noreturn]] void refuse(rondo_status status, const rondo_queue_params& params) {
  throw failure(status, std::string(text(params.name)),
                "a ring of " + std::to_string(params.capacity) + " slots of " +
                    std::to_string(params.payload_capacity) + " bytes cannot be made",
                "Ask for a power of two of slots that fit in memory, and chunked publication only "
                "for small messages");
}

device_ring make_pinned(device_parts& device, const rondo_queue_params& params) {
  device_ring made;
  const rondo_status status = backend::ring_memory::create(
      params, made.memory, backend::ring_memory::zeroed, pinned_storage(device.pinned));
  if (status != RONDO_OK) refuse(status, params);
  made.args = args_of(device.pinned, made.memory.map());
  if (made.memory.lanes() > ring::urgent_lane)
    made.urgent_args = args_of(device.pinned, made.memory.map(), ring::urgent_lane);
  return made;
}

}  // namespace

device_ring make_input(device_parts& device, rondo_queue_params params, placement where,
                       std::uint32_t handler_flags) {
  params.publication = choose(params, where, handler_flags);
  if (where != placement::bar) {
    device_ring made = make_pinned(device, params);
    if (where == placement::event) made.memory.add_flags(RONDO_RING_CONSUMER_PARKS);
    return made;
  }
  if (params.publication != RONDO_PUBLISH_CHUNKED)
    throw failure(RONDO_UNSUPPORTED, std::string(text(params.name)),
                  "behind the bus only chunked publication is offered",
                  "Leave publication to the backend, or use placement pinned");
  ring::geometry shape;
  const bool timed = (params.flags & RONDO_QUEUE_TIMED) != 0;
  const rondo_status status = ring::make_geometry(ring::publication::chunked, params.capacity,
                                                  params.payload_capacity, timed, shape);
  if (status != RONDO_OK) refuse(status, params);
  const std::size_t bytes = shape.capacity * shape.stride;
  const bar_window::piece slots = device.bar->allocate(bytes);
  if (slots.host == nullptr)
    throw failure(RONDO_OUT_OF_MEMORY, std::string(text(params.name)),
                  "the window into device memory has no " + std::to_string(bytes) + " bytes left",
                  "Ask for fewer slots, or use placement pinned");
  // What the ring needs to give the slots back with its own block.
  struct owner {
    device_parts& device;
    bar_window::piece slots;
  };
  auto* const both = new owner{device, slots};
  backend::ring_storage storage;
  storage.self = both;
  storage.slots = slots.host;
  storage.allocate = [](void* self, std::size_t n) -> void* {
    const auto pinned = pinned_storage(static_cast<owner*>(self)->device.pinned);
    return pinned.allocate(pinned.self, n);
  };
  storage.release = [](void* self, void* block, std::size_t n) {
    const std::unique_ptr<owner> last(static_cast<owner*>(self));
    const auto pinned = pinned_storage(last->device.pinned);
    pinned.release(pinned.self, block, n);
    last->device.bar->release(last->slots);
  };
  device_ring made;
  const rondo_status created =
      backend::ring_memory::create(params, made.memory, backend::ring_memory::zeroed, storage);
  if (created != RONDO_OK) {
    device.bar->release(slots);
    delete both;
    refuse(created, params);
  }
  // Slots held other messages before, whose tags could be those of new ones.
  device.memory.zero(slots.device, slots.bytes);
  made.memory.add_flags(RONDO_RING_WHOLE_LINES);
  made.args = args_of(device.pinned, made.memory.map());
  made.args.slots = slots.device;
  return made;
}

device_ring make_output(device_parts& device, rondo_queue_params params, placement where,
                        std::uint32_t handler_flags) {
  params.publication = choose(params, placement::pinned, handler_flags);
  device_ring made = make_pinned(device, params);
  if (where == placement::event)
    made.memory.add_flags(RONDO_RING_CONSUMER_PARKS | RONDO_RING_PRODUCER_WAKES);
  return made;
}

}  // namespace rondo::cuda
