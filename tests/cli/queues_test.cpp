// `rondo queues`: the naming contract from the command line [NAME-02 … NAME-06].
#include "rondo_command.hpp"

namespace rondo::test {
namespace {

using queues = rondo_command;

TEST_F(queues, build_prints_the_name_and_nothing_else) {
  const auto result = rondo({"queues", "build", "VectorAddRequestMessage", "adder_1", "input"});
  EXPECT_EQ(result.exit_code, 0) << said(result);
  EXPECT_EQ(result.out, "ringkernel_VectorAddRequestMessage_adder_1_input\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(queues, parse_undoes_build_whatever_underscores_the_id_has) {
  for (const auto* id : {"k", "a_b", "x_input_y", "output", "a.b-c_d"})
    for (const auto* direction : {"input", "output"}) {
      const auto built =
          document_of(rondo({"queues", "build", "My.Type", id, direction, "--json"}));
      expect_keys(built, {"name", "message_type", "kernel_id", "direction"});
      const auto name = built["name"].get<std::string>();
      EXPECT_EQ(built, document_of(rondo({"queues", "parse", name, "--json"})));
      EXPECT_EQ(built["message_type"], "My.Type");
      EXPECT_EQ(built["kernel_id"], id);
      EXPECT_EQ(built["direction"], direction);
    }
}

TEST_F(queues, parse_prints_the_parts) {
  const auto result = rondo({"queues", "parse", "ringkernel_T_kernel_1_output"});
  EXPECT_EQ(result.exit_code, 0) << said(result);
  EXPECT_EQ(result.out, "message type  T\nkernel id     kernel_1\ndirection     output\n");
}

TEST_F(queues, parse_refuses_a_bad_name_and_says_where_it_is_bad) {
  const auto result = rondo({"queues", "parse", "ringkernel_Ty-pe_k_input"});
  expect_error(result, 4, "ringkernel_Ty-pe_k_input", "INVALID_NAME");
  EXPECT_TRUE(contains(result.err, "'-' at position 13")) << said(result);
}

TEST_F(queues, build_refuses_parts_that_could_not_be_parsed_again) {
  for (const auto& [type, id] :
       std::vector<std::pair<std::string, std::string>>{{"Under_score", "k"},
                                                        {"T", "ends_input"},
                                                        {"T", "1st"},
                                                        {"", "k"},
                                                        {"T", ""},
                                                        {"T", std::string(250, 'k')}}) {
    const auto result = rondo({"queues", "build", type, id, "input"});
    EXPECT_EQ(result.exit_code, 4) << type << "," << id << said(result);
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(contains(result.err, "[INVALID_NAME]\n  try: ")) << said(result);
  }
}

TEST_F(queues, a_mistyped_direction_suggests_the_nearest) {
  const auto result = rondo({"queues", "build", "T", "k", "outptu"});
  expect_error(result, 4, "queues build", "INVALID_ARGUMENT");
  EXPECT_TRUE(contains(result.err, "Did you mean output?")) << said(result);
}

TEST_F(queues, explain_shows_every_part_with_its_position) {
  const auto result = rondo({"queues", "explain", "ringkernel_T_k_input", "--json"});
  ASSERT_EQ(result.exit_code, 0) << said(result);
  const auto document = document_of(result);
  expect_keys(document, {"name", "valid", "problem", "parts"});
  EXPECT_TRUE(document["valid"].get<bool>());
  ASSERT_EQ(document["parts"].size(), 4u);
  const std::vector<std::tuple<std::string, std::string, int>> parts = {
      {"prefix", "ringkernel_", 0},
      {"message type", "T", 11},
      {"kernel id", "k", 13},
      {"direction", "input", 15}};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& part = document["parts"][i];
    expect_keys(part, {"label", "text", "position", "valid", "problem"});
    EXPECT_EQ(std::make_tuple(part["label"], part["text"], part["position"]),
              std::make_tuple(json(std::get<0>(parts[i])), json(std::get<1>(parts[i])),
                              json(std::get<2>(parts[i]))));
  }
}

TEST_F(queues, explain_answers_a_bad_name_with_what_is_wrong_and_a_usage_error) {
  const auto result = rondo({"queues", "explain", "ringkernel_T_input"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_TRUE(contains(result.out, "(missing)")) << said(result);
  EXPECT_TRUE(contains(result.err, "[INVALID_NAME]\n  try: ")) << said(result);

  const auto document = document_of(rondo({"queues", "explain", "ringkernel_T_input", "--json"}));
  EXPECT_FALSE(document["valid"].get<bool>());
  expect_error_object(document, "INVALID_NAME");
  EXPECT_EQ(document["error"]["message"], document["problem"]);
}

TEST_F(queues, explain_takes_any_text) {
  for (const auto& text :
       {std::string(), std::string("_"), std::string("ringkernel_"), std::string(5000, '_')}) {
    const auto result = rondo({"queues", "explain", text, "--json"});
    EXPECT_EQ(result.exit_code, 4) << said(result);
    EXPECT_EQ(document_of(result)["parts"].size(), 4u);
  }
}

}  // namespace
}  // namespace rondo::test
