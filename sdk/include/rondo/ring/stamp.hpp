// What a sender on the host does so that the wait of a timed request can be told: it stamps it. The
// others cost it a look at their sequence.
#pragma once

#include <rondo/ring/clock.hpp>
#include <rondo/ring/latency.hpp>
#include <rondo/ring/protocol.hpp>

namespace rondo::ring {

// For rondo_envelope.reserved of the request with this sequence, just before it is published.
RONDO_INLINE std::uint32_t stamp_for(std::uint64_t sequence) {
  if (is_timed(sequence)) [[unlikely]]
    return stamp_of(now_ns());
  return 0;
}

template <class P>
RONDO_INLINE void commit_stamped(producer<P>& lane, claim& c, envelope header,
                                 const envelope_times* times = nullptr) {
  header.reserved = stamp_for(c.sequence);
  lane.commit(c, header, times);
}

}  // namespace rondo::ring
