// What the two halves of the kernel share: kernel.cpp, its way through the states, and
// kernel_watch.cpp, how it fails and who notices.
#pragma once

#include "kernel.hpp"

#include <rondo/ring/wait.hpp>

namespace rondo::cuda {

using device::command;
using device::ending;

inline ending ending_of(std::uint64_t answer) { return static_cast<ending>(answer >> 32); }

}  // namespace rondo::cuda
