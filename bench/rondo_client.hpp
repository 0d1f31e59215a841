// A launched kernel as a contender for the passes: public typed API only.
#pragma once

#include "cases.hpp"
#include "kernels.hpp"
#include "waiting.hpp"

#include <rondo/runtime.hpp>

#include <array>
#include <span>
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

// Through the batch API, up to so many messages a call; usually as the peers' ranges.
template <class H, std::size_t Most = usual_batch>
class rondo_batch_replier : public launched<H> {
 public:
  using launched<H>::launched;
  using typename launched<H>::request;
  using typename launched<H>::response;
  static constexpr std::size_t most = Most;

  void send(const request& r) {
    outgoing_[filled_] = r;
    if (++filled_ == most) flush();
  }
  void flush() {
    if (filled_ != 0)
      this->sender_.send_batch(std::span<const request>(outgoing_.data(), filled_), longest_wait)
          .value();
    filled_ = 0;
  }
  template <class Use>
  void receive(Use&& use) {
    if (next_ == taken_) {
      next_ = taken_ = 0;
      const auto keep = [&](const rondo::reply_view<response>& r) {
        incoming_[taken_++] = *r.value;
      };
      this->receiver_.receive_batch(most, keep, longest_wait).value();
    }
    use(std::as_const(incoming_[next_++]));
  }

 private:
  alignas(64) std::array<request, most> outgoing_;
  std::array<response, most> incoming_;
  std::size_t filled_ = 0, next_ = 0, taken_ = 0;
};

// The same, and each reply is read where it lies, as receive_batch() gives it.
template <class H, std::size_t Most = usual_batch>
class rondo_batch_reader : public rondo_batch_replier<H, Most> {
 public:
  using rondo_batch_replier<H, Most>::rondo_batch_replier;
  using typename launched<H>::response;

  template <class Use>
  std::uint64_t receive_some(std::uint64_t count, Use&& use) {
    const auto read = [&](const rondo::reply_view<response>& r) { use(*r.value); };
    return this->receiver_.receive_batch(count, read, longest_wait).value();
  }
};

// Requests written and replies read where they travel.
template <class H>
class rondo_in_place_replier : public launched<H> {
 public:
  using launched<H>::launched;
  using typename launched<H>::request;

  void send(const request& r) {
    auto slot = this->sender_.reserve(longest_wait);
    **slot = r;
    slot->commit().value();
  }
  template <class Use>
  void receive(Use&& use) {
    auto reply = this->receiver_.peek(longest_wait);
    use(**reply);
    reply->release();
  }
};

// The same for messages that both sides write wholly, and that nobody zeroes first.
template <class H>
class rondo_overwriting_replier : public rondo_in_place_replier<H> {
 public:
  using rondo_in_place_replier<H>::rondo_in_place_replier;
  using typename launched<H>::request;

  void send(const request& r) {
    auto slot = this->sender_.reserve_for_overwrite(longest_wait);
    **slot = r;
    slot->commit().value();
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
