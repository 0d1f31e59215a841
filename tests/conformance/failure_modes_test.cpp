// conformance/failure_modes.md against what is there: its faults, their rules, the tests it names.
#include "conformance/runner/fault_run.hpp"
#include "conformance/support/suite.hpp"
#include "paths.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace rondo::conformance {
namespace {

namespace fs = std::filesystem;

constexpr int modes = 60;

struct row {
  std::set<std::string> faults;  // "name (RULE-01 RULE-02)"
  std::set<std::string> tests;
  std::string elsewhere;
};

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, '|');) cells.push_back(cell);
  return cells;
}

std::set<std::string> all_of(const std::string& text, const std::regex& what) {
  std::set<std::string> found;
  for (std::sregex_iterator i(text.begin(), text.end(), what), end; i != end; ++i)
    found.insert((*i)[1].str() + (i->size() > 2 ? " (" + (*i)[2].str() + ")" : ""));
  return found;
}

std::map<int, row> read_table() {
  static const std::regex fault("`([a-z0-9_]+)` \\(([A-Z0-9 -]+)\\)");
  static const std::regex test("`([a-z0-9_]+\\.[A-Za-z0-9_]+)`");
  std::map<int, row> rows;
  std::istringstream in(text_of(test::source_dir() / ".." / "conformance" / "failure_modes.md"));
  for (std::string line; std::getline(in, line);) {
    const auto cells = cells_of(line);
    if (cells.size() < 5 || cells[1].find_first_of("0123456789") == std::string::npos) continue;
    const int number = std::stoi(cells[1]);
    EXPECT_FALSE(rows.contains(number)) << number << " is there twice";
    EXPECT_GT(cells[2].size(), 10u) << number;
    rows[number] = {all_of(cells[3], fault), all_of(cells[4], test), cells[4]};
  }
  return rows;
}

// suite.name of every test below tests/.
std::set<std::string> tests_of_the_tree() {
  static const std::regex declared("TEST(?:_F|_P)?\\(\\s*([a-z0-9_]+)\\s*,\\s*([A-Za-z0-9_]+)");
  std::set<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(test::source_dir())) {
    if (entry.path().extension() != ".cpp") continue;
    const auto text = text_of(entry.path());
    for (std::sregex_iterator i(text.begin(), text.end(), declared), end; i != end; ++i)
      found.insert((*i)[1].str() + "." + (*i)[2].str());
  }
  return found;
}

TEST(failure_modes, are_all_in_the_table) {
  const auto rows = read_table();
  EXPECT_EQ(rows.size(), static_cast<std::size_t>(modes));
  for (const auto& [number, one] : rows) {
    EXPECT_TRUE(number >= 1 && number <= modes) << number;
    const bool is_held = !one.faults.empty() || !one.tests.empty();
    EXPECT_TRUE(is_held || one.elsewhere.size() > 40) << number << " is held by nothing, untold";
  }
}

TEST(failure_modes, have_the_faults_of_the_list_and_their_rules) {
  const auto rows = read_table();
  std::map<int, std::set<std::string>> due;
  for (const auto& fault : all_faults())
    due[fault.failure_mode].insert(std::string(fault.name) + " (" + std::string(fault.rules) + ")");
  for (int number = 1; number <= modes; ++number) {
    const auto found = rows.find(number);
    ASSERT_NE(found, rows.end()) << number;
    EXPECT_EQ(found->second.faults, due[number]) << number;
  }
}

TEST(failure_modes, name_tests_that_there_are) {
  const auto there = tests_of_the_tree();
  EXPECT_GT(there.size(), 500u);
  for (const auto& [number, one] : read_table())
    for (const auto& name : one.tests)
      EXPECT_TRUE(there.contains(name)) << number << " names " << name;
}

}  // namespace
}  // namespace rondo::conformance
