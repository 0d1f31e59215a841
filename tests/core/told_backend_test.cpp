// What a backend may tell beyond the required: why a kernel failed, what a device found out about
// itself; and the options that only it knows.
#include "support.hpp"

#include "loader_support.hpp"

#include <gmock/gmock.h>

namespace {

using namespace core_test;
using rondo::kernel_state;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

rondo::runtime_options only(const std::string& name) {
  auto options = hermetic();
  options.plugin_paths = {loader_support::fixture(name)};
  options.only_backends = {};
  return options;
}

class told_backend : public testing::Test {
 protected:
  rondo::kernel<oracle> started(const std::string& id) {
    auto kernel = runtime_.launch<oracle>({.id = id});
    kernel.activate();
    return kernel;
  }
  rondo::runtime runtime_ = rondo::runtime::open(only("told_c"));
};

TEST_F(told_backend, says_why_a_kernel_failed_to_whoever_waits_or_comes_later) {
  auto kernel = started("lost");
  EXPECT_EQ(kernel.snapshot().failure_code, RONDO_OK);
  const auto waited = kernel.receive(patience);
  ASSERT_EQ(waited.code(), RONDO_DEVICE_LOST);
  EXPECT_EQ(waited.failure().object, "lost");
  EXPECT_EQ(waited.failure().message, "the device fell off the bus");
  EXPECT_FALSE(waited.failure().remedy.empty());
  for (const auto code : {kernel.send({}, patience).code(), kernel.try_send({}).code(),
                          kernel.call({}, patience).code(), kernel.receive(patience).code()})
    EXPECT_EQ(code, RONDO_DEVICE_LOST);
  const auto seen = kernel.snapshot();
  EXPECT_EQ(seen.state, kernel_state::failed);
  EXPECT_EQ(seen.failure_code, RONDO_DEVICE_LOST);
  EXPECT_EQ(seen.failure, "the device fell off the bus");
}

TEST_F(told_backend, may_have_a_code_and_no_sentence) {
  auto kernel = started("silent");
  const auto waited = kernel.receive(patience);
  ASSERT_EQ(waited.code(), RONDO_DEVICE_LOST);
  EXPECT_EQ(waited.failure().message, rondo::status_text(RONDO_DEVICE_LOST));
  EXPECT_EQ(kernel.snapshot().failure, "");
}

TEST_F(told_backend, gets_its_options_and_refuses_what_it_does_not_know) {
  const auto launch = [&](std::vector<std::pair<std::string, std::string>> options) {
    rondo::launch_options how;
    how.options = std::move(options);
    return runtime_.launch<oracle>(how);
  };
  EXPECT_EQ(launch({{"a", "1"}, {"b", "x=y"}, {"c", ""}}).state(), kernel_state::launched);
  runtime_.find_kernel("Oracle").terminate();
  runtime_.remove("Oracle");
  for (const auto& wrong : {std::pair("d", "1"), std::pair("a", "2"), std::pair("", "")}) {
    const auto info = refusal_of([&] { launch({{"a", "1"}, {wrong.first, wrong.second}}); });
    EXPECT_EQ(info.code, RONDO_INVALID_ARGUMENT);
    EXPECT_THAT(info.message, HasSubstr("option"));
  }
  EXPECT_TRUE(runtime_.kernels().empty());
}

TEST_F(told_backend, tells_its_properties_while_the_device_is_open) {
  const auto properties = [&] { return runtime_.backends().at(0).devices.at(0).properties; };
  EXPECT_THAT(properties(), IsEmpty()) << "asking opens no device";
  auto kernel = std::make_unique<rondo::kernel<oracle>>(started("k"));
  EXPECT_THAT(properties(),
              ElementsAre(Pair("runs_on", "the threads of its senders"), Pair("empty", ""),
                          Pair("driver_version", "12.34 of the fixture")));
  kernel->terminate();
  runtime_.remove("k");
  kernel.reset();
  EXPECT_THAT(properties(), IsEmpty());
}

TEST(survey, opens_devices_to_learn_their_properties) {
  const auto found = rondo::runtime::survey(only("told_c"));
  ASSERT_EQ(found.backends.size(), 1u);
  EXPECT_THAT(found.backends[0].devices.at(0).properties,
              ElementsAre(Pair("runs_on", "the threads of its senders"), Pair("empty", ""),
                          Pair("driver_version", "12.34 of the fixture")));
}

TEST(survey, of_a_backend_that_tells_none_has_no_properties) {
  const auto found = rondo::runtime::survey(only("plain_c"));
  ASSERT_EQ(found.backends.size(), 1u);
  EXPECT_TRUE(found.backends[0].devices.at(0).usable);
  EXPECT_THAT(found.backends[0].devices.at(0).properties, IsEmpty());
}

TEST(survey, of_a_device_that_cannot_be_opened_says_so) {
  const auto found = rondo::runtime::survey(only("unopenable_c"));
  EXPECT_TRUE(found.backends.empty());
  ASSERT_EQ(found.report.candidates.size(), 1u);
  EXPECT_EQ(found.report.candidates[0].verdict, rondo::verdict::no_usable_device);
  EXPECT_THAT(found.report.candidates[0].reason, HasSubstr("the device does not answer"));
}

}  // namespace
