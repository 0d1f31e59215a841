// The queue naming contract: every valid name round-trips, and every other string is refused with a
// sentence that says where it breaks.
#include <rondo/error.hpp>
#include <rondo/naming.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace {

using rondo::queue_direction;
using rondo::queue_name;
using testing::HasSubstr;

constexpr std::uint32_t seed = 20250113;
constexpr int rounds = 20000;

const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const std::string type_characters = letters + "0123456789.";
const std::string id_characters = type_characters + "_-";

class random_names {
 public:
  std::size_t number(std::size_t below) { return generator_() % below; }

  std::string text(const std::string& characters, std::size_t longest) {
    std::string out(1, letters[number(letters.size())]);
    for (auto more = number(longest); more > 0; --more)
      out += characters[number(characters.size())];
    return out;
  }

  // Ids made of the pieces that could confuse a parser, and ids of any characters.
  std::string kernel_id() {
    static const std::vector<std::string> pieces = {
        "_", "input", "output", "_input", "_output", "in", "put", "ringkernel_", "x", ".", "-"};
    std::string id;
    do {
      id = text(id_characters, number(2) == 0 ? 3 : 40);
      if (number(2) == 0)
        for (auto more = number(5); more > 0; --more) id += pieces[number(pieces.size())];
      if (number(20) == 0) id = number(2) == 0 ? "input" : "output";
    } while (id.ends_with("_input") || id.ends_with("_output"));
    return id;
  }

  queue_name name() {
    return {text(type_characters, 40), kernel_id(),
            number(2) == 0 ? queue_direction::input : queue_direction::output};
  }

 private:
  std::mt19937 generator_{seed};
};

// The refusal of a call that must be refused.
template <class Call>
rondo::error_info refusal_of(Call call) {
  try {
    call();
  } catch (const rondo::error& refusal) {
    return refusal.info();
  }
  ADD_FAILURE() << "was not refused";
  return {};
}

std::string message_of_build(std::string type, std::string id) {
  const auto info = refusal_of([&] {
    rondo::build_queue_name({std::move(type), std::move(id), queue_direction::input});
  });
  EXPECT_EQ(info.code, RONDO_INVALID_NAME);
  EXPECT_THAT(info.remedy, HasSubstr("ringkernel_<MessageType>_<KernelId>_<input|output>"));
  return info.message;
}

std::string message_of_parse(std::string_view name) {
  const auto info = refusal_of([&] { rondo::parse_queue_name(name); });
  EXPECT_EQ(info.code, RONDO_INVALID_NAME) << name;
  return info.message;
}

TEST(naming, a_name_has_the_documented_form) {  // NAME-02
  EXPECT_EQ(rondo::build_queue_name(
                {"VectorAddRequestMessage", "VectorAddProcessor", queue_direction::input}),
            "ringkernel_VectorAddRequestMessage_VectorAddProcessor_input");
  EXPECT_EQ(rondo::build_queue_name({"A", "b", queue_direction::output}), "ringkernel_A_b_output");
}

TEST(naming, every_valid_name_survives_build_and_parse) {  // NAME-06
  RecordProperty("seed", static_cast<int>(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  random_names random;
  std::set<std::string> built;
  std::set<queue_name> made;
  for (int i = 0; i < rounds; ++i) {
    const auto name = random.name();
    ASSERT_TRUE(rondo::is_valid_message_type(name.message_type)) << name.message_type;
    ASSERT_TRUE(rondo::is_valid_kernel_id(name.kernel_id)) << name.kernel_id;
    const auto full = rondo::build_queue_name(name);
    ASSERT_EQ(rondo::parse_queue_name(full), name) << full;
    made.insert(name);
    built.insert(full);
  }
  EXPECT_EQ(built.size(), made.size()) << "two queues share a name";
  EXPECT_GT(made.size(), static_cast<std::size_t>(rounds) / 2);
}

TEST(naming, whatever_parses_builds_the_same_name_again) {  // NAME-06
  SCOPED_TRACE("seed " + std::to_string(seed));
  random_names random;
  int parsed = 0;
  for (int i = 0; i < rounds; ++i) {
    auto full = rondo::build_queue_name(random.name());
    const auto at = random.number(full.size());
    switch (random.number(3)) {
      case 0: full.erase(at, 1 + random.number(3)); break;
      case 1: full.insert(at, 1, static_cast<char>(random.number(256))); break;
      default: full[at] = static_cast<char>(random.number(256)); break;
    }
    const auto explained = rondo::explain_queue_name(full);
    if (!explained.valid()) {
      EXPECT_FALSE(explained.problem.empty()) << full;
      EXPECT_FALSE(message_of_parse(full).empty());
      continue;
    }
    ++parsed;
    ASSERT_EQ(rondo::build_queue_name(rondo::parse_queue_name(full)), full);
  }
  EXPECT_GT(parsed, rounds / 10);
  EXPECT_LT(parsed, rounds - rounds / 10);
}

TEST(naming, message_types_are_letters_digits_and_dots) {  // NAME-03
  for (const auto* good : {"A", "z9", "Vector.Add", "A.", "a..b"})
    EXPECT_TRUE(rondo::is_valid_message_type(good)) << good;
  for (const std::string bad : {"", "9a", ".a", "a_b", "a-b", "a b", "ä", "a\n"})
    EXPECT_FALSE(rondo::is_valid_message_type(bad)) << bad;
  EXPECT_FALSE(rondo::is_valid_message_type(std::string_view("a\0b", 3)));
}

TEST(naming, kernel_ids_may_not_end_like_a_direction) {  // NAME-04
  for (const auto* good :
       {"k", "input", "output", "a_inputs", "_input_x" + 1, "a_", "a__", "a.b-c", "x_input_"})
    EXPECT_TRUE(rondo::is_valid_kernel_id(good)) << good;
  for (const std::string bad :
       {"", "_a", "-a", "1", "a_input", "a_output", "a__input", "a b", "a/b"})
    EXPECT_FALSE(rondo::is_valid_kernel_id(bad)) << bad;
}

TEST(naming, every_byte_is_judged_alike_by_build_and_parse) {  // NAME-03 NAME-04
  for (int byte = 0; byte < 256; ++byte) {
    const std::string middle = {'a', static_cast<char>(byte), 'b'};
    const bool type_ok = type_characters.find(middle[1]) != std::string::npos;
    const bool id_ok = id_characters.find(middle[1]) != std::string::npos;
    EXPECT_EQ(rondo::is_valid_message_type(middle), type_ok) << byte;
    EXPECT_EQ(rondo::is_valid_kernel_id(middle), id_ok) << byte;
    EXPECT_EQ(rondo::explain_queue_name("ringkernel_T_" + middle + "_input").valid(), id_ok)
        << byte;
  }
}

TEST(naming, the_length_limit_is_the_same_for_both_directions) {  // NAME-05
  for (const auto direction : {queue_direction::input, queue_direction::output}) {
    const std::string id(rondo::max_type_and_id - 1, 'k');
    const auto longest = rondo::build_queue_name({"T", id, direction});
    EXPECT_EQ(rondo::parse_queue_name(longest).kernel_id, id);
    EXPECT_LE(longest.size(), rondo::max_queue_name);
    EXPECT_EQ(longest.size() == rondo::max_queue_name, direction == queue_direction::output);
    EXPECT_THAT(message_of_build("TT", id), HasSubstr("237 bytes together; at most 236"));
  }
  EXPECT_FALSE(rondo::is_valid_kernel_id(std::string(rondo::max_type_and_id, 'k')));
  EXPECT_THAT(message_of_parse("ringkernel_T_" + std::string(236, 'k') + "_input"),
              HasSubstr("237 bytes together"));
}

TEST(naming, a_refused_part_is_named_with_character_position_and_rule) {
  EXPECT_THAT(message_of_build("vector_add", "k"),
              HasSubstr("the message type 'vector_add' has '_' at position 6; a message type is a "
                        "letter followed by letters, digits and '.'"));
  EXPECT_THAT(message_of_build("T", "a b"), HasSubstr("the kernel id 'a b' has ' ' at position 1"));
  EXPECT_THAT(message_of_build("T", "a\tb"), HasSubstr("has '\\x09' at position 1"));
  EXPECT_THAT(message_of_build("", "k"), HasSubstr("the message type is missing"));
  EXPECT_THAT(message_of_build("T", ""), HasSubstr("the kernel id is missing"));
  EXPECT_THAT(message_of_build("T", "a_output"),
              HasSubstr("the kernel id 'a_output' ends in '_output' at position 1"));
}

TEST(naming, a_refused_name_says_which_part_is_wrong) {
  EXPECT_THAT(message_of_parse(""), HasSubstr("does not begin with ringkernel_"));
  EXPECT_THAT(message_of_parse("kernel_T_k_input"), HasSubstr("does not begin with ringkernel_"));
  EXPECT_THAT(message_of_parse("ringkernel_T_k"), HasSubstr("the direction is missing"));
  EXPECT_THAT(message_of_parse("ringkernel_T_k_Input"), HasSubstr("the direction is missing"));
  EXPECT_THAT(message_of_parse("ringkernel__k_input"), HasSubstr("the message type is missing"));
  EXPECT_THAT(message_of_parse("ringkernel_T__input"), HasSubstr("the kernel id is missing"));
  EXPECT_THAT(message_of_parse("ringkernel_T_input"),
              HasSubstr("either the kernel id or the direction is missing"));
  EXPECT_THAT(message_of_parse("ringkernel_T_k!_input"), HasSubstr("has '!' at position 14"));
  EXPECT_THAT(message_of_parse("ringkernel_T_k_input_input"), HasSubstr("ends in '_input'"));
  EXPECT_THAT(message_of_parse("ringkernel_T_k_input "), HasSubstr("has ' ' at position 20"));
}

TEST(naming, an_explanation_shows_all_four_parts_and_where_they_stand) {
  const auto good = rondo::explain_queue_name("ringkernel_Type_my_kernel_output");
  ASSERT_EQ(good.parts.size(), 4u);
  EXPECT_EQ(good.parts[0].text, "ringkernel_");
  EXPECT_EQ(good.parts[1].text, "Type");
  EXPECT_EQ(good.parts[1].position, 11u);
  EXPECT_EQ(good.parts[2].text, "my_kernel");
  EXPECT_EQ(good.parts[2].position, 16u);
  EXPECT_EQ(good.parts[3].text, "output");
  EXPECT_EQ(good.parts[3].position, 26u);
  ASSERT_TRUE(good.valid());
  EXPECT_EQ(good.name->direction, queue_direction::output);

  const auto bad = rondo::explain_queue_name("ringkernel_9_k_input");
  EXPECT_FALSE(bad.valid());
  EXPECT_TRUE(bad.parts[0].valid());
  EXPECT_FALSE(bad.parts[1].valid());
  EXPECT_TRUE(bad.parts[2].valid());
  EXPECT_TRUE(bad.parts[3].valid());
  EXPECT_EQ(bad.problem, bad.parts[1].problem);
}

TEST(naming, text_from_outside_is_made_fit_for_a_terminal) {
  EXPECT_EQ(rondo::in_quotes("a\x1b[31m"), "'a\\x1b[31m'");
  EXPECT_EQ(rondo::printable(std::string(400, 'x')).size(), 303u);
}

}  // namespace
