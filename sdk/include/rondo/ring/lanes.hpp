// Two rings as one queue: what waits in the urgent lane is taken before what waits in the normal
// one, and each keeps its order. Nothing keeps urgent messages from holding up the others for ever.
#pragma once

#include <rondo/ring/protocol.hpp>

namespace rondo::ring {

inline constexpr std::uint32_t normal_lane = 0;
inline constexpr std::uint32_t urgent_lane = 1;

// A look at both lanes. The consumers are the caller's and belong to one thread; a message stays
// the next of its lane until its consumer releases it, whatever comes into the other meanwhile.
template <class P = platform>
class lane_pair {
 public:
  RONDO_HD lane_pair(consumer<P>& normal, consumer<P>& urgent) : lanes_{&normal, &urgent} {}

  // As consumer::peek(); `from` is the lane that has the message.
  RONDO_HD rondo_status peek(message& out, consumer<P>*& from) {
    from = lanes_[urgent_lane];
    const rondo_status status = from->peek(out);
    if (status != RONDO_EMPTY) return status;
    from = lanes_[normal_lane];
    return from->peek(out);
  }
  RONDO_HD bool may_have_message() {
    return lanes_[urgent_lane]->may_have_message() || lanes_[normal_lane]->may_have_message();
  }

 private:
  consumer<P>* lanes_[RONDO_MAX_LANES];
};

}  // namespace rondo::ring
