// Certificates as someone makes and checks them who has a plugin: how a run was made is in it, and
// what was changed afterwards shows.
#include "suite_command.hpp"

#include "conformance/runner/json_form.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace rondo::test {
namespace {

using json = nlohmann::ordered_json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class certificate_command : public suite_command_with_files {
 protected:
  certificate_command() : suite_command_with_files("certificates") {}

  // Of a run on the CPU backend.
  json certificate(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"conformance", cpu()});
    arguments.insert(arguments.end(), {"--certificate", file("certificate")});
    said_ = rondo(arguments);
    EXPECT_EQ(said_.exit_code, 0) << said_.out << said_.err;
    return json::parse(text_of(file("certificate")), nullptr, false);
  }
  child_result verify(const json& changed, std::vector<std::string> more = {}) {
    std::ofstream(file("changed")) << changed;
    more.insert(more.begin(), {"verify", file("changed")});
    return rondo(more);
  }
  child_result said_;
};

TEST_F(certificate_command, what_a_run_writes_has_the_form_of_the_schema_and_holds) {
  const auto c = certificate({"--level", "0"});
  const auto schema =
      json::parse(text_of(source_dir() / ".." / "conformance" / "certificate.schema.json"));
  EXPECT_THAT(conformance::deviations(c, schema), IsEmpty());
  EXPECT_EQ(c["schema"], schema["$id"]);
  const auto verified = verify(c);
  EXPECT_EQ(verified.exit_code, 0) << verified.out;
  EXPECT_THAT(verified.out,
              AllOf(HasSubstr("says    passed, below level 2\nlevel   0\n"),
                    HasSubstr("holds   the form"), HasSubstr("holds   the hash of " + cpu()),
                    HasSubstr("holds   the hash of " + lib("conformance/conformance_kernels.so"))));
  EXPECT_EQ(verify(c, {"--level", "0"}).exit_code, 0);
  const auto higher = verify(c, {"--level", "2"});
  EXPECT_EQ(higher.exit_code, 1) << higher.out;
  EXPECT_THAT(higher.out, HasSubstr("level 2, which is asked for: it certifies level 0"));
}

TEST_F(certificate_command, a_run_without_isolation_or_of_one_script_certifies_no_level) {
  struct row {
    std::vector<std::string> arguments;
    const char *verdict, *key;
    json value;
  };
  const std::vector<std::string> replay = {"--filter", "kernel.model.random", "--replay",
                                           "launch push"};
  for (const auto& [arguments, verdict, key, value] :
       {row{{"--level", "0", "--in-process"}, "the cases were not isolated", "in_process", true},
        row{replay, "one script was replayed", "replay", "launch push"}}) {
    auto all = arguments;
    all.insert(all.end(), {"--html", file("html")});
    const auto c = certificate(all);
    EXPECT_EQ(c["run"][key], value);
    EXPECT_TRUE(c["certified_level"].is_null());
    const auto verified = verify(c);
    EXPECT_EQ(verified.exit_code, 0) << verified.out;
    EXPECT_THAT(verified.out, HasSubstr(std::string("level   none: ") + verdict));
    EXPECT_EQ(verify(c, {"--level", "0"}).exit_code, 1) << verdict;
    EXPECT_THAT(text_of(file("html")),
                HasSubstr(value.is_string() ? "<dt>replay</dt><dd>launch push"
                                            : "<dd>none: all cases in one process"));
  }
}

TEST_F(certificate_command, how_a_run_was_made_is_in_it) {
  const auto c = certificate({"--level", "1", "--filter", "device.info", "--mode", "bridge",
                              "--strict", "--timeout", "50", "--seed", "7", "--kernels",
                              lib("conformance/conformance_kernels.so")});
  const auto& run = c["run"];
  EXPECT_EQ(run["level"], 1);
  EXPECT_EQ(run["filter"], "device.info");
  EXPECT_EQ(run["mode"], "bridge");
  EXPECT_EQ(run["strict"], true);
  EXPECT_EQ(run["timeout_s"], 50);
  EXPECT_EQ(run["seed"], 7);
  EXPECT_EQ(run["other_kernels"], true);
  EXPECT_THAT(verify(c).out,
              HasSubstr("of      run level 1, bridge, filter device.info, strict, seed 7"));
}

TEST_F(certificate_command, what_was_changed_afterwards_shows) {
  const auto sound = certificate({"--level", "0"});
  struct row {
    json::json_pointer at;
    json value;
    std::string said;
  };
  const std::string zeros(64, '0');
  for (const auto& [at, value, said] :
       {row{json::json_pointer("/plugin/sha256"), zeros, "not the file that was tested"},
        row{json::json_pointer("/suite/kernels_sha256"), zeros, "not those that were launched"},
        row{json::json_pointer("/suite/cases_sha256"), zeros, "the hash of the list of cases"},
        row{json::json_pointer("/cases/1/case"), "plugin.load.something_else",
            "the hash of the list"},
        row{json::json_pointer("/run/level"), 2, "the verdict"},
        row{json::json_pointer("/certified_level"), 3, "the level that is certified"},
        row{json::json_pointer("/run/replay"), 5, "the form: run.replay is no string"}}) {
    auto changed = sound;
    changed[at] = value;
    const auto verified = verify(changed);
    EXPECT_EQ(verified.exit_code, 1) << at << verified.out;
    EXPECT_THAT(verified.out, AllOf(HasSubstr("BROKEN  "), HasSubstr(said)));
  }
  const auto another = verify(sound, {"--plugin", lib("conformance/rondo_fault.so")});
  EXPECT_EQ(another.exit_code, 1) << another.out;
  const auto kernels = verify(sound, {"--kernels", lib("conformance/rondo_fault.so")});
  EXPECT_EQ(kernels.exit_code, 1) << kernels.out;
}

TEST_F(certificate_command, what_is_not_there_is_said_to_be_open) {
  auto c = certificate({"--level", "0"});
  c["plugin"]["file"] = "/nonexistent/rondo_cpu.so";
  c["suite"]["kernels"] = "/nonexistent/kernels.so";
  const auto verified = verify(c);
  EXPECT_EQ(verified.exit_code, 0) << verified.out;
  EXPECT_THAT(verified.out,
              AllOf(HasSubstr("open    whether the plugin is the one that was tested: "
                              "/nonexistent/rondo_cpu.so cannot be read"),
                    HasSubstr("holds   the hash of " + lib("conformance/conformance_kernels.so")),
                    Not(HasSubstr("BROKEN"))));
  EXPECT_EQ(verify(c, {"--kernels", "/nonexistent"}).exit_code, 2);
  const auto document = json::parse(verify(c, {"--json"}).out);
  EXPECT_EQ(document["holds"], true);
  EXPECT_EQ(document["level"], 0);
}

// A hash beside a cheap run: whatever is advertised is judged though the run is filtered.
TEST_F(certificate_command, a_filtered_run_judges_what_is_advertised) {
  const auto result = rondo({"conformance", cpu(), "--filter", "capability.*", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  const auto document = json::parse(result.out);
  EXPECT_EQ(document["unsupported"], 0);
  EXPECT_THAT(document["problems"], IsEmpty());
}

}  // namespace
}  // namespace rondo::test
