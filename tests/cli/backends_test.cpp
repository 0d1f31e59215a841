// `rondo backends`: every file found gets its line, whatever is wrong with it, and the exit code
// says whether there is a backend to use.
#include "rondo_command.hpp"

namespace rondo::test {
namespace {

class backends : public rondo_command {
 protected:
  json backends_as_json(std::vector<std::string> arguments, int exit_code) {
    arguments.insert(arguments.begin(), {"backends", "--json"});
    const auto result = rondo(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << said(result);
    return document_of(result);
  }
  // The entry of the file with this name.
  static json entry(const json& document, const std::string& file) {
    for (const auto& each : document["backends"])
      if (fs::path(each["path"].get<std::string>()).filename() == file) return each;
    ADD_FAILURE() << "no " << file << " in " << document;
    return {};
  }
  static json root(const json& document, const fs::path& path) {
    for (const auto& each : document["roots"])
      if (each["path"] == path.string()) return each;
    ADD_FAILURE() << "no " << path << " in " << document;
    return {};
  }
};

TEST_F(backends, the_installed_cpu_plugin_is_found_and_described) {
  const auto document = backends_as_json({}, 0);
  expect_keys(document, {"backends", "roots"});
  const auto cpu = entry(document, "rondo_cpu.so");
  expect_keys(cpu, {"id", "name", "version", "build", "abi", "path", "verdict", "reason", "remedy",
                    "system_error", "probe", "capabilities", "devices"});
  EXPECT_EQ(cpu["name"], "cpu");
  EXPECT_EQ(cpu["path"], cpu_plugin().string());
  EXPECT_EQ(cpu["verdict"], "accepted");
  EXPECT_EQ(cpu["reason"], "");
  EXPECT_FALSE(cpu["capabilities"].empty());
  ASSERT_FALSE(cpu["devices"].empty());
  const auto& device = cpu["devices"][0];
  expect_keys(device, {"index", "name", "usable", "reason", "memory_bytes", "processors",
                       "max_resident_kernels", "properties"});
  EXPECT_EQ(device["index"], 0);
  EXPECT_TRUE(device["usable"].get<bool>());
  EXPECT_GT(device["processors"], 0);
}

TEST_F(backends, a_devices_properties_are_told) {
  const auto document = backends_as_json({"--plugins", fixture("told_c").string()}, 0);
  EXPECT_EQ(entry(document, "told_c.so")["devices"][0]["properties"],
            json({{"runs_on", "the threads of its senders"},
                  {"empty", ""},
                  {"driver_version", "12.34 of the fixture"}}));
  const auto text = rondo({"backends", "--plugins", fixture("told_c").string()}).out;
  EXPECT_TRUE(contains(text, "\n    runs_on: the threads of its senders\n")) << text;
}

TEST_F(backends, a_device_that_cannot_be_opened_is_not_usable) {
  const auto document = backends_as_json({"--plugins", fixture("unopenable_c").string()}, 0);
  const auto found = entry(document, "unopenable_c.so");
  EXPECT_EQ(found["verdict"], "no_usable_device");
  EXPECT_TRUE(contains(found.dump(), "the device does not answer")) << found;
}

TEST_F(backends, every_place_is_listed_with_what_became_of_it) {
  set_variable("RONDO_PLUGIN_PATH", (work() / "absent").string() + ":relative");
  const auto document = backends_as_json({}, 0);
  for (const auto& each : document["roots"])
    expect_keys(each, {"path", "origin", "status", "reason", "entries", "candidates"});
  EXPECT_EQ(root(document, work() / "absent")["status"], "does_not_exist");
  EXPECT_EQ(root(document, "relative")["status"], "ignored");
  EXPECT_EQ(root(document, plugins())["origin"], "installed_directory");
  EXPECT_EQ(root(document, plugins())["status"], "searched");
}

TEST_F(backends, text_has_verdict_file_device_and_places) {
  const auto result = rondo({"backends"});
  EXPECT_EQ(result.exit_code, 0) << said(result);
  EXPECT_EQ(result.err, "");
  for (const auto& part :
       {std::string("cpu: accepted\n"), "file: " + cpu_plugin().string(), std::string("device 0: "),
        std::string("capabilities: "), plugins().string() + " (installed directory): "})
    EXPECT_TRUE(contains(result.out, part)) << part << said(result);
}

TEST_F(backends, verbose_says_more) {
  const auto brief = rondo({"backends"}).out;
  const auto verbose = rondo({"backends", "--verbose"}).out;
  EXPECT_GT(verbose.size(), brief.size());
  EXPECT_TRUE(contains(verbose, "ABI ")) << verbose;
}

TEST_F(backends, a_broken_file_gets_its_verdict_and_disables_no_other) {
  write_text(work() / "text.so", "this is no library\n");
  const auto document = backends_as_json({"--plugins", work().string()}, 0);
  const auto text = entry(document, "text.so");
  EXPECT_EQ(text["verdict"], "not_a_shared_object");
  EXPECT_NE(text["reason"], "");
  EXPECT_NE(text["remedy"], "");
  EXPECT_TRUE(text["devices"].empty());
  EXPECT_EQ(entry(document, "rondo_cpu.so")["verdict"], "accepted");

  const auto result = rondo({"backends", "--plugins", work().string()});
  EXPECT_TRUE(contains(result.out, "text.so: not a shared object\n")) << said(result);
  EXPECT_TRUE(contains(result.out, text["remedy"].get<std::string>())) << said(result);
}

TEST_F(backends, distinct_defects_get_distinct_verdicts) {
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"no_entry", "entry_missing"},
      {"disjoint_abi", "abi_mismatch"},
      {"wrong_magic", "bad_descriptor"},
      {"undefined_symbol", "load_failed"},
      {"minimal", "no_usable_device"}};
  std::vector<std::string> arguments;
  for (const auto& [name, verdict] : expected)
    arguments.insert(arguments.end(), {"--plugins", fixture(name).string()});
  const auto document = backends_as_json(arguments, 0);
  for (const auto& [name, verdict] : expected) {
    const auto found = entry(document, name + ".so");
    EXPECT_EQ(found["verdict"], verdict);
    EXPECT_NE(found["reason"], "") << found;
    EXPECT_NE(found["remedy"], "") << found;
  }
  EXPECT_NE(entry(document, "undefined_symbol.so")["system_error"], "");
}

TEST_F(backends, a_plugin_that_crashes_hangs_or_exits_when_opened_is_named_and_disables_no_other) {
  std::vector<std::string> arguments = {"--probe-limit", "6"};
  for (const auto* name :
       {"aborts_when_opened", "exits_when_opened", "crashes_when_entered", "hangs_when_opened"})
    arguments.insert(arguments.end(), {"--plugins", fixture(name).string()});
  const auto document = backends_as_json(arguments, 0);
  const auto aborts = entry(document, "aborts_when_opened.so");
  EXPECT_EQ(aborts["verdict"], "probe_crashed");
  EXPECT_EQ(aborts["probe"], "crashed");
  EXPECT_TRUE(contains(aborts["reason"].get<std::string>(), "SIGABRT")) << aborts;
  EXPECT_TRUE(contains(aborts["system_error"].get<std::string>(), "the fixture gives up"));
  EXPECT_EQ(entry(document, "exits_when_opened.so")["verdict"], "probe_crashed");
  EXPECT_EQ(entry(document, "crashes_when_entered.so")["verdict"], "probe_crashed");
  EXPECT_EQ(entry(document, "hangs_when_opened.so")["verdict"], "probe_timed_out");
  EXPECT_EQ(entry(document, "rondo_cpu.so")["verdict"], "accepted");
  EXPECT_EQ(entry(document, "rondo_cpu.so")["probe"], "passed");
}

TEST_F(backends, plugins_are_opened_untried_only_on_request) {
  const auto untried = backends_as_json({"--probe-limit", "0"}, 0);
  EXPECT_EQ(entry(untried, "rondo_cpu.so")["probe"], "not_run");
}

TEST_F(backends, a_probe_limit_below_a_millisecond_is_one_and_not_none) {
  const auto result = rondo({"backends", "--json", "--probe-limit", "0.0001"});
  const auto cpu = entry(document_of(result), "rondo_cpu.so");
  EXPECT_NE(cpu["probe"], "not_run") << said(result);
  if (cpu["probe"] != "passed") {  // a fast machine is done in time
    EXPECT_TRUE(contains(cpu["reason"].get<std::string>(), "after 1 ms")) << cpu;
  }
}

TEST_F(backends, without_the_plugin_file_the_command_fails_and_says_where_it_looked) {
  fs::remove(cpu_plugin());
  const auto result = rondo({"backends"});
  EXPECT_EQ(result.exit_code, 2) << said(result);
  EXPECT_TRUE(contains(result.out, plugins().string())) << said(result);
  EXPECT_TRUE(contains(result.err, "[NO_PLUGINS]\n  try: ")) << said(result);
  EXPECT_FALSE(contains(result.err, "Looked for")) << "the report belongs to stdout\n"
                                                   << said(result);

  const auto document = backends_as_json({}, 2);
  EXPECT_TRUE(document["backends"].empty());
  expect_error_object(document, "NO_PLUGINS");
}

TEST_F(backends, only_broken_plugins_are_unusable_however_many) {
  fs::remove(cpu_plugin());
  write_text(plugins() / "text.so", "no library\n");
  put(fixture("no_entry"), plugins());
  const auto document = backends_as_json({}, 2);
  EXPECT_EQ(document["backends"].size(), 2u);
  EXPECT_TRUE(document.contains("error"));
}

TEST_F(backends, an_explicit_directory_that_is_missing_is_an_error_though_cpu_works) {
  const auto missing = (work() / "absent").string();
  const auto document = backends_as_json({"--plugins", missing}, 2);
  expect_error_object(document, "NO_SUCH_DIRECTORY");
  EXPECT_EQ(document["error"]["object"], missing);
  EXPECT_EQ(entry(document, "rondo_cpu.so")["verdict"], "accepted");
}

TEST_F(backends, an_empty_directory_adds_nothing) {
  const auto document = backends_as_json({"--plugins", work().string()}, 0);
  EXPECT_EQ(root(document, work())["entries"], 0);
  EXPECT_EQ(document["backends"].size(), 1u) << document;
}

TEST_F(backends, only_leaves_the_others_out_and_says_so) {
  const auto document =
      backends_as_json({"--only", "cpu", "--plugins", fixture("minimal").string()}, 0);
  EXPECT_EQ(entry(document, "minimal.so")["verdict"], "filtered");
  EXPECT_EQ(entry(document, "rondo_cpu.so")["verdict"], "accepted");
}

TEST_F(backends, a_mistyped_name_suggests_the_nearest) {
  const auto result = rondo({"backends", "--only", "cpuu"});
  EXPECT_EQ(result.exit_code, 4) << said(result);
  EXPECT_TRUE(contains(result.err, "rondo: cpuu: ")) << said(result);
  EXPECT_TRUE(contains(result.err, "Did you mean cpu?")) << said(result);
  EXPECT_TRUE(contains(result.err, "[NO_SUCH_BACKEND]")) << said(result);
  // Also beside a name that fits: the answer is not to what was asked.
  EXPECT_EQ(rondo({"backends", "--only", "cpu", "--only", "cpuu"}).exit_code, 4);
}

TEST_F(backends, the_working_directory_is_not_searched) {
  fs::rename(cpu_plugin(), work() / "rondo_cpu.so");
  backends_as_json({}, 2);
  backends_as_json({"--plugins", "."}, 0);
  backends_as_json({"--plugins", "rondo_cpu.so"}, 0);
}

}  // namespace
}  // namespace rondo::test
