// The backend and its devices, with what can be wrong about them.
#include "wrapped.hpp"

#include <fcntl.h>

#include <atomic>
#include <csignal>

namespace rondo::faults {

void change_descriptor();

namespace {

std::atomic<int> open_devices{0};
std::atomic<bool> closed_early{false};  // a device, while another was open

rondo_status open(rondo_backend** out, rondo_error_sink* error) {
  if (broken(fault::open_takes_long)) sleep_ms(11'000);
  rondo_backend* made = nullptr;
  const auto status = ask(inner.backend.open, &made, error);
  if (status != RONDO_OK) return status;
  if (broken(fault::descriptor_changes)) change_descriptor();
  *out = new rondo_backend{made};
  return RONDO_OK;
}

void close(rondo_backend* backend) {
  inner.backend.close(backend->inner);
  delete backend;
}

std::uint32_t device_count(rondo_backend* backend) {
  return broken(fault::no_device_no_reason) ? 0 : inner.backend.device_count(backend->inner);
}

std::uint32_t why_none(rondo_backend* backend, char* to, std::uint32_t room) {
  if (broken(fault::no_device_no_reason) || inner.backend.why_none == nullptr) return 0;
  if (broken(fault::why_none_overruns)) return room + 7;
  return inner.backend.why_none(backend->inner, to, room);
}

rondo_status device_info(rondo_backend* backend, std::uint32_t index, rondo_device_info* out) {
  if (broken(fault::any_index_described)) index = 0;
  const auto status = inner.backend.device_info(backend->inner, index, out);
  if (status == RONDO_OK && broken(fault::usable_with_reason))
    std::strcpy(out->reason, "no reason at all");
  if (status == RONDO_OK && broken(fault::limit_ignored)) out->max_resident_kernels = 3;
  return status;
}

rondo_status open_device(rondo_backend* backend, std::uint32_t index, const rondo_option* options,
                         std::uint64_t count, rondo_device** out, rondo_error_sink* error) {
  if (broken(fault::any_index_opened)) index = 0;
  if (broken(fault::device_option_ignored)) count = 0;
  if (broken(fault::device_leaks_descriptor)) (void)::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (broken(fault::device_leaks_memory)) leak_memory();
  if (broken(fault::device_leaks_thread) || broken(fault::unloads_under_a_thread)) leak_thread();
  if (open_devices.fetch_add(1) == 0) closed_early = false;
  if (broken(fault::takes_signal)) std::signal(SIGUSR1, [](int) {});
  rondo_device* made = nullptr;
  const auto status =
      inner.backend.open_device(backend->inner, index, options, count, &made, error);
  if (status != RONDO_OK) return --open_devices, status;
  *out = new rondo_device{made, std::this_thread::get_id()};
  return RONDO_OK;
}

void close_device(rondo_device* device) {
  if (--open_devices > 0) closed_early = true;
  inner.backend.close_device(device->inner);
  delete device;
}

rondo_status device_properties(rondo_device* device, void* self,
                               void (*visit)(void*, rondo_string, rondo_string)) {
  if (broken(fault::property_twice))
    for (int i = 0; i < 2; ++i) visit(self, {"fault", 5}, {"twice", 5});
  return ask(inner.backend.device_properties, device->inner, self, visit);
}

}  // namespace

bool device_was_closed() { return broken(fault::closing_closes_others) && closed_early; }

const rondo_backend_table backend_functions = {sizeof(rondo_backend_table),
                                               0,
                                               open,
                                               close,
                                               device_count,
                                               why_none,
                                               device_info,
                                               open_device,
                                               close_device,
                                               device_properties};

}  // namespace rondo::faults
