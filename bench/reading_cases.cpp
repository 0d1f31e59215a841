// What reading a kernel's counters costs the kernel and its caller: the usual call and stream, with
// somebody who takes snapshots meanwhile. Whoever reads needs a processor of his own, or what is
// measured is the scheduler; where there are two processors only, the client reads between its
// messages, once its own kernel and once another that is asleep: the same work for the client, and
// the difference is what reading does to the kernel that works.
#include "passes.hpp"
#include "rondo_client.hpp"

#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace bench {
namespace {

rondo::launch_options options_for(processors cpus) {
  rondo::launch_options options;
  options.backend = "cpu";
  options.module = "bench_kernels";
  options.publish = rondo::publish_policy::word;
  options.wait = rondo::wait_policy::spin;
  options.cpu = cpus.worker;
  return options;
}

// A snapshot that makes no sense would be read at no cost.
class snapshots {
 public:
  void take(const rondo::kernel_handle& of) {
    const auto seen = of.snapshot();
    if (seen.messages_in < last_) throw std::runtime_error("a counter has gone back");
    last_ = seen.messages_in;
  }

 private:
  std::uint64_t last_ = 0;
};

// The client reads after each `Every` messages.
enum class whose { own, another };

template <class Client, whose Whose, std::uint32_t Every>
class reading_client : public Client {
 public:
  explicit reading_client(const rondo::launch_options& options) : Client(options) {
    if (Whose == whose::own) return;
    rondo::launch_options asleep = options;
    asleep.wait = rondo::wait_policy::park;
    asleep.cpu = -1;
    other_.emplace(asleep);
  }
  template <class Use>
  void call(const typename Client::request& r, Use&& use) {
    Client::call(r, std::forward<Use>(use));
    read();
  }
  template <class Use>
  void receive(Use&& use) {
    Client::receive(std::forward<Use>(use));
    read();
  }

 private:
  struct sleeper : Client {
    using Client::Client;
    const rondo::kernel_handle& handle() const { return this->kernel_; }
  };
  void read() {
    if (++received_ % Every != 0) return;
    if constexpr (Whose == whose::own) snapshots_.take(this->kernel_);
    else snapshots_.take(other_->handle());
  }

  std::optional<sleeper> other_;
  snapshots snapshots_;
  std::uint64_t received_ = 0;
};

// Another thread reads, with a pause between two snapshots or without one.
template <class Client, bool Pauses>
class watched_client : public Client {
 public:
  watched_client(const rondo::launch_options& options, int cpu)
      : Client(options), reader_(std::in_place, cpu, [this](const std::atomic<bool>& stop) {
          snapshots taken;
          while (!stop.load(std::memory_order_relaxed)) {
            taken.take(this->kernel_);
            if (Pauses) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          }
        }) {}

 private:
  std::optional<worker_thread> reader_;  // ends before the kernel that it reads
};

template <mode How, class Client, class... More>
bench_case make_case(const char* suffix, processors cpus, More... more) {
  constexpr bool pipelines = How == mode::pipelined;
  const rondo::launch_options options = options_for(cpus);
  row_key key{.name = std::string(pipelines ? "rondo/pipelined/64" : "rondo/call/64") + suffix,
              .peer = "rondo",
              .size_bytes = 64,
              .how = How,
              .publication = "word",
              .wait = "spin"};
  if (pipelines) key.window = window_for(64);
  return {std::move(key), [options, more...](const row_key& k, double seconds) {
            Client client(options, more...);
            return measure<How, 64>(k, seconds, client);
          }};
}

template <mode How, std::uint32_t Every>
void add_mode(std::vector<bench_case>& to, processors cpus, int reader) {
  using client = rondo_replier<replier_64>;
  to.push_back(make_case<How, reading_client<client, whose::own, Every>>("/client-reads", cpus));
  to.push_back(
      make_case<How, reading_client<client, whose::another, Every>>("/client-reads-another", cpus));
  to.push_back(make_case<How, watched_client<client, true>>("/read-each-ms", cpus,
                                                            reader >= 0 ? reader : cpus.client));
  if (reader >= 0)
    to.push_back(make_case<How, watched_client<client, false>>("/read-always", cpus, reader));
}

}  // namespace

void add_reading_cases(std::vector<bench_case>& to, processors cpus, int reader) {
  add_mode<mode::round_trip, 1>(to, cpus, reader);
  add_mode<mode::pipelined, 16>(to, cpus, reader);
}

}  // namespace bench
