// The entry of the faulty plugin: opens the plugin that RONDO_FAULT_WRAP names, takes its tables,
// and describes itself as that plugin with the chosen fault.
#include "wrapped.hpp"

#include "../support/inner_plugin.hpp"

#include <time.h>

#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace rondo::faults {

fault chosen = fault::none;
inner_tables inner;

namespace {

struct named_fault {
  std::string_view name;
  fault which;
};
constexpr named_fault all[] = {
#define RONDO_FAULT(name, rules, mode, needs, text) {#name, fault::name},
#include "list.inc"
#undef RONDO_FAULT
};

std::string_view view(const rondo_string& s) { return {s.data, s.size}; }

bool open_inner(const rondo_host_services* host, std::uint32_t min, std::uint32_t max) {
  const char* const path = std::getenv("RONDO_FAULT_WRAP");
  if (path == nullptr) return false;
  inner.descriptor = conformance::enter_plugin(path, host, min, max);
  if (inner.descriptor == nullptr) return false;
  for (std::uint64_t i = 0; i < inner.descriptor->table_count; ++i) {
    const rondo_table& table = inner.descriptor->tables[i];
    conformance::copy_table(table, RONDO_TABLE_BACKEND, inner.backend);
    conformance::copy_table(table, RONDO_TABLE_KERNEL, inner.kernel);
    conformance::copy_table(table, RONDO_TABLE_QUEUE, inner.queue);
    conformance::copy_table(table, RONDO_TABLE_BUFFER, inner.buffer);
  }
  return true;
}

}  // namespace

bool shows_the_map() {
  return broken(fault::map_dies_on_terminate) || broken(fault::map_of_another_layout) ||
         broken(fault::map_overlaps) || broken(fault::map_too_many_slots) ||
         broken(fault::map_lanes_are_one) || needs_the_rings();
}

namespace {

std::vector<rondo_string> capabilities() {
  std::vector<rondo_string> list;
  const auto add = [&](std::string_view name) { list.push_back({name.data(), name.size()}); };
  for (std::uint64_t i = 0; i < inner.descriptor->capability_count; ++i) {
    const auto name = view(inner.descriptor->capabilities[i]);
    if (name == RONDO_CAP_MAPPED && !shows_the_map()) continue;
    if (name == RONDO_CAP_BATCH && broken(fault::hides_batch)) continue;
    if (name == RONDO_CAP_EMITS && broken(fault::hides_emits)) continue;
    if (name == RONDO_CAP_LATENCY && broken(fault::latency_unoffered)) continue;
    // Something that this backend does not offer, whatever it wraps: see create().
    if (name == RONDO_CAP_TIMED && !needs_the_rings()) continue;
    add(name);
    if (list.size() == 1 && broken(fault::capability_twice)) add(name);
  }
  const bool pretends_leases = broken(fault::capability_without_function) || keeps_leases();
  if (pretends_leases && !inner_has(RONDO_CAP_LEASE)) add(RONDO_CAP_LEASE);
  if (broken(fault::claims_timed)) add(RONDO_CAP_TIMED);
  if (broken(fault::claims_emits) && !inner_has(RONDO_CAP_EMITS)) add(RONDO_CAP_EMITS);
  return list;
}

rondo_string text(std::string_view s) { return {s.data(), s.size()}; }

}  // namespace

fault find(std::string_view name) {
  for (const auto& each : all)
    if (each.name == name) return each.which;
  return fault::none;
}

bool inner_has(std::string_view capability) {
  for (std::uint64_t i = 0; i < inner.descriptor->capability_count; ++i)
    if (view(inner.descriptor->capabilities[i]) == capability) return true;
  return false;
}

void explain(rondo_error_sink* sink, rondo_status code, const std::string& subject,
             const std::string& message) {
  if (sink != nullptr)
    sink->report(sink->self, code, text(subject), text(message), text("Repair the plugin"));
}

told::told(rondo_error_sink* to) : sink{}, real(to) {
  if (to == nullptr) return;
  sink = *to;
  sink.self = this;
  sink.report = [](void* self, rondo_status code, rondo_string subject, rondo_string message,
                   rondo_string remedy) {
    auto* const me = static_cast<told*>(self);
    if (broken(fault::explains_nothing)) return;
    if (broken(fault::explains_without_remedy)) remedy = {};
    const auto report = [&] { me->real->report(me->real->self, code, subject, message, remedy); };
    if (broken(fault::explains_from_elsewhere)) return std::thread(report).join();
    report();
    if (broken(fault::explains_twice)) report();
  };
}

std::uint64_t now_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(t.tv_nsec);
}
void sleep_ms(std::uint64_t milliseconds) {
  const timespec t{static_cast<time_t>(milliseconds / 1000),
                   static_cast<long>(milliseconds % 1000 * 1'000'000)};
  ::nanosleep(&t, nullptr);
}

// So that the dynamic linker gives its names to whoever asks for them.
void show_names() {
  Dl_info self{};
  if (::dladdr(&chosen, &self) != 0)
    (void)::dlopen(self.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
}

void leak_thread() {
  std::thread([] {
    const timespec hour{3600, 0};
    ::nanosleep(&hour, nullptr);
  }).detach();
}

void leak_memory() {
  constexpr std::size_t bytes = 8192;
  static void* volatile leaked;
  leaked = std::malloc(bytes);
  std::memset(leaked, 1, bytes);
}

namespace {

rondo_plugin_descriptor describe() {
  static const auto list = capabilities();
  static rondo_kernel_table kernels = kernel_functions;
  static rondo_queue_table queues = queue_functions;
  if (broken(fault::capability_without_function)) kernels.renew = nullptr;
  if (broken(fault::required_function_missing)) queues.pop = nullptr;
  static const rondo_table tables[] = {
      {text(RONDO_TABLE_BACKEND), 1, sizeof backend_functions, &backend_functions},
      {text(RONDO_TABLE_KERNEL), 1,
       static_cast<std::uint32_t>(sizeof kernels) - (broken(fault::table_size_lies) ? 8u : 0u),
       &kernels},
      {text(RONDO_TABLE_QUEUE), 1, sizeof queues, &queues},
      {text(RONDO_TABLE_BUFFER), 1, sizeof buffer_functions, &buffer_functions}};
  rondo_plugin_descriptor d{};
  d.magic = broken(fault::magic_wrong) ? 0x1234 : RONDO_PLUGIN_MAGIC;
  d.struct_size = broken(fault::descriptor_too_short) ? 24 : sizeof d;
  d.abi_min = broken(fault::abi_interval_disjoint) ? 99 : 1;
  d.abi_max = broken(fault::abi_interval_disjoint) ? 99 : RONDO_ABI_VERSION;
  d.unload_safe = broken(fault::unloads_under_a_thread) ? 1 : 0;
  d.id = text(broken(fault::id_without_form) ? "fault" : "dev.rondo.fault");
  d.name = inner.descriptor->name;  // images are found by it
  d.version = text(RONDO_PLUGIN_VERSION);
  d.build = text("a wrapper with one fault at most");
  d.capabilities = list.data();
  d.capability_count = list.size();
  d.tables = tables;
  d.table_count = std::size(tables) - (inner.buffer.create == nullptr ? 1 : 0);
  return d;
}

rondo_plugin_descriptor descriptor;

}  // namespace

void change_descriptor() { descriptor.unload_safe ^= 1u; }

}  // namespace rondo::faults

extern "C" __attribute__((visibility("default"))) const rondo_plugin_descriptor* rondo_plugin_entry(
    const rondo_host_services* host, std::uint32_t min, std::uint32_t max) {
  using namespace rondo::faults;
  const char* const name = std::getenv("RONDO_FAULT");
  if (name != nullptr) chosen = find(name);
  if (broken(fault::entry_knows_no_stranger) && min > RONDO_ABI_VERSION) return nullptr;
  if (broken(fault::entry_throws)) throw std::runtime_error("thrown by the entry");
  if (broken(fault::entry_starts_thread)) leak_thread();
  if (broken(fault::shows_its_names)) show_names();
  if (broken(fault::entry_returns_null) || !open_inner(host, min, max)) return nullptr;
  descriptor = describe();
  return &descriptor;
}
