/* A plugin that cannot describe itself; enough to be compiled, linked and looked at. */
#include <rondo/abi.h>

__attribute__((visibility("default"))) const rondo_plugin_descriptor* rondo_plugin_entry(
    const rondo_host_services* host, uint32_t host_abi_min, uint32_t host_abi_max);

const rondo_plugin_descriptor* rondo_plugin_entry(const rondo_host_services* host,
                                                  uint32_t host_abi_min, uint32_t host_abi_max) {
  (void)host;
  (void)host_abi_min;
  (void)host_abi_max;
  return NULL;
}
