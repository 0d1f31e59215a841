// Judges a file before it is opened as a library: who may write it, and what its ELF header says.
// Used for plugins and for kernel modules. Only reads; never maps or runs anything. Any thread.
#pragma once

#include <rondo/abi.h>
#include <rondo/export.hpp>

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

namespace rondo {

// Why a library is not taken.
struct library_refusal {
  rondo_status code = RONDO_OK;
  std::string reason;        // one sentence: what is wrong
  std::string remedy;        // one sentence: what to do about it
  std::string system_error;  // what the system said; empty if it was not the system that refused
};

// UNSAFE_PERMISSIONS if others may write the file or a directory it is found in (a sticky directory
// is fine: there others cannot replace what is not theirs), or if one of them belongs neither to
// root nor to `user`. A link is judged with its target [LOAD-01]. A path that leads nowhere is not
// judged here.
RONDO_EXPORT std::optional<library_refusal> check_permissions(const std::filesystem::path& path,
                                                              uid_t user);

// NOT_A_SHARED_OBJECT or WRONG_ARCHITECTURE, from the file's headers alone; LOAD_FAILED if it
// cannot be read. A file that was cut short is refused here, because the system would map it and
// the process would die on the first missing page [LOAD-02].
RONDO_EXPORT std::optional<library_refusal> inspect_library(const std::filesystem::path& path);

}  // namespace rondo
