// RONDO_MODULE(name): the entry of a kernel module, once per library. rondo_add_kernels() writes
// it; an application that links its handlers in writes it itself and hands rondo_module_entry() to
// the runtime's options.
#pragma once

#include <rondo/kernel/registration.hpp>

#if defined(__CUDACC__)
// A device image has no entry of this kind: the host's half of the module names its parts.
#define RONDO_MODULE_WITH_IMAGES(module_name, image_array, image_total) static_assert(true)
#else
// The bounds of the sections that RONDO_KERNEL and RONDO_SCENARIO fill; the linker provides them.
// Weak, because a module without scenarios has no such section.
extern "C" {
__attribute__((weak,
               visibility("hidden"))) extern const rondo_handler* const __start_rondo_handlers[];
__attribute__((weak,
               visibility("hidden"))) extern const rondo_handler* const __stop_rondo_handlers[];
__attribute__((weak,
               visibility("hidden"))) extern const rondo_scenario* const __start_rondo_scenarios[];
__attribute__((weak,
               visibility("hidden"))) extern const rondo_scenario* const __stop_rondo_scenarios[];
}

// A module with device images passes them to RONDO_MODULE_WITH_IMAGES.
#define RONDO_MODULE_WITH_IMAGES(module_name, image_array, image_total)                            \
  extern "C" __attribute__((visibility("default"))) const rondo_module* rondo_module_entry(void) { \
    static const rondo_module record = {                                                           \
        sizeof(rondo_module),                                                                      \
        RONDO_ABI_VERSION,                                                                         \
        RONDO_MODULE_MAGIC,                                                                        \
        {module_name, ::rondo::detail::length_of(module_name)},                                    \
        {"C++ " __VERSION__, sizeof("C++ " __VERSION__) - 1},                                      \
        __start_rondo_handlers,                                                                    \
        static_cast<std::uint64_t>(__stop_rondo_handlers - __start_rondo_handlers),                \
        image_array,                                                                               \
        image_total,                                                                               \
        __start_rondo_scenarios,                                                                   \
        static_cast<std::uint64_t>(__stop_rondo_scenarios - __start_rondo_scenarios)};             \
    return &record;                                                                                \
  }                                                                                                \
  static_assert(true)
#endif

#define RONDO_MODULE(module_name) RONDO_MODULE_WITH_IMAGES(module_name, nullptr, 0)
