// The status codes: one list, in which each value and each name is there once.
#include <rondo/abi.h>

#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace abi_test {
namespace {

struct listed_status {
  std::string name;
  rondo_status value;
  rondo_status enumerator;
  std::string text;
};

const std::vector<listed_status> statuses = {
#define RONDO_LISTED(name, value, text) {#name, value, RONDO_##name, text},
    RONDO_STATUS_LIST(RONDO_LISTED)
#undef RONDO_LISTED
};

TEST(status_codes, have_unique_values_and_names_and_texts) {
  std::map<rondo_status, std::string> values;
  std::set<std::string> names, texts;
  for (const listed_status& status : statuses) {
    const auto [at, is_new] = values.emplace(status.value, status.name);
    EXPECT_TRUE(is_new) << status.name << " has the value of " << at->second;
    EXPECT_TRUE(names.insert(status.name).second) << status.name;
    EXPECT_TRUE(texts.insert(status.text).second) << status.text;
  }
}

TEST(status_codes, are_the_enumerators_of_the_same_name) {
  for (const listed_status& status : statuses)
    EXPECT_EQ(status.enumerator, status.value) << status.name;
  static_assert(RONDO_OK == 0 && RONDO_FULL == 1 && RONDO_INVALID_ARGUMENT == -1);
}

TEST(status_codes, are_positive_for_expected_conditions_alone) {
  std::set<std::string> expected;
  for (const listed_status& status : statuses)
    if (status.value > 0) expected.insert(status.name);
  EXPECT_EQ(expected, (std::set<std::string>{"FULL", "EMPTY", "TIMEOUT"}));
}

TEST(status_codes, have_a_text_that_fits_into_a_sentence) {
  for (const listed_status& status : statuses) {
    ASSERT_FALSE(status.text.empty()) << status.name;
    EXPECT_NE(status.text.back(), '.') << status.name;
    EXPECT_TRUE(std::islower(static_cast<unsigned char>(status.text.front()))) << status.name;
  }
}

}  // namespace
}  // namespace abi_test
