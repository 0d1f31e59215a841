// A backend whose pushes are slow, for the benchmarks of a pump: the CPU backend without its mapped
// rings, of which each call that sends takes some microseconds, as one does that enters a kernel or
// a driver. Batches pay that once.
#include "../../conformance/support/inner_plugin.hpp"

#include <rondo/ring/clock.hpp>
#include <rondo/ring/platform.hpp>

#include <string_view>
#include <vector>

namespace bench::slow_push {
namespace {

constexpr std::uint64_t call_ns = 5'000;

rondo_queue_table inner{};  // the CPU backend's
rondo_queue_table queues{};
std::vector<rondo_string> capabilities;
std::vector<rondo_table> tables;
rondo_plugin_descriptor descriptor{};

std::string_view view(const rondo_string& s) { return {s.data, s.size}; }
rondo_string text(std::string_view s) { return {s.data(), s.size()}; }

void take_time() {
  const std::uint64_t end = rondo::ring::now_ns() + call_ns;
  while (rondo::ring::now_ns() < end) rondo::ring::platform::pause();
}

rondo_status push(rondo_queue* queue, const rondo_envelope* header, const void* payload) {
  take_time();
  return inner.push(queue, header, payload);
}
rondo_status push_batch(rondo_queue* queue, const rondo_envelope* headers,
                        const void* const* payloads, std::uint64_t count, std::uint64_t* done) {
  take_time();
  return inner.push_batch(queue, headers, payloads, count, done);
}
rondo_status commit(rondo_queue* queue, rondo_claim* claim, const rondo_envelope* header) {
  take_time();
  return inner.commit(queue, claim, header);
}

// Objects are the inner backend's own, so nothing else has to be wrapped.
void describe(const rondo_plugin_descriptor& of) {
  descriptor = of;
  descriptor.id = text("dev.rondo.bench.slow_push");
  descriptor.name = text("slow_push");
  for (std::uint64_t i = 0; i < of.capability_count; ++i)
    if (view(of.capabilities[i]) != RONDO_CAP_MAPPED) capabilities.push_back(of.capabilities[i]);
  descriptor.capabilities = capabilities.data();
  descriptor.capability_count = capabilities.size();
  tables.assign(of.tables, of.tables + of.table_count);
  for (rondo_table& table : tables) {
    if (!rondo::conformance::copy_table(table, RONDO_TABLE_QUEUE, inner)) continue;
    queues = inner;
    queues.push = push;
    queues.push_batch = push_batch;
    queues.commit = commit;
    queues.map = nullptr;
    table.functions = &queues;
    table.struct_size = sizeof queues;
  }
  descriptor.tables = tables.data();
}

}  // namespace
}  // namespace bench::slow_push

extern "C" __attribute__((visibility("default"))) const rondo_plugin_descriptor* rondo_plugin_entry(
    const rondo_host_services* host, std::uint32_t min, std::uint32_t max) {
  using namespace bench::slow_push;
  using namespace rondo::conformance;
  const rondo_plugin_descriptor* const of =
      enter_plugin(directory_of(&descriptor) / "../plugins/rondo_cpu.so", host, min, max);
  if (of == nullptr) return nullptr;
  describe(*of);
  return &descriptor;
}
