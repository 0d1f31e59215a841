// What becomes of the library when nobody uses it any more.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"
#include "../support/system.hpp"

#include <dlfcn.h>

namespace rondo::conformance {

namespace {

bool is_resident(const std::string& file) {
  void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_NOLOAD);
  if (library != nullptr) ::dlclose(library);
  return library != nullptr;
}

void use_once(bench& it) {
  {
    test_kernel kernel(it);
    kernel.start();
    expect_equal(kernel.call<kernels::nonce_reply>(kernels::nonce_request{5, {}}).proof,
                 kernels::secret(5, kernels::nonce_salt),
                 "the proof of a kernel of a library that was perhaps closed before");
  }
  it.close_plugin();
}

}  // namespace

// A thread that is left in a library that may be closed would run what is not there any more.
RONDO_CASE(plugin, unload, what_may_be_closed_leaves_no_thread_and_can_be_loaded_again, core,
           "ABI-13", "") {
  const auto before = count_holdings();
  const bool may_be_closed = it.plugin().info().unload_safe;
  for (int i = 0; i < 3; ++i) use_once(it);
  const auto after = count_holdings(before.threads);
  if (may_be_closed)
    expect_equal(after.threads, before.threads,
                 "the number of threads after a library was closed that may be closed");
  else
    require(is_resident(it.with().plugin.string()),
            "the library was closed, and the plugin does not say that it may be");
}

}  // namespace rondo::conformance
