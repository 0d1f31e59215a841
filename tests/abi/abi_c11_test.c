/* The C half of the layout test: rondo/abi.h through a C11 compiler. */
#include "abi_entry.h"

static const struct abi_entry entries[] = {
#include "abi_list.inc"
};

const struct abi_entry* abi_seen_by_c(uint64_t* count) {
  *count = sizeof entries / sizeof entries[0];
  return entries;
}
