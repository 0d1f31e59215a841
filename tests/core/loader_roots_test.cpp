// Where the loader looks, in which order, and where it never looks.
#include <rondo/loader.hpp>

#include "loader_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace {

using namespace loader_support;
using rondo::root_origin;
using rondo::root_status;
using testing::ElementsAre;
using testing::HasSubstr;

// All places on, in an environment that holds nothing else.
class loader_roots : public testing::Test {
 protected:
  const rondo::search_root* root_of(const rondo::load_report& report, root_origin origin) {
    const auto& roots = report.roots;
    const auto found = std::find_if(roots.begin(), roots.end(),
                                    [&](const auto& root) { return root.origin == origin; });
    return found == roots.end() ? nullptr : &*found;
  }

  std::string file_names(const rondo::load_report& report) {
    std::string names;
    for (const auto& it : report.candidates) names += it.path.filename().string() + " ";
    return names;
  }

  scratch_directory dir_, home_;
  scoped_variable path_variable_{"RONDO_PLUGIN_PATH", std::nullopt};
  scoped_variable data_variable_{"XDG_DATA_HOME", std::nullopt};
  scoped_variable home_variable_{"HOME", home_.path().string()};
};

TEST_F(loader_roots, a_missing_directory_named_explicitly_is_recorded_with_its_code) {
  const auto report = load_from(dir_.path() / "absent");
  ASSERT_EQ(report.roots.size(), 1u);
  EXPECT_EQ(report.roots[0].path, dir_.path() / "absent");
  EXPECT_EQ(report.roots[0].origin, root_origin::argument);
  EXPECT_EQ(report.roots[0].status, root_status::does_not_exist);
  EXPECT_EQ(report.roots[0].code, RONDO_NO_SUCH_DIRECTORY);
  EXPECT_EQ(nothing_usable(report).code, RONDO_NO_SUCH_DIRECTORY);
  EXPECT_THAT(nothing_usable(report).message, HasSubstr("absent"));
}

TEST_F(loader_roots, an_empty_directory_has_no_plugins) {
  const auto report = load_from(dir_.path());
  EXPECT_EQ(report.roots.at(0).status, root_status::searched);
  EXPECT_EQ(report.roots.at(0).entries, 0u);
  EXPECT_TRUE(report.candidates.empty());
  EXPECT_EQ(nothing_usable(report).code, RONDO_NO_PLUGINS);
  EXPECT_FALSE(nothing_usable(report).remedy.empty());
}

TEST_F(loader_roots, an_argument_may_name_one_file) {
  dir_.put_fixture("second");
  const auto file = dir_.put_fixture("minimal", "any_name");
  const auto report = load_from(file);
  ASSERT_EQ(report.candidates.size(), 1u);
  EXPECT_TRUE(report.candidates[0].accepted()) << to_text(report);
  EXPECT_EQ(report.candidates[0].path, file);
  fs::create_symlink("nowhere", dir_.path() / "dangling.so");
  EXPECT_EQ(load_from(dir_.path() / "dangling.so").candidates.at(0).verdict,
            rondo::verdict::not_a_shared_object);
}

TEST_F(loader_roots, entries_are_tried_in_the_order_of_their_names) {  // LOAD-06
  for (const auto* name : {"b.so", "a.so", "C.so", "a-1.so", "ab.so", "libx.so.1", "so", ".so"})
    dir_.put(name, "text");
  const auto report = load_from(dir_.path());
  EXPECT_EQ(file_names(report), "C.so a-1.so a.so ab.so b.so ");
  EXPECT_EQ(report.roots[0].entries, 8u);
  EXPECT_EQ(report.roots[0].candidates, 5u);
}

TEST_F(loader_roots, places_are_searched_in_the_documented_order) {  // LOAD-06
  dir_.put("argument/z.so", "");
  dir_.put("first/y.so", "");
  dir_.put("second/x.so", "");
  home_.put(".local/share/rondo/plugins/w.so", "");
  const scoped_variable variable("RONDO_PLUGIN_PATH", (dir_.path() / "first").string() + ":" +
                                                          (dir_.path() / "second").string());
  rondo::loader_options options;
  options.paths = {dir_.path() / "argument"};
  const auto report = load_plugins(options);
  std::vector<root_origin> origins;
  for (const auto& root : report.roots) origins.push_back(root.origin);
  EXPECT_THAT(origins,
              ElementsAre(root_origin::argument, root_origin::environment, root_origin::environment,
                          root_origin::user_directory, root_origin::installed_directory));
  EXPECT_THAT(file_names(report), testing::StartsWith("z.so y.so x.so w.so "));
  EXPECT_EQ(report.candidates[3].root, 3u);
}

TEST_F(loader_roots, each_place_can_be_switched_off) {
  const scoped_variable variable("RONDO_PLUGIN_PATH", dir_.path().string());
  rondo::loader_options options;
  options.use_environment = options.use_user_directory = options.use_installed_directory = false;
  EXPECT_TRUE(load_plugins(options).roots.empty());
  options.use_environment = true;
  EXPECT_EQ(load_plugins(options).roots.size(), 1u);
}

TEST_F(loader_roots, plugins_are_found_through_the_environment) {
  dir_.put_fixture("minimal");
  const scoped_variable variable("RONDO_PLUGIN_PATH", dir_.path().string());
  auto options = only_in({});
  options.use_environment = true;
  EXPECT_TRUE(load_plugins(options).any_accepted());
}

TEST_F(loader_roots, the_working_directory_is_never_searched_by_way_of_the_environment) {
  const auto before = fs::current_path();
  dir_.put("here.so", "text");
  fs::current_path(dir_.path());
  const scoped_variable variable("RONDO_PLUGIN_PATH", ":.:./sub::" + home_.path().string() + ":");
  const auto report = load_plugins(rondo::loader_options{});
  fs::current_path(before);
  EXPECT_EQ(file_names(report).find("here.so"), std::string::npos);
  ASSERT_GE(report.roots.size(), 3u);
  EXPECT_EQ(report.roots[0].status, root_status::ignored);
  EXPECT_THAT(report.roots[0].reason, HasSubstr("not absolute"));
  EXPECT_EQ(report.roots[1].status, root_status::ignored);
  EXPECT_EQ(report.roots[2].status, root_status::searched);
  EXPECT_EQ(report.roots[2].path, home_.path());
}

TEST_F(loader_roots, with_elevated_privileges_the_environment_is_ignored_and_the_report_says_so) {
  dir_.put("first.so", "text");
  home_.put(".local/share/rondo/plugins/w.so", "text");
  const scoped_variable variable("RONDO_PLUGIN_PATH", dir_.path().string());
  rondo::loader_options options;
  options.distrust_environment = true;
  options.use_installed_directory = false;
  const auto report = load_plugins(options);
  EXPECT_TRUE(report.candidates.empty());
  ASSERT_EQ(report.roots.size(), 2u);
  for (const auto& root : report.roots) {
    EXPECT_EQ(root.status, root_status::ignored);
    EXPECT_THAT(root.reason, HasSubstr("elevated privileges"));
  }
  EXPECT_THAT(to_text(report), HasSubstr("ignored: the process has elevated privileges"));
}

TEST_F(loader_roots, the_user_directory_follows_the_xdg_rules) {
  const auto path_now = [&] {
    return root_of(load_plugins(rondo::loader_options{}), root_origin::user_directory)->path;
  };
  EXPECT_EQ(path_now(), home_.path() / ".local/share/rondo/plugins");
  {
    const scoped_variable data("XDG_DATA_HOME", dir_.path().string());
    EXPECT_EQ(path_now(), dir_.path() / "rondo/plugins");
  }
  {
    const scoped_variable data("XDG_DATA_HOME", "relative");
    EXPECT_EQ(path_now(), home_.path() / ".local/share/rondo/plugins");
  }
  const scoped_variable home("HOME", std::nullopt);
  const auto report = load_plugins(rondo::loader_options{});
  EXPECT_EQ(root_of(report, root_origin::user_directory)->status, root_status::ignored);
}

TEST_F(loader_roots, the_installed_directory_lies_beside_the_library) {
  const auto report = load_plugins(rondo::loader_options{});
  const auto* const root = root_of(report, root_origin::installed_directory);
  ASSERT_NE(root, nullptr);
  EXPECT_EQ(root->path, fs::canonical(rondo::test::lib_dir()) / "rondo/plugins");
  EXPECT_EQ(root->code, RONDO_OK);
}

TEST_F(loader_roots, a_directory_is_searched_once_by_whatever_name) {
  dir_.put("a.so", "text");
  fs::create_directory_symlink(dir_.path(), home_.path() / "link");
  const auto report =
      rondo::load_plugins(only_in({dir_.path(), home_.path() / "link", dir_.path() / "."}));
  EXPECT_EQ(report.candidates.size(), 1u);
  EXPECT_EQ(report.roots[0].status, root_status::searched);
  for (const auto i : {1, 2}) {
    EXPECT_EQ(report.roots[static_cast<std::size_t>(i)].status, root_status::ignored);
    EXPECT_THAT(report.roots[static_cast<std::size_t>(i)].reason, HasSubstr(dir_.path().native()));
  }
}

TEST_F(loader_roots, a_file_in_place_of_a_directory_is_told) {
  const scoped_variable variable("RONDO_PLUGIN_PATH", dir_.put("file", "text").string());
  auto options = only_in({});
  options.use_environment = true;
  const auto report = load_plugins(options);
  EXPECT_EQ(report.roots.at(0).status, root_status::not_a_directory);
  EXPECT_THAT(to_text(report), HasSubstr("not a directory"));
}

}  // namespace
