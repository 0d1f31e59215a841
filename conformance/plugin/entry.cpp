// The entry, called as a host calls it that speaks none of the plugin's versions. That host would
// call nothing else, and this one no entry twice: the group, which has a process of its own, ends
// with this case.
#include "../support/bench.hpp"
#include "../support/suite.hpp"

#include <rondo/host_services.hpp>

#include <dlfcn.h>

namespace rondo::conformance {

RONDO_CASE(plugin, entry, a_host_of_other_versions_is_told_who_it_is, loads, "ABI-12", "") {
  const std::string file = it.with().plugin.string();
  if (void* const entered = ::dlopen(file.c_str(), RTLD_NOW | RTLD_NOLOAD)) {
    ::dlclose(entered);
    fail("the suite has opened the plugin in this process before it called the entry");
  }
  void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  require(library != nullptr, "the plugin's file cannot be opened");
  auto* const entry =
      reinterpret_cast<rondo_plugin_entry_fn>(::dlsym(library, RONDO_PLUGIN_ENTRY_NAME));
  require(entry != nullptr, "the plugin does not export " RONDO_PLUGIN_ENTRY_NAME);
  constexpr std::uint32_t other = 1'000'000;
  const host_call_guard guard;
  const rondo_plugin_descriptor* const it_is = entry(&host_services(), other, other + 1);
  require(it_is != nullptr,
          "a host of other versions gets no descriptor, and cannot say whose "
          "versions it refuses");
  require(it_is->magic == RONDO_PLUGIN_MAGIC,
          "what a host of other versions gets does not begin with the magic number");
  require(it_is->abi_min <= it_is->abi_max && it_is->abi_max < other,
          "the plugin gives a host of other versions their interval as its own");
}

}  // namespace rondo::conformance
