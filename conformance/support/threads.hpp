// Several threads of one case: started together, joined together, and the first failure among them
// is the case's.
#pragma once

#include <functional>

namespace rondo::conformance {

// body(i) for i in 0 … count-1, each on its own thread.
void together(unsigned count, const std::function<void(unsigned)>& body);

}  // namespace rondo::conformance
