// See the header.
#include "profile.hpp"

#include "machine.hpp"
#include "passes.hpp"
#include "rondo_client.hpp"

#include <fmt/format.h>

namespace bench {
namespace {

void say(const std::string& what, const pass& done) {
  fmt::print("{}: {} messages, {:.1f} ns each\n", what, done.messages,
             ns_of(done.ticks) / static_cast<double>(done.messages));
}

}  // namespace

int run_profile(const std::string& what, double seconds, processors cpus) {
  rondo::launch_options options;
  options.backend = "cpu";
  options.module = "bench_kernels";
  options.publish = rondo::publish_policy::word;
  options.wait = rondo::wait_policy::spin;
  options.cpu = cpus.worker;
  the_runtime();
  pin_this_thread(cpus.client);
  conversation<64> talk;
  if (what == "one-way") {
    rondo_counter<counter_64> client(options);
    say(what, one_way_pass<64>(client, talk, seconds, nullptr));
    return 0;
  }
  if (what == "batch") {
    rondo_batch_reader<replier_64> client(options);
    say(what, pipelined_pass<64>(client, talk, window_for(64), seconds, nullptr));
    return 0;
  }
  rondo_replier<replier_64> client(options);
  if (what == "call") say(what, call_pass<64>(client, talk, seconds, nullptr));
  else say(what, pipelined_pass<64>(client, talk, window_for(64), seconds, nullptr));
  return 0;
}

}  // namespace bench
