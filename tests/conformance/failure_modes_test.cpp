// conformance/failure_modes.md against what is there: its faults, their rules, the tests it names.
#include "conformance/runner/fault_run.hpp"
#include "conformance/support/suite.hpp"
#include "paths.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <map>
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

// What stands between backquotes and, with `and_behind`, in parentheses after it.
std::set<std::string> quoted(const std::string& text, bool and_behind) {
  std::set<std::string> found;
  for (auto begin = text.find('`'); begin != text.npos;) {
    const auto end = text.find('`', begin + 1);
    if (end == text.npos) break;
    auto word = text.substr(begin + 1, end - begin - 1);
    if (and_behind) word += text.substr(end + 1, text.find(')', end) - end);
    found.insert(word);
    begin = text.find('`', end + 1);
  }
  return found;
}

std::map<int, row> read_table() {
  std::map<int, row> rows;
  std::istringstream in(text_of(test::source_dir() / ".." / "conformance" / "failure_modes.md"));
  for (std::string line; std::getline(in, line);) {
    const auto cells = cells_of(line);
    if (cells.size() < 5 || cells[1].find_first_of("0123456789") == std::string::npos) continue;
    const int number = std::stoi(cells[1]);
    EXPECT_FALSE(rows.contains(number)) << number << " is there twice";
    EXPECT_GT(cells[2].size(), 10u) << number;
    rows[number] = {quoted(cells[3], true), quoted(cells[4], false), cells[4]};
  }
  return rows;
}

// suite.name of the declaration that begins at `at`; empty if none does.
std::string declared_at(const std::string& text, std::size_t at) {
  const auto opens = text.find('(', at), comma = text.find(',', at), closes = text.find(')', at);
  const auto macro = text.substr(at, opens - at);
  if (macro != "TEST" && macro != "TEST_F" && macro != "TEST_P") return {};
  if (closes == text.npos || comma > closes) return {};
  const auto name = text.find_first_not_of(" \n", comma + 1);
  return text.substr(opens + 1, comma - opens - 1) + "." + text.substr(name, closes - name);
}

std::set<std::string> tests_of_the_tree() {
  std::set<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(test::source_dir())) {
    if (entry.path().extension() != ".cpp") continue;
    const auto text = text_of(entry.path());
    for (auto at = text.find("TEST"); at != text.npos; at = text.find("TEST", at + 1))
      found.insert(declared_at(text, at));
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
