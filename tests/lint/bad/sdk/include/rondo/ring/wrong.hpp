// An SDK header that needs core, and a label without a partner.
#include <rondo/runtime.hpp>

inline void publish() {}  // SYNC: lonely_label
