// `rondo conformance`, `rondo faults` and `rondo verify` as someone uses them who has a plugin and
// has read nothing.
#include "suite_command.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

namespace rondo::test {
namespace {

namespace fs = std::filesystem;
using command = suite_command;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST_F(command, a_part_of_the_suite_passes_on_a_sound_plugin) {
  const auto result = rondo({"conformance", cpu(), "--filter", "kernel.handle", "--seed", "5"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("dev.rondo.cpu"), HasSubstr("seed 5")));
  EXPECT_EQ(result.err, "");  // no progress where no terminal is
}

TEST_F(command, a_plugin_is_found_by_its_name) {
  const auto result = rondo({"conformance", "cpu", "--level", "0"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
}

TEST_F(command, a_mistyped_name_is_a_mistake_and_the_nearest_is_named) {
  const auto result = rondo({"conformance", "cpuu", "--plugins", cpu()});
  EXPECT_EQ(result.exit_code, 4) << result.out << result.err;
  EXPECT_THAT(result.err, HasSubstr("Did you mean cpu?"));
}

TEST_F(command, nothing_executed_is_no_success) {
  const auto result = rondo({"conformance", cpu(), "--filter", "no.such.case"});
  EXPECT_EQ(result.exit_code, 3) << result.out << result.err;
}

TEST_F(command, what_is_no_plugin_is_unusable) {
  EXPECT_EQ(rondo({"conformance", "/nonexistent/plugin.so"}).exit_code, 2);
  for (const char* name : {"wrong_magic", "no_entry", "disjoint_abi", "null_descriptor"}) {
    const auto result =
        rondo({"conformance", (fixtures_dir() / (std::string(name) + ".so")).string()});
    EXPECT_EQ(result.exit_code, 2) << name << result.out << result.err;
    EXPECT_THAT(result.out, HasSubstr("the loader refuses the plugin")) << name;
  }
}

TEST_F(command, a_plugin_that_ends_the_process_when_it_is_opened_is_named_and_unusable) {
  struct row {
    const char *name, *how, *limit;
  };
  for (const auto& [name, how, limit] :
       {row{"aborts_when_opened", "was ended by signal 6", "30"},
        row{"exits_when_opened", "exited with ", "30"},
        row{"hangs_when_opened", "did not end within its time", "2"}}) {
    const auto plugin = (fixtures_dir() / (std::string(name) + ".so")).string();
    const auto result = rondo({"conformance", plugin, "--timeout", limit});
    EXPECT_EQ(result.exit_code, 2) << name << result.out << result.err;
    EXPECT_THAT(result.out, AllOf(HasSubstr(std::string("nothing can be tried: the process that "
                                                        "opened the plugin to ask what it is ") +
                                            how),
                                  HasSubstr(": 0 passed, 1 failed ")))
        << name;
  }
}

TEST_F(command, a_plugin_that_hangs_does_not_keep_another_from_being_found_by_its_id) {
  const auto result =
      rondo({"conformance", "dev.rondo.cpu", "--level", "0", "--plugins",
             (fixtures_dir() / "hangs_when_opened.so").string(), "--plugins",
             (fixtures_dir() / "aborts_when_opened.so").string(), "--probe-limit", "6"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
}

TEST_F(command, a_plugin_without_a_device_is_unusable_and_says_why_not_or_fails) {
  const auto result = rondo({"conformance", (fixtures_dir() / "minimal.so").string()});
  EXPECT_NE(result.exit_code, 0) << result.out;
  EXPECT_THAT(result.out, HasSubstr("DEV-01"));
}

TEST_F(command, search_paths_are_left_out_and_told) {
  const auto result =
      rondo({"conformance", cpu(), "--level", "0"}, {"RONDO_PLUGIN_PATH=/somewhere"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("left out of the environment: RONDO_PLUGIN_PATH=/somewhere"));
}

TEST_F(command, a_backend_that_echoes_is_refused_in_plain_words) {
  const auto result = with_fault("echoes", {"--filter", "EXEC-01"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("the backend echoes, and no handler ran"));
}

TEST_F(command, a_backend_that_names_its_queues_itself_is_refused_in_plain_words) {
  const auto result = with_fault("names_queues_itself", {"--filter", "queue.info.names"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out,
              HasSubstr("The host names queues; a backend takes the names as they are"));
}

TEST_F(command, a_backend_that_polls_nothing_and_counts_its_rounds_is_refused_in_plain_words) {
  const auto result = with_fault(
      "polls_nothing", {"--filter", "a_reply_is_the_handlers,telemetry.count.an_idle_kernel"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(
      result.out,
      AllOf(HasSubstr("it runs, counts its rounds, and never looks at its input"),
            HasSubstr("it counts its looks at the queue, and messages_in counts messages")));
}

TEST_F(command, a_trap_and_an_exit_cost_one_case_each_and_name_the_rule) {
  for (const auto& [fault, how] :
       {std::pair{"call_traps", "signal"}, {"call_exits", "exited with 3"}}) {
    const auto result = with_fault(fault, {"--filter", "plugin.behave,kernel.handle"});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.out, AllOf(HasSubstr("CRASH"), HasSubstr(how), HasSubstr("rule ABI-06")));
    EXPECT_THAT(result.out, Not(HasSubstr("kernel.handle")));  // which passes
  }
}

TEST_F(command, a_hang_costs_its_time_and_the_suite_goes_on) {
  const auto result =
      with_fault("deadline_ignored", {"--filter", "LIFE-11,kernel.model", "--timeout", "30"});
  EXPECT_EQ(result.exit_code, 1) << result.out;
  EXPECT_THAT(result.out, HasSubstr("rule LIFE-11"));
}

TEST_F(command, a_part_of_a_handler_that_is_lost_shows_against_the_host_image) {
  const auto result = with_fault("drops_a_branch", {"--filter", "message.differential"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, AllOf(HasSubstr("rule EXEC-01"), HasSubstr("control_flow_agrees"),
                                HasSubstr("they differ from byte")))
      << result.out;
}

TEST_F(command, files_are_written_and_the_certificate_verifies) {
  const auto cert = scratch("cert"), junit = scratch("junit"), html = scratch("html");
  const auto result = rondo({"conformance", cpu(), "--level", "0", "--certificate", cert.string(),
                             "--junit", junit.string(), "--html", html.string()});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(text_of(junit), HasSubstr("<testsuite name=\"plugin.load\""));
  EXPECT_THAT(text_of(html), HasSubstr("cases that ran passed"));
  const auto verified = rondo({"verify", cert.string()});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  EXPECT_THAT(verified.out, AllOf(HasSubstr("holds"), Not(HasSubstr("BROKEN"))));
  const auto gone = rondo({"verify", cert.string(), "--plugin", "/nonexistent"});
  EXPECT_EQ(gone.exit_code, 2);
  EXPECT_THAT(gone.err, HasSubstr("/nonexistent"));
  for (const auto& file : {cert, junit, html}) fs::remove(file);
}

TEST_F(command, the_driver_that_a_device_tells_of_is_in_the_certificate_the_page_and_verify) {
  const auto cert = scratch("cert"), html = scratch("html");
  const auto plugin = (fixtures_dir() / "told_c.so").string();
  const auto result = rondo({"conformance", plugin, "--level", "0", "--certificate", cert.string(),
                             "--html", html.string()});
  const auto c = nlohmann::json::parse(text_of(cert));
  EXPECT_EQ(c["driver"], "driver_version=12.34 of the fixture") << result.out;
  EXPECT_EQ(c["device"]["properties"]["driver_version"], "12.34 of the fixture");
  EXPECT_THAT(text_of(html), HasSubstr("12.34 of the fixture"));
  const auto verified = rondo({"verify", cert.string()});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  EXPECT_THAT(verified.out, AllOf(HasSubstr("of      driver driver_version=12.34 of the fixture"),
                                  HasSubstr("of      plugin dev.rondo.test.told_c ")));
  auto another = c;
  another["driver"] = "driver_version=99";
  std::ofstream(cert) << another;
  const auto broken = rondo({"verify", cert.string()});
  EXPECT_EQ(broken.exit_code, 1) << broken.out;
  EXPECT_THAT(broken.out, HasSubstr("BROKEN  the driver, with what the device said of it"));
  for (const auto& file : {cert, html}) fs::remove(file);
}

TEST_F(command, a_certificate_that_is_none_is_a_mistake) {
  EXPECT_EQ(rondo({"verify", cpu()}).exit_code, 4);
  EXPECT_EQ(rondo({"verify", "/nonexistent"}).exit_code, 2);
}

TEST_F(command, cases_can_run_in_this_process) {
  const auto result = rondo({"conformance", cpu(), "--in-process", "--filter", "kernel.handle"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr(" passed, 0 failed"));
}

TEST_F(command, strict_lets_nothing_be_left_out) {
  const std::vector<std::string> line = {"conformance", cpu(), "--filter", "LIFE-09,kernel.handle"};
  EXPECT_EQ(rondo(line).exit_code, 0);
  auto strict = line;
  strict.emplace_back("--strict");
  const auto result = rondo(strict);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("kernel.lease"));
}

TEST_F(command, a_case_is_left_out_by_the_name_of_what_is_missing_and_for_nothing_else) {
  const auto plain_c = (fixtures_dir() / "plain_c.so").string();
  const auto result = rondo({"conformance", plain_c, "--filter", "EXEC-05", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  const auto document = nlohmann::json::parse(result.out);
  int left_out = 0;
  for (const auto& each : document["cases"]) {
    const bool asks = each["case"] == "capability.honesty.handler_emits";
    EXPECT_EQ(each["outcome"], asks ? "pass" : "unsupported") << each;
    if (asks) continue;
    ++left_out;
    EXPECT_THAT(each["capability"], testing::AnyOf("handler.emits", "kernel.pool")) << each;
    EXPECT_THAT(std::string(each["text"]), HasSubstr("the plugin does not advertise ")) << each;
  }
  EXPECT_GE(left_out, 4);
}

TEST_F(command, whoever_says_that_handlers_may_emit_and_refuses_them_is_caught) {
  const auto plain_c = (fixtures_dir() / "plain_c.so").string();
  const auto result = rondo({"faults", "--wrap", plain_c, "--level", "1", "--filter",
                             "claims_emits", "--related-only", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out)["killed"], 1);
}

TEST_F(command, the_list_is_a_document_too) {
  const auto document =
      nlohmann::json::parse(rondo({"conformance", "--list", "--json", "--level", "3"}).out);
  EXPECT_GT(document["cases"].size(), 100u);
}

TEST_F(command, faults_are_caught_by_the_rules_that_they_break) {
  const auto result =
      rondo({"faults", "--wrap", cpu(), "--level", "1", "--filter", "BUF-01", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  const auto document = nlohmann::json::parse(result.out);
  EXPECT_EQ(document["survived"], 0);
  EXPECT_GE(document["killed"], 1);
}

// Counters are right soon, and each by itself. No case may ask for more than that.
TEST_F(command, a_backend_whose_counters_come_late_is_a_sound_one) {
  const auto result =
      rondo({"conformance", lib("conformance/rondo_fault.so"), "--json", "--filter",
             "telemetry.,kernel.change,kernel.model,queue.rules,message.reply,handler.timer,"
             "capability.,pool.share"},
            {"RONDO_FAULT_WRAP=" + cpu(), "RONDO_FAULT_LAG_MS=20"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  // And late they are: this case waits for them thirty times.
  const auto document = nlohmann::json::parse(result.out);
  double seconds = 0;
  for (const auto& each : document["cases"])
    if (each["case"] == "telemetry.count.counts_are_what_was_done") seconds = each["seconds"];
  EXPECT_GT(seconds, 30 * 0.02);
}

TEST_F(command, a_fault_that_cannot_show_is_left_out_with_the_reason_and_is_no_success) {
  const auto plain_c = (fixtures_dir() / "plain_c.so").string();
  const auto result = rondo({"faults", "--wrap", plain_c, "--filter", "ring_overrun,pool_starves"});
  EXPECT_EQ(result.exit_code, 3) << result.out << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("variant of the CPU backend, and another one is wrapped"),
                                HasSubstr("does not advertise kernel.pool"),
                                HasSubstr("0 caught by a rule that they break, 0 not, 2 not")));
}

// Where there is a sanitizer the variant is not built.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(command, faults_that_lie_in_a_ring_are_built_into_a_variant_of_the_cpu_backend) {
  const auto result = rondo({"faults", "--wrap", cpu(), "--level", "1", "--filter",
                             "ring_published_early,ring_overrun", "--related-only", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out)["killed"], 2);
}
#endif

}  // namespace
}  // namespace rondo::test
