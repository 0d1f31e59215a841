// What the host asks of a kernel module, and what it believes: a module of this program that is
// sound but for what a test changes about it.
#include "module_record.hpp"

#include <rondo/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>

namespace module_record_tests {

namespace {

using testing::HasSubstr;

int other_calls = 0;  // of anything but the entry

rondo_string text(const char* from) { return {from, std::char_traits<char>::length(from)}; }

rondo_message_type message(const char* name) {
  rondo_message_type type{};
  type.struct_size = sizeof type;
  type.encoding = RONDO_ENCODING_PLAIN;
  type.wire_name = text(name);
  type.version = 1;
  type.max_bytes = type.alignment = 8;
  return type;
}

struct sound_module {
  rondo_handler handler{};
  rondo_scenario scenario{};
  rondo_image images[2]{};
  const rondo_handler* handlers[1] = {&handler};
  const rondo_scenario* scenarios[1] = {&scenario};
  rondo_module record{};

  sound_module() {
    handler.struct_size = sizeof handler;
    handler.id = text("Sound");
    handler.request = message("SoundRequest");
    handler.response = message("SoundReply");
    handler.state_bytes = handler.state_alignment = 8;
    handler.construct = [](void*, rondo_error_sink*) -> rondo_status { return ++other_calls, 0; };
    handler.destroy = [](void*) { ++other_calls; };
    handler.invoke = [](void*, const void*, rondo_emitter*, rondo_invocation*) -> rondo_status {
      return ++other_calls, 0;
    };
    scenario = {sizeof scenario,
                1,
                text("Sound"),
                text("scenario"),
                [](const rondo_scenario_host*, void**, rondo_error_sink*) -> rondo_status {
                  return ++other_calls, 0;
                },
                [](void*, std::uint32_t, void*, std::uint32_t, std::uint32_t*, char*, std::uint32_t,
                   rondo_error_sink*) -> rondo_status { return ++other_calls, 0; },
                [](void*, std::uint32_t, const rondo_envelope*, const void*,
                   rondo_error_sink*) -> rondo_status { return ++other_calls, 0; },
                [](void*) { ++other_calls; }};
    images[0] = {sizeof images[0], 1, text("one"), "x", 1};
    images[1] = {sizeof images[1], 1, text("two"), "y", 1};
    record = {sizeof record,
              RONDO_ABI_VERSION,
              RONDO_MODULE_MAGIC,
              text("sound"),
              text("by hand"),
              handlers,
              1,
              images,
              2,
              scenarios,
              1};
  }
  sound_module(const sound_module&) = delete;
};

// What the entry does; an entry of C knows no more than that.
std::function<const rondo_module*()> answer;
int entries = 0;
const rondo_module* entry() {
  ++entries;
  return answer();
}

rondo::error_info refusal(std::function<const rondo_module*()> of) {
  answer = std::move(of);
  entries = other_calls = 0;
  try {
    (void)rondo::detail::enter_module(&entry, "a test");
  } catch (const rondo::error& refused) {
    return refused.info();
  }
  return {};
}

rondo::error_info refusal_with(const std::function<void(sound_module&)>& change) {
  sound_module module;
  change(module);
  return refusal([&] { return &module.record; });
}

TEST(module_record, is_asked_for_once_and_nothing_else_is_called) {  // HOST-07
  const sound_module module;
  answer = [&] { return &module.record; };
  entries = other_calls = 0;
  EXPECT_EQ(&rondo::detail::enter_module(&entry, "a test"), &module.record);
  EXPECT_EQ(entries, 1);
  EXPECT_EQ(other_calls, 0);
}

TEST(module_record, that_lies_is_refused_and_nothing_of_it_is_called) {  // HOST-07
  const struct {
    const char* about;
    std::function<void(sound_module&)> lie;
  } lies[] = {
      {"its magic", [](auto& m) { m.record.magic ^= 1; }},
      {"its size", [](auto& m) { m.record.struct_size -= 8; }},
      {"how many handlers it has", [](auto& m) { m.record.handler_count = 0; }},
      {"its handlers", [](auto& m) { m.record.handlers = nullptr; }},
      {"a handler", [](auto& m) { m.handlers[0] = nullptr; }},
      {"a handler's size", [](auto& m) { m.handler.struct_size = 16; }},
      {"a handler's id", [](auto& m) { m.handler.id = text("not an id"); }},
      {"a request's name", [](auto& m) { m.handler.request.wire_name = text("under_score"); }},
      {"a reply's name", [](auto& m) { m.handler.response.wire_name = {}; }},
      {"how a state is made", [](auto& m) { m.handler.construct = nullptr; }},
      {"how a state ends", [](auto& m) { m.handler.destroy = nullptr; }},
      {"a state's alignment", [](auto& m) { m.handler.state_alignment = 24; }},
      {"its images", [](auto& m) { m.record.images = nullptr; }},
      {"an image's size", [](auto& m) { m.images[1].struct_size = 4; }},
      {"an image's bytes", [](auto& m) { m.images[1].bytes = nullptr; }},
      {"an image's backend", [](auto& m) { m.images[1].backend = text("one"); }},
      {"its scenarios", [](auto& m) { m.record.scenarios = nullptr; }},
      {"a scenario", [](auto& m) { m.scenarios[0] = nullptr; }},
      {"how a scenario is closed", [](auto& m) { m.scenario.close = nullptr; }},
  };
  for (const auto& [about, lie] : lies) {
    const auto refused = refusal_with(lie);
    EXPECT_EQ(refused.code, RONDO_BAD_DESCRIPTOR) << "it lies about " << about;
    EXPECT_EQ(refused.object, "a test");
    EXPECT_FALSE(refused.message.empty() || refused.remedy.empty()) << about;
    EXPECT_EQ(entries, 1) << about;
    EXPECT_EQ(other_calls, 0) << about;
  }
}

TEST(module_record, of_another_version_is_refused_and_both_are_named) {  // HOST-07
  const auto refused = refusal_with([](auto& m) { m.record.abi_version = 4711; });
  EXPECT_EQ(refused.code, RONDO_ABI_MISMATCH);
  EXPECT_THAT(refused.message, HasSubstr("4711"));
  EXPECT_THAT(refused.message, HasSubstr(std::to_string(RONDO_ABI_VERSION)));
}

TEST(module_record, that_is_missing_or_not_given_is_refused) {  // HOST-07
  EXPECT_EQ(refusal([] { return nullptr; }).code, RONDO_BAD_DESCRIPTOR);
  const auto thrown =
      refusal([]() -> const rondo_module* { throw std::runtime_error("no record today"); });
  EXPECT_EQ(thrown.code, RONDO_BAD_DESCRIPTOR);
  EXPECT_THAT(thrown.message, HasSubstr("no record today"));
  EXPECT_EQ(refusal([]() -> const rondo_module* { throw 17; }).code, RONDO_BAD_DESCRIPTOR);
  EXPECT_EQ(other_calls, 0);
}

TEST(module_record, with_a_message_that_no_slot_takes_is_refused) {  // HOST-09
  for (const auto part : {&rondo_handler::request, &rondo_handler::response}) {
    const auto with = [&](std::uint32_t bytes) {
      return refusal_with([&](auto& m) { (m.handler.*part).max_bytes = bytes; });
    };
    EXPECT_EQ(with(RONDO_MAX_PAYLOAD).code, RONDO_OK);
    const auto refused = with(RONDO_MAX_PAYLOAD + 1);
    EXPECT_EQ(refused.code, RONDO_BAD_DESCRIPTOR);
    EXPECT_THAT(refused.message, HasSubstr("Sound"));
    EXPECT_THAT(refused.message, HasSubstr("65537"));
    EXPECT_EQ(with(UINT32_MAX).code, RONDO_BAD_DESCRIPTOR);
  }
}

}  // namespace

}  // namespace module_record_tests
