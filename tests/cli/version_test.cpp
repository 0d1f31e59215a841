// `rondo version` says what the sources say.
#include "rondo_command.hpp"

namespace rondo::test {
namespace {

using version = rondo_command;

// The number, or numbers with points, that follows `marker` in a file of the source tree.
std::string in_source(const fs::path& file, std::string_view marker) {
  const auto text = text_of(source_dir() / ".." / file);
  const auto at = text.find(marker);
  EXPECT_NE(at, std::string::npos) << marker << " in " << file;
  if (at == std::string::npos) return {};
  const auto begin = at + marker.size();
  return text.substr(begin, text.find_first_not_of("0123456789.", begin) - begin);
}

TEST_F(version, as_JSON_has_the_versions_of_the_sources) {
  const auto result = rondo({"version", "--json"});
  ASSERT_EQ(result.exit_code, 0) << said(result);
  EXPECT_EQ(result.err, "");
  const auto document = document_of(result);
  expect_keys(document,
              {"version", "abi_version", "abi_oldest", "ring_layout_version", "compiler"});
  EXPECT_EQ(document["version"], in_source("CMakeLists.txt", "project(rondo VERSION "));
  EXPECT_EQ(document["abi_version"].dump(),
            in_source("sdk/include/rondo/abi.h", "#define RONDO_ABI_VERSION "));
  EXPECT_LE(document["abi_oldest"], document["abi_version"]);
  EXPECT_EQ(document["ring_layout_version"].dump(),
            in_source("sdk/include/rondo/ring/layout.hpp", "layout_version = "));
  EXPECT_NE(document["compiler"], "");
}

TEST_F(version, as_text_has_the_same_numbers) {
  const auto document = document_of(rondo({"version", "--json"}));
  const auto result = rondo({"version"});
  ASSERT_EQ(result.exit_code, 0) << said(result);
  EXPECT_TRUE(result.out.starts_with("rondo " + document["version"].get<std::string>() + "\n"));
  EXPECT_TRUE(contains(result.out, "ABI version " + document["abi_version"].dump() + "\n"));
  EXPECT_TRUE(contains(result.out, document["compiler"].get<std::string>()));
}

TEST_F(version, as_an_option_is_one_line) {
  const auto document = document_of(rondo({"version", "--json"}));
  const auto result = rondo({"--version"});
  EXPECT_EQ(result.exit_code, 0) << said(result);
  EXPECT_EQ(result.out, "rondo " + document["version"].get<std::string>() + "\n");
}

}  // namespace
}  // namespace rondo::test
