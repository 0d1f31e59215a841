// Pins every encoding: what the SDK's archive writes is what the golden file holds and what Cereal
// writes for the same value made of standard types, and both read it back. After a wanted change,
// RONDO_UPDATE_GOLDEN=1 writes the files anew, from Cereal's bytes.
#include "kernel/golden_kinds.hpp"
#include "kernel/golden_vector_add.hpp"

#include <set>

namespace kernel_test {
namespace {

const std::vector<golden_case>& all_cases() {
  static const std::vector<golden_case> cases = [] {
    std::vector<golden_case> all;
    add_scalars(all);
    add_arrays(all);
    add_vectors(all);
    add_strings(all);
    add_optionals(all);
    add_structs(all);
    add_vector_add(all);
    return all;
  }();
  return cases;
}

std::filesystem::path file_of(const golden_case& c) { return golden_directory / (c.name + ".hex"); }

class golden : public testing::TestWithParam<std::size_t> {};

TEST_P(golden, bytes_are_the_sdks_and_cereals_and_both_read_them) {
  const golden_case& c = all_cases()[GetParam()];
  if (std::getenv("RONDO_UPDATE_GOLDEN") != nullptr)
    std::ofstream(file_of(c)) << "# " << c.about << '\n' << to_hex(c.from_cereal);
  const bytes file = read_hex(file_of(c));
  EXPECT_EQ(to_hex(c.from_sdk), to_hex(file));
  EXPECT_EQ(to_hex(c.from_cereal), to_hex(file));
  c.expect_decodes(file);
}

INSTANTIATE_TEST_SUITE_P(each, golden, testing::Range<std::size_t>(0, all_cases().size()),
                         [](const auto& chosen) { return all_cases()[chosen.param].name; });

TEST(golden_files, are_those_of_the_cases) {
  std::set<std::string> files, cases;
  for (const auto& entry : std::filesystem::directory_iterator(golden_directory))
    files.insert(entry.path().filename().string());
  for (const golden_case& c : all_cases())
    EXPECT_TRUE(cases.insert(c.name + ".hex").second) << c.name << " is there twice";
  EXPECT_EQ(files, cases);
}

TEST(golden_files, open_with_the_comment_of_their_case) {
  for (const golden_case& c : all_cases()) {
    std::ifstream file(file_of(c));
    std::string first;
    std::getline(file, first);
    EXPECT_EQ(first, "# " + c.about) << c.name;
  }
}

}  // namespace
}  // namespace kernel_test
