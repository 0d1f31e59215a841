// Rondo's cases: the typed public API, a runtime that found the CPU backend in a plugin directory,
// and handlers from the kernel module bench_kernels. Each case launches a kernel of its own, so
// that no other one polls meanwhile.
#include "passes.hpp"
#include "rondo_client.hpp"

#include <filesystem>
#include <string>

namespace bench {
namespace {

struct variant {
  const char* suffix;  // of the name, with its slash; empty for the usual way
  rondo::publish_policy publish = rondo::publish_policy::word;
  rondo::wait_policy wait = rondo::wait_policy::spin;
  std::uint64_t window = 0;  // 0: the usual
  bool one_sender = false;
  bool avoid_mapped = false;
  rondo::pump_policy pump = rondo::pump_policy::never;
  const char* backend = "cpu";
  std::uint32_t failure_text = RONDO_FAILURE_TEXT_MAX;
  std::uint64_t slots = rondo::launch_options::default_capacity;
};

constexpr variant usual{.suffix = ""};
constexpr variant counted{.suffix = "/counted", .publish = rondo::publish_policy::counted};
constexpr variant chunked{.suffix = "/chunked", .publish = rondo::publish_policy::chunked};
constexpr variant parking{.suffix = "/spin-then-park", .wait = rondo::wait_policy::spin_then_park};
constexpr variant always_parking{.suffix = "/park", .wait = rondo::wait_policy::park};
constexpr variant batched{.suffix = "/batch-16"};
constexpr variant batched_counted{
    .suffix = "/counted/batch-16", .publish = rondo::publish_policy::counted, .one_sender = true};
constexpr variant batched_in_place{.suffix = "/batch-16/in-place"};
// A handler that is brief; dense: with room for short failure texts only, so that small replies lie
// one behind the other.
constexpr std::uint32_t short_text = 52;
constexpr variant brief{.suffix = "/brief"};
constexpr variant brief_batched{.suffix = "/brief/batch-16"};
constexpr variant brief_in_place{.suffix = "/brief/batch-16/in-place"};
constexpr variant brief_counted{.suffix = "/brief/counted/batch-16/in-place",
                                .publish = rondo::publish_policy::counted,
                                .one_sender = true};
constexpr variant brief_dense{.suffix = "/brief/counted/dense/batch-16",
                              .publish = rondo::publish_policy::counted,
                              .one_sender = true,
                              .failure_text = short_text};
constexpr variant brief_dense_in_place{.suffix = "/brief/counted/dense/batch-16/in-place",
                                       .publish = rondo::publish_policy::counted,
                                       .one_sender = true,
                                       .failure_text = short_text};
constexpr variant brief_dense_64{.suffix = "/brief/counted/dense/batch-64/in-place",
                                 .publish = rondo::publish_policy::counted,
                                 .one_sender = true,
                                 .failure_text = short_text};
// Who waits for each answer needs no more.
constexpr variant few_slots{.suffix = "/slots-16", .slots = 16};
constexpr variant in_place{.suffix = "/in-place"};
constexpr variant in_place_counted{.suffix = "/counted/in-place",
                                   .publish = rondo::publish_policy::counted};
constexpr variant overwriting{.suffix = "/in-place/for-overwrite"};
constexpr variant unmapped{.suffix = "/unmapped", .avoid_mapped = true};
// A third thread, and two processors: what spins for ever would keep the pump from ever running.
constexpr variant unmapped_parking{.suffix = "/unmapped/spin-then-park",
                                   .wait = rondo::wait_policy::spin_then_park,
                                   .avoid_mapped = true};
constexpr variant pumped{.suffix = "/pumped/spin-then-park",
                         .wait = rondo::wait_policy::spin_then_park,
                         .avoid_mapped = true,
                         .pump = rondo::pump_policy::always};
// Where each push takes some microseconds; see slow_push/.
constexpr variant slow_called{.suffix = "/slow-push/called",
                              .wait = rondo::wait_policy::spin_then_park,
                              .backend = "slow_push"};
constexpr variant slow_pumped{.suffix = "/slow-push/pumped",
                              .wait = rondo::wait_policy::spin_then_park,
                              .pump = rondo::pump_policy::always,
                              .backend = "slow_push"};
constexpr variant single{.suffix = "/one-sender", .one_sender = true};
constexpr variant single_counted{
    .suffix = "/counted/one-sender", .publish = rondo::publish_policy::counted, .one_sender = true};
constexpr variant narrow{.suffix = "/window-64", .window = 64};

std::string text_of(rondo::publish_policy p) {
  switch (p) {
    case rondo::publish_policy::word: return "word";
    case rondo::publish_policy::counted: return "counted";
    case rondo::publish_policy::chunked: return "chunked";
    default: return "default";
  }
}

std::string text_of(rondo::wait_policy w) {
  switch (w) {
    case rondo::wait_policy::spin: return "spin";
    case rondo::wait_policy::spin_then_park: return "spin_then_park";
    case rondo::wait_policy::park: return "park";
    default: return "default";
  }
}

template <mode How, std::uint32_t Bytes, class Client>
bench_case make_case(const char* what, const variant& v, processors cpus) {
  rondo::launch_options options;
  options.backend = v.backend;
  options.module = "bench_kernels";
  options.publish = v.publish;
  options.wait = v.wait;
  options.one_sender = v.one_sender;
  options.avoid_mapped = v.avoid_mapped;
  options.pump = v.pump;
  options.failure_text = v.failure_text;
  options.input_capacity = options.output_capacity = v.slots;
  options.cpu = cpus.worker;
  row_key key{.name = std::string("rondo/") + what + '/' + std::to_string(Bytes) + v.suffix,
              .peer = "rondo",
              .size_bytes = Bytes,
              .how = How,
              .publication = text_of(v.publish),
              .wait = text_of(v.wait)};
  if (How == mode::pipelined) key.window = v.window != 0 ? v.window : window_for(Bytes);
  return {std::move(key), [options](const row_key& k, double seconds) {
            Client client(options);
            return measure<How, Bytes>(k, seconds, client);
          }};
}

using variants = std::initializer_list<variant>;

template <std::uint32_t Bytes, class Replier, class Counter>
void add_size(std::vector<bench_case>& to, processors cpus, variants call, variants one_way,
              variants pipelined) {
  using replier = rondo_replier<Replier>;
  using counter = rondo_counter<Counter>;
  for (const variant& v : call)
    to.push_back(make_case<mode::round_trip, Bytes, replier>("call", v, cpus));
  for (const variant& v : one_way)
    to.push_back(make_case<mode::one_way, Bytes, counter>("one-way", v, cpus));
  for (const variant& v : pipelined)
    to.push_back(make_case<mode::pipelined, Bytes, replier>("pipelined", v, cpus));
}

}  // namespace

rondo::runtime& the_runtime() {
  static rondo::runtime opened = [] {
    rondo::runtime_options options;
    options.only_backends = {"cpu", "slow_push"};
    const auto program = std::filesystem::canonical("/proc/self/exe");
    options.plugin_paths = {program.parent_path().parent_path() / "lib/rondo/bench"};
    return rondo::runtime::open(options);
  }();
  return opened;
}

std::string new_kernel_id() {
  static int count = 0;
  return "bench-" + std::to_string(++count);
}

void add_rondo_cases(std::vector<bench_case>& to, processors cpus) {
  add_size<64, replier_64, counter_64>(
      to, cpus,
      {usual, few_slots, parking, always_parking, counted, chunked, unmapped, unmapped_parking,
       pumped, slow_called, slow_pumped, single},
      {usual, counted, chunked, unmapped, unmapped_parking, pumped, slow_called, slow_pumped,
       single, single_counted},
      {usual, narrow, parking, always_parking, counted, chunked, unmapped, unmapped_parking, pumped,
       slow_called, slow_pumped, single, single_counted});
  for (const variant& v : {batched, batched_counted})
    to.push_back(
        make_case<mode::pipelined, 64, rondo_batch_replier<replier_64>>("pipelined", v, cpus));
  to.push_back(make_case<mode::pipelined, 64, rondo_batch_reader<replier_64>>(
      "pipelined", batched_in_place, cpus));
  to.push_back(make_case<mode::round_trip, 64, rondo_replier<brief_64>>("call", brief, cpus));
  for (const variant& v : {brief_batched, brief_dense})
    to.push_back(
        make_case<mode::pipelined, 64, rondo_batch_replier<brief_64>>("pipelined", v, cpus));
  for (const variant& v : {brief_in_place, brief_counted, brief_dense_in_place})
    to.push_back(
        make_case<mode::pipelined, 64, rondo_batch_reader<brief_64>>("pipelined", v, cpus));
  to.push_back(make_case<mode::pipelined, 64, rondo_batch_reader<brief_64, 64>>(
      "pipelined", brief_dense_64, cpus));
  add_size<256, replier_256, counter_256>(to, cpus, {usual, counted, chunked},
                                          {usual, counted, chunked}, {usual, counted, chunked});
  add_size<65536, replier_65536, counter_65536>(to, cpus, {usual, counted}, {usual, counted},
                                                {usual, counted});
  for (const variant& v : {in_place, in_place_counted})
    to.push_back(make_case<mode::pipelined, 65536, rondo_in_place_replier<replier_65536>>(
        "pipelined", v, cpus));
  to.push_back(make_case<mode::pipelined, 65536, rondo_overwriting_replier<filler_65536>>(
      "pipelined", overwriting, cpus));
}

}  // namespace bench
