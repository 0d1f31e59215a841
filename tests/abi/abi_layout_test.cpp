// The layout of everything that crosses the C boundary, held to abi_v1_layout.txt: sizes, offsets,
// declarations, constants and status codes. A change of rondo/abi.h shows here as a difference;
// RONDO_UPDATE_GOLDEN=1 writes the file anew, which is right only while version 1 is unreleased or
// where something was added at an end.
#include "abi_entry.h"
#include "abi_header.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

namespace abi_test {
namespace {

constexpr abi_entry entries[] = {
#include "abi_list.inc"
};

bool is(const abi_entry& entry, const char* kind) { return std::strcmp(entry.kind, kind) == 0; }

std::vector<std::string> listed(const char* kind) {
  std::vector<std::string> out;
  for (const abi_entry& entry : entries)
    if (is(entry, kind)) out.emplace_back(entry.name);
  return out;
}

// "struct.field" → its declaration.
std::map<std::string, std::string> declarations() {
  std::map<std::string, std::string> out;
  for (const declared_struct& type : declared_structs())
    for (const declared_field& field : type.fields)
      out[type.name + '.' + field.name] = field.declaration;
  return out;
}

std::string layout() {
  std::ostringstream out;
  const auto declared = declarations();
  out << "# rondo/abi.h on x86-64. A field's line: offset, size, declaration.\n";
  for (const abi_entry& entry : entries) {
    if (is(entry, "constant")) out << "constant " << entry.name << ' ' << entry.value << '\n';
    if (is(entry, "text")) out << "text " << entry.name << ' ' << entry.text << '\n';
    if (is(entry, "struct")) out << "struct " << entry.name << ' ' << entry.size << '\n';
    if (is(entry, "field"))
      out << "  " << entry.value << ' ' << entry.size << ' '
          << declared.at(std::string(entry.owner) + '.' + entry.name) << '\n';
  }
#define RONDO_PRINT(name, value, text) out << "status " #name " " << (value) << '\n';
  RONDO_STATUS_LIST(RONDO_PRINT)
#undef RONDO_PRINT
  return std::move(out).str();
}

TEST(the_list_of_the_layout_test, is_that_of_the_header) {
  EXPECT_EQ(listed("constant"), declared_constants());
  EXPECT_EQ(listed("text"), declared_texts());
  std::vector<std::string> structs, fields, listed_fields;
  for (const declared_struct& type : declared_structs()) {
    structs.push_back(type.name);
    for (const declared_field& field : type.fields) fields.push_back(type.name + '.' + field.name);
  }
  for (const abi_entry& entry : entries)
    if (is(entry, "field")) listed_fields.push_back(std::string(entry.owner) + '.' + entry.name);
  EXPECT_GT(structs.size(), 30u) << "the header could not be read";
  EXPECT_EQ(listed("struct"), structs);
  EXPECT_EQ(listed_fields, fields);
}

TEST(the_layout, is_that_of_version_1) {
  static_assert(RONDO_ABI_VERSION == 1);
  const auto path = rondo::test::source_dir() / "abi/abi_v1_layout.txt";
  if (std::getenv("RONDO_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << layout();
  std::istringstream expected(read_file(path)), actual(layout());
  std::string wanted, line;
  for (int number = 1; std::getline(expected, wanted); ++number) {
    ASSERT_TRUE(std::getline(actual, line)) << "line " << number << " is gone: " << wanted;
    ASSERT_EQ(line, wanted) << "line " << number;
  }
  EXPECT_FALSE(std::getline(actual, line)) << "not in the file: " << line;
}

TEST(the_layout, is_the_same_in_c) {
  std::uint64_t count = 0;
  const abi_entry* in_c = abi_seen_by_c(&count);
  ASSERT_EQ(count, std::size(entries));
  for (std::uint64_t i = 0; i < count; ++i) {
    SCOPED_TRACE(std::string(entries[i].kind) + ' ' + entries[i].owner + ' ' + entries[i].name);
    EXPECT_STREQ(in_c[i].name, entries[i].name);
    EXPECT_STREQ(in_c[i].text, entries[i].text);
    EXPECT_EQ(in_c[i].value, entries[i].value);
    EXPECT_EQ(in_c[i].size, entries[i].size);
  }
}

// A hole would hold whatever was there before, and a field put into it later would not move an end.
TEST(the_layout, has_no_holes) {
  std::map<std::string, std::uint64_t> end;
  for (const abi_entry& entry : entries)
    if (is(entry, "field")) {
      EXPECT_EQ(entry.value, end[entry.owner])
          << "in front of " << entry.owner << '.' << entry.name;
      end[entry.owner] = entry.value + entry.size;
    }
  for (const abi_entry& entry : entries)
    if (is(entry, "struct")) {
      EXPECT_EQ(end[entry.name], entry.size) << "at the end of " << entry.name;
    }
}

// ABI-02. The others are values that never grow, the descriptor, whose magic number comes first,
// and an invocation with more behind it, whose size its base tells.
TEST(every_struct_that_may_grow, begins_with_its_size) {
  const std::set<std::string> values = {
      "rondo_string",           "rondo_envelope",   "rondo_envelope_times", "rondo_failure",
      "rondo_buffer_entry",     "rondo_option",     "rondo_table",          "rondo_ring_lane",
      "rondo_timed_invocation", "rondo_reply_ahead"};
  for (const abi_entry& entry : entries) {
    if (!is(entry, "field") || std::strcmp(entry.name, "struct_size") != 0) continue;
    const bool first = std::string(entry.owner) != "rondo_plugin_descriptor" &&
                       std::string(entry.owner) != "rondo_table";
    EXPECT_EQ(entry.value == 0, first) << entry.owner;
    EXPECT_EQ(entry.size, 4u) << entry.owner;
  }
  for (const declared_struct& type : declared_structs()) {
    const bool sized = std::any_of(type.fields.begin(), type.fields.end(),
                                   [](const auto& field) { return field.name == "struct_size"; });
    EXPECT_TRUE(sized || values.count(type.name) == 1) << type.name;
  }
}

}  // namespace
}  // namespace abi_test
