// A launched kernel as a contender for the passes: public typed API only.
#pragma once

#include "kernels.hpp"
#include "waiting.hpp"

#include <rondo/runtime.hpp>

#include <string>
#include <utility>

namespace bench {

// The runtime of this process, with the CPU backend alone. Opened at first use, by a thread that is
// not pinned yet: kernels run on processors that were open to it. Throws, with the whole load
// report, where there is no backend.
rondo::runtime& the_runtime();
// A name that no kernel of this process has had: a terminated one keeps its own.
std::string new_kernel_id();

// Launches a kernel, and ends it again.
template <class H>
class launched {
 public:
  using request = typename H::request;
  using response = typename H::response;

  explicit launched(rondo::launch_options options)
      : kernel_(launch(std::move(options))),
        sender_(kernel_.as_sender()),
        receiver_(kernel_.as_receiver()) {
    kernel_.activate();
  }
  ~launched() {
    try {
      kernel_.terminate({.mode = rondo::terminate_mode::discard});
    } catch (const rondo::error&) {
      // What was measured stands; the runtime ends the kernel when it closes.
    }
  }
  launched(const launched&) = delete;
  launched& operator=(const launched&) = delete;

  void send(const request& r) { sender_.send(r, longest_wait).value(); }
  void flush() {}

 protected:
  rondo::kernel<H> kernel_;
  rondo::sender<request> sender_;
  rondo::receiver<response> receiver_;

 private:
  static rondo::kernel<H> launch(rondo::launch_options options) {
    options.id = new_kernel_id();
    return the_runtime().launch<H>(options);
  }
};

template <class H>
class rondo_replier : public launched<H> {
 public:
  using launched<H>::launched;

  template <class Use>
  void call(const typename H::request& r, Use&& use) {
    auto answer = this->kernel_.call(r, longest_wait);
    use(answer.value());
  }
  template <class Use>
  void receive(Use&& use) {
    auto reply = this->receiver_.receive(longest_wait);
    use(reply.value().outcome.value());
  }
};

template <class H>
class rondo_counter : public launched<H> {
 public:
  using launched<H>::launched;

  // Also holds the kernel's own counter to the tally: what it says it handled is what came.
  tally take_tally(const typename H::request& r) {
    this->send(r);
    auto reply = this->receiver_.receive(longest_wait);
    const tally counted = reply.value().outcome.value();
    handled_ += counted.count + 1;
    patience counters("the kernel's counters");
    while (this->kernel_.snapshot().messages_in != handled_) counters.wait();
    return counted;
  }

 private:
  std::uint64_t handled_ = 0;
};

}  // namespace bench
