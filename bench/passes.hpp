// The three measurements, the same for every contender. A contender is a client object, used by the
// client's thread alone, for messages of `Bytes`:
//
//   call(request, use)       one round trip; use(response) is called with the reply
//   send(request), flush()   pass a request on, waiting for room; everything is on its way after
//   flush() receive(use)             the next reply, waiting for it take_tally(request)      ask a
//   one-way worker what it counted
// One-way contenders need no call() and receive(), the others no take_tally().
//
// Each measurement warms up, then takes the mean in a pass that reads the clock once per batch,
// then the percentiles in a pass with a stamp per sample, disturbances included. Every reply of all
// three passes is checked.
#pragma once

#include "cases.hpp"
#include "machine.hpp"
#include "messages.hpp"
#include "statistics.hpp"

#include <algorithm>

namespace bench {

// Messages between two looks at the clock, and in one sample of a throughput pass.
template <std::uint32_t Bytes>
inline constexpr std::uint32_t batch_of = Bytes > 4096 ? 8 : 64;

struct pass {
  std::uint64_t messages = 0;
  std::uint64_t ticks = 0;
};

template <std::uint32_t Bytes, class Client>
__attribute__((noinline)) pass call_pass(Client& client, conversation<Bytes>& talk, double seconds,
                                         samples* into) {
  using response = message<role::response, Bytes>;
  const std::uint64_t budget = ticks_of(seconds);
  const std::uint64_t begin = ticks();
  std::uint64_t last = begin;
  pass done;
  do {
    for (std::uint32_t i = 0; i < batch_of<Bytes>; ++i) {
      client.call(talk.next(), [&](const response& r) { talk.check(r); });
      if (into != nullptr) {
        const std::uint64_t now = ticks();
        into->record(now - last);
        last = now;
      }
    }
    done.messages += batch_of<Bytes>;
    done.ticks = ticks() - begin;
  } while (done.ticks < budget && (into == nullptr || !into->full()));
  return done;
}

template <std::uint32_t Bytes, class Client>
__attribute__((noinline)) pass one_way_pass(Client& client, conversation<Bytes>& talk,
                                            double seconds, samples* into) {
  const std::uint64_t budget = ticks_of(seconds);
  const std::uint64_t begin = ticks();
  std::uint64_t last = begin;
  pass done;
  do {
    for (std::uint32_t i = 0; i < batch_of<Bytes>; ++i) client.send(talk.next_counted());
    done.messages += batch_of<Bytes>;
    const std::uint64_t now = ticks();
    if (into != nullptr) into->record(now - last);
    last = now;
  } while (last - begin < budget && (into == nullptr || !into->full()));
  client.flush();
  talk.check(client.take_tally(talk.tally_request()));
  done.ticks = ticks() - begin;
  return done;
}

// Keeps up to `window` requests on their way: fills the window, then takes a burst of replies, as
// many as the client sends at once, and so on. Neither side ever waits to fill a burst. A client
// that gives replies where they lie gives some at once, `receive_some(most, use)`, perhaps more;
// then a stamp is taken with the first that are a batch together, so that a sample may be of a few
// messages more or less.
template <std::uint32_t Bytes, class Client>
__attribute__((noinline)) pass pipelined_pass(Client& client, conversation<Bytes>& talk,
                                              std::uint64_t window, double seconds, samples* into) {
  using response = message<role::response, Bytes>;
  constexpr std::uint64_t most = [] {
    if constexpr (requires { Client::most; }) return Client::most;
    else return usual_batch;
  }();
  const std::uint64_t burst = std::clamp<std::uint64_t>(window / 4, 1, most);
  const std::uint64_t budget = ticks_of(seconds);
  const std::uint64_t begin = ticks();
  std::uint64_t last = begin;
  std::uint64_t sent = 0;
  pass done;
  bool more = true;
  while (more || done.messages < sent) {
    while (more && sent - done.messages < window) {
      for (std::uint64_t i = 0; i < burst && sent - done.messages < window; ++i, ++sent)
        client.send(talk.next());
      client.flush();
    }
    const std::uint64_t take = std::min(burst, sent - done.messages);
    const auto check = [&](const response& r) { talk.check(r); };
    for (std::uint64_t taken = 0; taken < take;) {
      std::uint64_t n = 1;
      if constexpr (requires { client.receive_some(take, check); })
        n = client.receive_some(take - taken, check);
      else client.receive(check);
      taken += n;
      const std::uint64_t batch = done.messages / batch_of<Bytes>;
      done.messages += n;
      if (done.messages / batch_of<Bytes> == batch) continue;
      const std::uint64_t now = ticks();
      if (into != nullptr) into->record(now - last);
      last = now;
      more = now - begin < budget && (into == nullptr || !into->full());
    }
  }
  done.ticks = ticks() - begin;
  return done;
}

// A slice of the unstamped pass in which another process took a processor of ours says nothing
// about the contender. The mean is that of the other slices; of all, if there are none.
struct mean_of_slices {
  pass undisturbed;
  pass all;
  std::uint64_t slices = 0;
  std::uint64_t disturbed = 0;
};

template <class Run>
mean_of_slices run_slices(double seconds, Run&& run) {
  constexpr double slice_seconds = 0.001;
  mean_of_slices sum;
  const std::uint64_t end = ticks() + ticks_of(seconds);
  for (std::uint64_t before = preemptions(); ticks() < end; ++sum.slices) {
    const pass one = run(slice_seconds, nullptr);
    const std::uint64_t after = preemptions();
    const bool counts = after == before;
    before = after;
    sum.disturbed += counts ? 0 : 1;
    for (pass* to : {&sum.all, counts ? &sum.undisturbed : nullptr}) {
      if (to == nullptr) continue;
      to->messages += one.messages;
      to->ticks += one.ticks;
    }
  }
  return sum;
}

// `run(seconds, samples or nullptr)` is one of the passes above, bound to a client; `proof()`
// counts what was checked.
template <class Run, class Proof>
measurement measure_passes(double seconds, std::uint32_t messages_per_sample, Run&& run,
                           Proof&& proof) {
  constexpr std::size_t most_samples = 1u << 21;
  samples times(messages_per_sample > 1 ? most_samples / messages_per_sample : most_samples);
  run(seconds / 5, nullptr);
  const mean_of_slices plain = run_slices(seconds, run);
  run(seconds, &times);
  const pass& counted = plain.undisturbed.messages != 0 ? plain.undisturbed : plain.all;
  measurement m;
  m.mean_ns = ns_of(counted.ticks) / static_cast<double>(counted.messages);
  m.per_second = 1e9 / m.mean_ns;
  m.latency = percentiles_of(times, messages_per_sample);
  m.proof = proof();
  m.disturbed = static_cast<double>(plain.disturbed) / static_cast<double>(plain.slices);
  return m;
}

template <mode How, std::uint32_t Bytes, class Client>
measurement measure(const row_key& key, double seconds, Client& client) {
  conversation<Bytes> talk;
  const auto one_pass = [&](double s, samples* into) {
    if constexpr (How == mode::round_trip) return call_pass<Bytes>(client, talk, s, into);
    if constexpr (How == mode::one_way) return one_way_pass<Bytes>(client, talk, s, into);
    if constexpr (How == mode::pipelined)
      return pipelined_pass<Bytes>(client, talk, key.window, s, into);
  };
  return measure_passes(seconds, How == mode::round_trip ? 1 : batch_of<Bytes>, one_pass,
                        [&] { return talk.checked(); });
}

}  // namespace bench
