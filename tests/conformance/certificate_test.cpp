// Certificates without a plugin: their form, what is recomputed, and that nothing in one can be
// changed alone.
#include "conformance/runner/certificate.hpp"
#include "conformance/runner/json_form.hpp"
#include "paths.hpp"
#include "results.hpp"

#include <rondo/error.hpp>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <fstream>

namespace rondo::conformance {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class certificate : public testing::Test {
 protected:
  certificate() {
    options_.highest_level = 2;
    options_.with.plugin = test::source_dir() / "paths.hpp";
    options_.with.kernels = test::source_dir() / "CMakeLists.txt";
    for (std::size_t i = 0; i < all_cases().size(); ++i)
      if (static_cast<int>(all_cases()[i].at) <= 2) run_.cases.push_back(with(outcome::pass, i));
    run_.cases[index_of_one_that_needs()] = left_out();
  }
  std::string text() const { return certificate_of(options_, run_); }
  json document() const { return json::parse(text()); }
  static verification verify(const std::string& text, const certified_files& files = {}) {
    return verify_certificate(text, files);
  }
  static std::vector<std::string> broken(const std::string& text) { return verify(text).broken; }
  static std::vector<std::string> broken(const json& c) { return verify(c.dump()).broken; }
  static std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  }
  // One of each kind that can be in a list.
  void have_everything() {
    for (const auto what : {outcome::fail, outcome::crash, outcome::timeout, outcome::waived}) {
      const auto i = static_cast<std::size_t>(what);
      run_.cases[i] = with(what, i);
    }
    run_.cases[9].figures.push_back({"a trip", 5, 8, 9, 9, 9, {{8, 5}}});
    options_.waivers = {{run_.cases[static_cast<std::size_t>(outcome::waived)].of->name(), "known",
                         "https://example.org/1", "2030-01-31"}};
    run_.facts = {{"capabilities", "of another"}, {"device.driver_version", "1"}};
    run_.problems = {"one"};
    run_.remarks = {"another"};
  }
  run_options options_;
  run_result run_;
};

TEST_F(certificate, holds_as_it_was_written) {
  EXPECT_EQ(document()["verdict"], "conforms");
  EXPECT_EQ(document()["certified_level"], 2);
  const auto found = verify(text());
  EXPECT_THAT(found.broken, IsEmpty());
  EXPECT_EQ(found.level, 2);
}

TEST_F(certificate, does_not_hold_with_one_thing_changed) {
  run_.cases[5] = with(outcome::fail, 5);
  const auto text = this->text();
  EXPECT_THAT(text, HasSubstr("\"verdict\": \"does not conform\""));
  EXPECT_THAT(broken(replaced(text, "does not conform", "conforms")), SizeIs(1));
  EXPECT_THAT(broken(replaced(text, "\"certified_level\": null", "\"certified_level\": 2")),
              SizeIs(1));
  EXPECT_THAT(broken(replaced(text, "\"outcome\": \"fail\"", "\"outcome\": \"pass\"")),
              SizeIs(Ge(2u)));
  EXPECT_THAT(broken(replaced(text, "\"fail\": 1", "\"fail\": 0")), SizeIs(Ge(1u)));
  EXPECT_THAT(broken(replaced(text, "\"case\": \"" + all_cases()[7].name(), "\"case\": \"other")),
              SizeIs(Ge(2u)));
}

TEST_F(certificate, does_not_hold_with_a_case_listed_twice) {
  auto c = document();
  c["cases"].push_back(c["cases"][0]);
  EXPECT_THAT(broken(c), Contains(HasSubstr("the list has every case of this suite")));
}

TEST_F(certificate, does_not_hold_with_a_figure_that_its_histogram_contradicts) {
  run_.cases[5].figures.push_back({"a trip", 5, 8, 9, 9, 9, {{8, 5}}});
  EXPECT_THAT(broken(text()), IsEmpty());
  EXPECT_THAT(broken(replaced(text(), "\"p50_ns\": 8", "\"p50_ns\": 2")), SizeIs(1));
  EXPECT_THAT(broken(replaced(text(), "\"samples\": 5", "\"samples\": 50")), SizeIs(1));
}

TEST_F(certificate, is_of_one_plugin_and_one_kernel_module) {
  const fs::path other = test::source_dir() / "conformance" / "CMakeLists.txt";
  EXPECT_THAT(verify(text(), {other, {}, {}}).broken,
              ElementsAre(HasSubstr("not the file that was tested")));
  EXPECT_THAT(verify(text(), {{}, other, {}}).broken,
              ElementsAre(HasSubstr("its handlers are not those that were launched")));
  for (const auto& [part, key] :
       {std::pair{"plugin", "sha256"}, {"suite", "kernels_sha256"}, {"suite", "cases_sha256"}}) {
    auto c = document();
    c[part][key] = std::string(64, '0');
    EXPECT_THAT(broken(c), SizeIs(1)) << key;
  }
}

TEST_F(certificate, says_what_could_not_be_recomputed_and_why) {
  auto c = document();
  c["suite"]["kernels"] = c["plugin"]["file"] = "/nonexistent/file.so";
  const auto found = verify(c.dump());
  EXPECT_THAT(found.broken, IsEmpty());
  EXPECT_THAT(found.open,
              AllOf(Contains(AllOf(HasSubstr("the plugin"), HasSubstr("/nonexistent/file.so"))),
                    Contains(AllOf(HasSubstr("handlers"), HasSubstr("/nonexistent/file.so"))),
                    Contains(HasSubstr("only another run shows"))));
  const auto here = verify(c.dump(), {{}, {}, options_.with.kernels});  // in the installation
  EXPECT_THAT(here.held, Contains(HasSubstr("the hash of " + options_.with.kernels.string())));
}

TEST_F(certificate, of_a_run_that_is_no_whole_one_certifies_no_level) {
  struct row {
    const char* verdict;
    json unset;
    const char* key;
    std::function<void(run_options&)> set;
  };
  for (const auto& [verdict, unset, key, set] :
       {row{"only a part was run", "", "filter", [](run_options& o) { o.filter = "queue"; }},
        row{"one script was replayed", "", "replay",
            [](run_options& o) { o.with.replay = "push"; }},
        row{"the cases were not isolated", false, "in_process",
            [](run_options& o) { o.in_process = true; }},
        row{"the handlers were of another module", false, "other_kernels",
            [](run_options& o) { o.other_kernels = true; }}}) {
    auto options = options_;
    set(options);
    auto c = json::parse(certificate_of(options, run_));
    EXPECT_EQ(c["verdict"], verdict);
    const auto found = verify(c.dump());
    EXPECT_THAT(found.broken, IsEmpty()) << verdict;
    EXPECT_EQ(found.level, std::nullopt) << verdict;
    EXPECT_EQ(found.no_level, verdict);
    c["run"][key] = unset;  // as if it had been a whole one
    EXPECT_THAT(broken(c), SizeIs(2)) << verdict;
  }
}

TEST_F(certificate, of_a_plugin_that_cannot_be_used_certifies_nothing) {
  run_.unusable = true;
  run_.cases.resize(2);
  EXPECT_EQ(document()["verdict"], "the plugin cannot be used");
  const auto found = verify(text());
  EXPECT_THAT(found.broken, IsEmpty());
  EXPECT_EQ(found.level, std::nullopt);
}

TEST_F(certificate, leaves_out_only_what_the_plugin_does_not_advertise) {
  auto c = document();
  auto& one = c["cases"][index_of_one_that_needs()];
  const std::string capability = one["capability"];
  c["plugin"]["capabilities"] = {capability};
  EXPECT_THAT(broken(c), ElementsAre(HasSubstr("for want of '" + capability + "'")));
  c["run"]["options"] = "placement=here";  // with which a kernel may lack it
  EXPECT_THAT(broken(c), IsEmpty());
  c["plugin"]["capabilities"] = json::array();
  one["capability"] = "queue.telepathy";  // which the case does not need
  EXPECT_THAT(broken(c), ElementsAre(HasSubstr("for want of 'queue.telepathy'")));
}

TEST_F(certificate, waives_only_by_a_waiver_that_was_in_force) {
  run_.cases[5] = with(outcome::waived, 5);
  EXPECT_THAT(broken(text()), ElementsAre(HasSubstr(run_.cases[5].of->name() + " has none")));
  options_.waivers = {{run_.cases[5].of->name(), "known", "https://example.org/1", "2999-01-31"}};
  EXPECT_EQ(document()["verdict"], "conforms, with waivers");
  EXPECT_THAT(broken(text()), IsEmpty());
  EXPECT_THAT(broken(replaced(text(), "2999-01-31", "2020-01-31")), SizeIs(1));
}

TEST_F(certificate, of_the_older_form_is_read_and_certifies_no_level) {
  auto c = document();
  c["schema"] = older_certificate_schema;
  for (const char* key : {"replay", "in_process"}) c["run"].erase(key);
  for (const char* key : {"certified_level", "usable", "waivers"}) c.erase(key);
  for (auto& one : c["cases"]) one.erase("capability");
  const auto found = verify(c.dump());
  EXPECT_THAT(found.broken, IsEmpty());
  EXPECT_EQ(found.level, std::nullopt);
  EXPECT_THAT(found.no_level, HasSubstr("does not say whether"));
  c["counts"] = 5;  // what is wrong in one must not be taken for what is right
  EXPECT_THROW((void)verify(c.dump()), error);
}

// ---- the form

json schema() {
  std::ifstream in(test::source_dir() / ".." / "conformance" / "certificate.schema.json");
  return json::parse(in);
}

// Fields that the schema names and none of `all` has.
void look_for_unused(const json& part, const json& root, const std::vector<json>& all,
                     const std::string& at, std::vector<std::string>& unused) {
  if (part.contains("$ref"))
    return look_for_unused(root.at(json::json_pointer(part["$ref"].get<std::string>().substr(1))),
                           root, all, at, unused);
  if (part.contains("items")) {
    std::vector<json> items;
    for (const auto& each : all) items.insert(items.end(), each.begin(), each.end());
    look_for_unused(part["items"], root, items, at + "[]", unused);
  }
  const json properties = part.value("properties", json::object());
  for (const auto& [name, field] : properties.items()) {
    std::vector<json> values;
    for (const auto& each : all)
      if (each.contains(name)) values.push_back(each[name]);
    if (values.empty()) unused.push_back(at + "." + name);
    look_for_unused(field, root, values, at + "." + name, unused);
  }
}

TEST_F(certificate, has_exactly_the_fields_that_its_schema_names) {
  have_everything();
  const auto c = document();
  EXPECT_EQ(c["schema"], schema()["$id"]);
  EXPECT_EQ(c["schema"], certificate_schema);
  EXPECT_THAT(deviations(c, schema()), IsEmpty());
  std::vector<std::string> unused;
  look_for_unused(schema(), schema(), {c}, "", unused);
  EXPECT_THAT(unused, IsEmpty());
}

TEST_F(certificate, is_broken_with_a_field_missing_or_added_or_of_another_kind) {
  have_everything();
  run_.cases.resize(10);
  const auto sound = document();
  for (const char* part : {"", "plugin", "device", "run", "suite", "counts"}) {
    const json::json_pointer at(*part == 0 ? "" : "/" + std::string(part));
    for (const auto& [key, value] : sound[at].items()) {
      auto without = sound, other = sound;
      without[at].erase(key);
      EXPECT_THAT(deviations(without, schema()), Contains(HasSubstr(key + " is missing")));
      other[at][key] = json::array({json::array()});
      EXPECT_THAT(deviations(other, schema()), SizeIs(Ge(1u))) << part << "." << key;
    }
    auto more = sound;
    more[at]["extra"] = 1;
    EXPECT_THAT(deviations(more, schema()), ElementsAre(HasSubstr("extra is no field")));
  }
  auto other = sound;
  other["run"]["mode"] = "sideways";
  EXPECT_THAT(broken(other),
              ElementsAre(AllOf(HasSubstr("the form: run.mode"), HasSubstr("enum"))));
}

TEST(json_form, refuses_a_schema_that_it_does_not_understand) {
  EXPECT_THROW((void)deviations(json::object(), {{"minProperties", 5}}), std::logic_error);
  EXPECT_THROW((void)deviations(json::object(), {{"type", "date"}}), std::logic_error);
}

}  // namespace
}  // namespace rondo::conformance
