// What the entry of a kernel module returns: called here, and believed only after every field that
// is used later has been looked at.
#pragma once

#include <rondo/abi.h>

#include <string>

namespace rondo::detail {

// `origin`: where the module is from, for errors. Throws BAD_DESCRIPTOR or ABI_MISMATCH; then
// nothing of the module but its entry has been called. Any thread.
const rondo_module& enter_module(rondo_module_entry_fn entry, const std::string& origin);

}  // namespace rondo::detail
