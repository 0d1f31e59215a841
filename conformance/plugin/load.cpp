// Opening the library and reading its descriptor. What fails here makes the plugin unusable.
#include "../support/bench.hpp"
#include "../support/exports.hpp"
#include "../support/suite.hpp"

#include <dlfcn.h>

#include <cstring>

namespace rondo::conformance {

RONDO_CASE(plugin, load, the_loader_accepts_it, loads, "ABI-10 ABI-01 ABI-02 ABI-06 CAP-01", "") {
  const plugin_library& plugin = it.plugin();
  require(!plugin.info().id.empty(), "the plugin has no id");
  require(!plugin.info().name.empty(), "the plugin has no name");
  rule("ABI-01");
  expect_equal(it.api().abi_version, RONDO_ABI_VERSION, "the ABI version that both sides speak");
}

// Another host, or the same again, must get the same answer: a descriptor is constant.
RONDO_CASE(plugin, load, its_descriptor_is_constant, loads, "ABI-09", "") {
  const rondo_plugin_descriptor& now = it.plugin().descriptor();
  rondo_plugin_descriptor before{};
  std::memcpy(&before, &now, std::min<std::size_t>(now.struct_size, sizeof before));
  (void)it.backend();
  it.close_backend();
  require(std::memcmp(&before, &it.plugin().descriptor(),
                      std::min<std::size_t>(before.struct_size, sizeof before)) == 0,
          "the descriptor has changed after the backend was opened; it is constant");
}

// Two plugins that show their names may be given each other's functions.
RONDO_CASE(plugin, load, it_shows_its_entry_and_nothing_else, loads, "ABI-17", "") {
  (void)it.plugin();
  const auto names = exported_names(it.with().plugin);
  for (const auto& name : names)
    require(name == RONDO_PLUGIN_ENTRY_NAME, "the plugin exports " + name +
                                                 ", and nothing but " RONDO_PLUGIN_ENTRY_NAME
                                                 " is due: link it with a version script, or with "
                                                 "rondo_add_backend()");
  expect_equal(names.size(), 1u, "how often the plugin exports " RONDO_PLUGIN_ENTRY_NAME "; it");
  require(::dlsym(RTLD_DEFAULT, RONDO_PLUGIN_ENTRY_NAME) == nullptr,
          "the plugin has put its names into the scope of the process; open nothing with "
          "RTLD_GLOBAL");
}

RONDO_CASE(plugin, load, its_capabilities_are_named_once, loads, "CAP-01", "") {
  const auto& all = it.plugin().info().capabilities;
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      require(all[i] != all[j], "the capability " + all[i] + " is listed twice");
  count_check();
}

}  // namespace rondo::conformance
