// What the CUDA backend makes of an image's answer to its probe: each fact that differs is refused
// by name, with both values. The answers are made up, so that this runs where there is no GPU.
#include "plugins/cuda/image_check.hpp"

#include <rondo/backend/backend.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace {

using rondo::backend::failure;
using rondo::cuda::check_answer;
using rondo::device::probe_record;
using testing::AllOf;
using testing::HasSubstr;

rondo_status no_hook(void*, rondo_invocation*) { return RONDO_OK; }
rondo_status no_start(void*, const void*, std::uint32_t, rondo_invocation*) { return RONDO_OK; }

constexpr rondo_message_type message(std::uint32_t bytes, std::uint64_t schema) {
  rondo_message_type type{};
  type.max_bytes = bytes;
  type.schema_hash = schema;
  return type;
}
constexpr rondo_message_type start_type = message(48, 1003);

// A handler and what a device says of it that was built with it. All values differ, so that none
// can be taken for another.
class image_check : public testing::Test {
 protected:
  image_check() {
    handler_.struct_size = sizeof handler_;
    handler_.flags = RONDO_HANDLER_EMITS;
    handler_.id = {"Checked", 7};
    handler_.request = message(24, 1001);
    handler_.response = message(36, 1002);
    handler_.state_bytes = 80;
    handler_.state_alignment = 16;
    handler_.on_start = no_start;
    handler_.on_timer = no_hook;
    handler_.start_type = &start_type;
    answer_.layout = rondo::device::current_layout();
    answer_.handler_flags = RONDO_HANDLER_EMITS;
    answer_.request_max_bytes = 24;
    answer_.response_max_bytes = 36;
    answer_.request_schema = 1001;
    answer_.response_schema = 1002;
    answer_.state_bytes = 80;
    answer_.state_alignment = 16;
    answer_.hooks = rondo::device::hook_bit(rondo::device::hook::start) |
                    rondo::device::hook_bit(rondo::device::hook::timer);
    answer_.start_schema = 1003;
    answer_.start_max_bytes = 48;
  }
  // Why the answer is refused; empty if it is not.
  std::string refusal() const {
    try {
      check_answer(answer_, handler_);
      return {};
    } catch (const failure& refused) {
      EXPECT_EQ(refused.code(), RONDO_VERSION_MISMATCH);
      return refused.what();
    }
  }
  // With one more in this field. The text names the field, and has the right value and the wrong
  // one as whole words.
  template <class Field>
  void expect_refused(Field& field, const std::string& name) {
    const std::string right = std::to_string(field++), wrong = std::to_string(field);
    EXPECT_THAT(refusal(), AllOf(testing::StartsWith(name + " is " + right + " "),
                                 HasSubstr(" and " + wrong + " in ")));
    --field;
    EXPECT_EQ(refusal(), "") << "after " << name;
  }

  rondo_handler handler_{};
  probe_record answer_{};
};

TEST_F(image_check, takes_an_answer_that_agrees) { EXPECT_EQ(refusal(), ""); }

TEST_F(image_check, names_each_fact_of_the_layout_with_both_values) {
  std::uint64_t facts = 0;
#define RONDO_EXPECT_REFUSED(name, value) expect_refused(answer_.layout.name, #name), ++facts;
  RONDO_LAYOUT_FACTS(RONDO_EXPECT_REFUSED)
#undef RONDO_EXPECT_REFUSED
  EXPECT_EQ(facts * sizeof(std::uint32_t), sizeof(rondo::device::layout_facts));
}

TEST_F(image_check, names_each_fact_of_the_handler_with_both_values) {
  expect_refused(answer_.request_max_bytes, "the request's largest size");
  expect_refused(answer_.response_max_bytes, "the response's largest size");
  expect_refused(answer_.request_schema, "the request's schema");
  expect_refused(answer_.response_schema, "the response's schema");
  expect_refused(answer_.state_bytes, "the state's size");
  expect_refused(answer_.state_alignment, "the state's alignment");
  expect_refused(answer_.handler_flags, "the handler's kind");
  expect_refused(answer_.hooks, "which hooks it has");
  expect_refused(answer_.start_schema, "the start argument's schema");
  expect_refused(answer_.start_max_bytes, "the start argument's largest size");
}

TEST_F(image_check, says_who_has_to_build_what_anew) {
  const auto remedy = [&] {
    rondo_error_sink sink{sizeof(rondo_error_sink), 0, nullptr, nullptr};
    std::vector<std::string> told;
    sink.self = &told;
    sink.report = [](void* self, rondo_status, rondo_string of, rondo_string, rondo_string how) {
      *static_cast<std::vector<std::string>*>(self) = {std::string(of.data, of.size),
                                                       std::string(how.data, how.size)};
    };
    try {
      check_answer(answer_, handler_);
    } catch (const failure& refused) {
      refused.report(&sink);
    }
    return told;
  };
  ++answer_.state_bytes;
  EXPECT_THAT(remedy(), testing::ElementsAre("Checked", "Build the whole module anew"));
  ++answer_.layout.ring_layout_version;
  EXPECT_THAT(remedy(),
              testing::ElementsAre("Checked", HasSubstr("with the same version of the SDK")));
}

// A record of an SDK that knew no hooks ends before them, and the memory behind it is not read.
TEST_F(image_check, takes_a_handler_of_an_sdk_without_hooks_for_one_that_has_none) {
  handler_.struct_size = offsetof(rondo_handler, on_start);
  answer_.hooks = 0;
  answer_.start_schema = answer_.start_max_bytes = 0;
  EXPECT_EQ(refusal(), "");
  answer_.hooks = 1;
  EXPECT_THAT(refusal(), testing::StartsWith("which hooks it has is 0 "));
}

TEST_F(image_check, of_a_record_with_another_ring_layout_names_both_versions) {
  rondo_image image{};
  image.ring_layout_version = rondo::ring::layout_version;
  EXPECT_NO_THROW(rondo::cuda::check_layout(image, handler_));
  image.ring_layout_version += 41;
  try {
    rondo::cuda::check_layout(image, handler_);
    ADD_FAILURE() << "it was not refused";
  } catch (const failure& refused) {
    EXPECT_EQ(refused.code(), RONDO_VERSION_MISMATCH);
    EXPECT_THAT(refused.what(),
                AllOf(HasSubstr(std::to_string(rondo::ring::layout_version) + " for this backend"),
                      HasSubstr(std::to_string(image.ring_layout_version) + " in the module's")));
  }
}

}  // namespace
