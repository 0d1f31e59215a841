// The bodies of the __global__ functions that RONDO_KERNEL makes of a handler. Read by nvcc only.
#pragma once

#include <rondo/device/loop.hpp>
#include <rondo/device/threads.hpp>

#if defined(__CUDACC__)

namespace rondo::device {

template <class H>
__device__ void enter(const launch_args& args) {
  // A handler of messages that only a host can read has an entry that does nothing: the host
  // refuses such a launch before, by the message's name.
  if constexpr (!detail::is_host_only<typename H::request> &&
                !detail::is_host_only<typename H::response> && !starts_on_host_only<H>) {
    __shared__ block_memory<H> memory;
    const gpu_threads x;
    const bool is_first = x.thread() == 0 && x.block() == 0;
    switch (static_cast<action>(args.what)) {
      case action::probe:
        if (is_first) probe<H>(args, x.now());
        return;
      case action::destroy:
        if (is_first) reinterpret_cast<H*>(args.state)->~H();
        return;
      case action::serve:
        if (x.lanes() == gpu_warp::warp_lanes && takes_single_messages<H>(x, args))
          serve_single_messages<ring::platform, H>(gpu_warp(), args, memory);
        else serve<ring::platform, H>(x, args, memory);
        return;
    }
  }
}

// The body of the handler's other entry, which is launched where the queues have rules.
template <class H>
__device__ void enter_by_rules(const launch_args& args) {
  if constexpr (!detail::is_host_only<typename H::request> &&
                !detail::is_host_only<typename H::response> && !starts_on_host_only<H>) {
    __shared__ ruled_memory<H> memory;
    const gpu_threads x;
    const bool is_first = x.thread() == 0 && x.block() == 0;
    switch (static_cast<action>(args.what)) {
      case action::probe:
        if (is_first) probe<H>(args, x.now(), 0);
        return;
      case action::destroy:
        if (is_first) reinterpret_cast<H*>(args.state)->~H();
        return;
      case action::serve: return serve_by_rules<ring::platform, H>(x, args, memory);
    }
  }
}

}  // namespace rondo::device

#endif
