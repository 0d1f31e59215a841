/* The C boundary as a table, made by a C compiler and by a C++ compiler from the same list, so that
 * a test can hold the two side by side. */
#ifndef RONDO_TESTS_ABI_ENTRY_H
#define RONDO_TESTS_ABI_ENTRY_H

#include <rondo/abi.h>

struct abi_entry {
  const char* kind;  /* constant, text, struct, field */
  const char* owner; /* the struct of a field; "" otherwise */
  const char* name;
  const char* text; /* of a text; "" otherwise */
  uint64_t value;   /* of a constant; the offset of a field */
  uint64_t size;    /* of a struct or a field */
};

#define RONDO_CONSTANT(name) {"constant", "", #name, "", (uint64_t)(name), 0},
#define RONDO_TEXT(name) {"text", "", #name, name, 0, 0},
#define RONDO_STRUCT(type) {"struct", "", #type, "", 0, sizeof(type)},
#define RONDO_FIELD(type, field) \
  {"field", #type, #field, "", offsetof(type, field), sizeof(((type*)0)->field)},

#ifdef __cplusplus
extern "C" {
#endif
/* The table as C11 sees it; *count says how long it is. */
const struct abi_entry* abi_seen_by_c(uint64_t* count);
#ifdef __cplusplus
}
#endif
#endif
