// `rondo run`: what passed on which backend, what failed and why, and how each bad input ends.
#include "rondo_command.hpp"

namespace rondo::test {
namespace {

class run : public rondo_command {
 protected:
  const std::string refusing_ = module_fixture("refusing").string();

  json run_as_json(std::vector<std::string> arguments, int exit_code) {
    arguments.insert(arguments.begin(), {"run", "--json"});
    const auto result = rondo(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << said(result);
    return document_of(result);
  }
};

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST_F(run, passes_the_reference_scenario_on_the_installed_plugin) {
  const auto result = rondo({"run", "vector_add", "--backend", "cpu"});
  EXPECT_EQ(result.exit_code, 0) << said(result);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(count_of(result.out, "PASS  "), 3u) << said(result);
  EXPECT_TRUE(
      result.out.ends_with("3 passed, 0 failed on backend cpu (" + cpu_plugin().string() + ")\n"))
      << said(result);
}

TEST_F(run, takes_a_module_by_path_and_one_handler_of_it) {
  const auto result = rondo({"run", refusing_, "--kernel", "Copier"});
  EXPECT_EQ(result.exit_code, 0) << said(result);
  EXPECT_TRUE(result.out.starts_with("PASS  accepting: a nonce  (")) << said(result);
  EXPECT_TRUE(contains(result.out, "\n1 passed, 0 failed on backend cpu (")) << said(result);
}

TEST_F(run, takes_a_module_by_name_from_a_directory_it_is_given) {
  const auto directory = fs::path(refusing_).parent_path().string();
  const auto result = rondo({"run", "refusing", "--kernels", directory, "--kernel", "Copier"});
  EXPECT_EQ(result.exit_code, 0) << said(result);
  set_variable("RONDO_KERNEL_PATH", directory);
  EXPECT_EQ(rondo({"run", "refusing", "--kernel", "Copier"}).exit_code, 0);
}

TEST_F(run, tells_each_failure_with_its_reason_and_goes_on) {
  const auto result = rondo({"run", refusing_});
  EXPECT_EQ(result.exit_code, 1) << said(result);
  EXPECT_TRUE(contains(result.out, "PASS  refusing: number 0  (")) << said(result);
  EXPECT_TRUE(contains(result.out, "FAIL  refusing: number 1  (")) << said(result);
  EXPECT_TRUE(contains(result.out, "only nothing doubled is accepted")) << said(result);
  EXPECT_TRUE(contains(result.out, "FAIL  refusing: number 2  (")) << said(result);
  EXPECT_TRUE(contains(result.out, "two is too many")) << said(result);
  EXPECT_TRUE(contains(result.out, "PASS  accepting: a nonce  (")) << said(result);
  EXPECT_TRUE(contains(result.out, "2 passed, 2 failed on backend cpu (")) << said(result);
}

TEST_F(run, as_JSON_has_every_case) {
  const auto document = run_as_json({refusing_, "--kernel", "Doubler"}, 1);
  expect_keys(document, {"passed", "failed", "runs"});
  EXPECT_EQ(document["passed"], 1);
  EXPECT_EQ(document["failed"], 2);
  ASSERT_EQ(document["runs"].size(), 1u);
  const auto& one = document["runs"][0];
  expect_keys(
      one, {"handler", "module", "backend", "device", "plugin", "passed", "failed", "scenarios"});
  EXPECT_EQ(one["backend"], "cpu");
  EXPECT_EQ(one["plugin"], cpu_plugin().string());
  const auto& cases = one["scenarios"][0]["cases"];
  ASSERT_EQ(cases.size(), 3u);
  for (const auto& each : cases)
    expect_keys(each, {"label", "passed", "code", "failure", "round_trip_ns"});
  EXPECT_EQ(cases[0]["code"], "OK");
  EXPECT_GT(cases[0]["round_trip_ns"], 0);
  EXPECT_FALSE(cases[1]["passed"].get<bool>());
  EXPECT_EQ(cases[2]["code"], "HANDLER_FAILED");
}

TEST_F(run, stats_count_the_messages_that_were_handled) {
  const auto document = run_as_json({refusing_, "--kernel", "Doubler", "--stats"}, 1);
  const auto& stats = document["runs"][0]["stats"];
  EXPECT_EQ(stats["sent"], 3);
  EXPECT_EQ(stats["messages_in"], 3);
  EXPECT_EQ(stats["messages_out"], 3);
  EXPECT_EQ(stats["messages_failed"], 1);
  EXPECT_EQ(stats["messages_dropped"], 0);
  const auto text = rondo({"run", refusing_, "--kernel", "Doubler", "--stats"}).out;
  EXPECT_TRUE(contains(text, "kernel Doubler on cpu")) << text;
  EXPECT_TRUE(contains(text, "3 sent, 3 in, 3 out, 1 failed, 0 dropped")) << text;
  EXPECT_TRUE(contains(text, "0 oldest, 0 newest, 0 expired, 0 repeated, 0 replies")) << text;
}

// Of three requests the first is timed.
TEST_F(run, stats_show_how_long_requests_waited_and_were_handled) {
  const auto document = run_as_json({refusing_, "--kernel", "Doubler", "--stats"}, 1);
  for (const auto* what : {"handling", "queueing"}) {
    const auto& durations = document["runs"][0]["stats"][what];
    expect_keys(durations, {"count", "p50_below_ns", "p90_below_ns", "p99_below_ns", "max_below_ns",
                            "buckets"});
    EXPECT_EQ(durations["count"], 1) << what;
    ASSERT_EQ(durations["buckets"].size(), 1u) << what;
    const auto& bucket = durations["buckets"][0];
    expect_keys(bucket, {"at_least_ns", "below_ns", "count"});
    EXPECT_EQ(bucket["count"], 1);
    EXPECT_EQ(bucket["below_ns"].get<std::uint64_t>(),
              std::max<std::uint64_t>(2, 2 * bucket["at_least_ns"].get<std::uint64_t>()));
    for (const auto* quantile : {"p50_below_ns", "p90_below_ns", "p99_below_ns", "max_below_ns"})
      EXPECT_EQ(durations[quantile], bucket["below_ns"]) << quantile;
  }
  const auto text = rondo({"run", refusing_, "--kernel", "Doubler", "--stats"}).out;
  EXPECT_TRUE(contains(text, "  handling   p50 < ")) << text;
  EXPECT_TRUE(contains(text, "  queueing   p50 < ")) << text;
  EXPECT_TRUE(contains(text, "of 1 sample\n")) << text;
}

TEST_F(run, list_shows_handlers_and_runs_none) {
  const auto result = rondo({"run", refusing_, "--list"});
  EXPECT_EQ(result.exit_code, 0) << said(result);
  for (const auto* part : {"Doubler\n", "Copier\n", "Loner\n", "NumberMessage", "host"})
    EXPECT_TRUE(contains(result.out, part)) << part << said(result);
  EXPECT_FALSE(contains(result.out, "PASS")) << said(result);

  const auto document = run_as_json({refusing_, "--list"}, 0);
  ASSERT_EQ(document["handlers"].size(), 3u);
  for (const auto& each : document["handlers"]) {
    expect_keys(each, {"id", "module", "request", "response", "images", "scenarios"});
    EXPECT_EQ(each["scenarios"], each["id"] == "Loner" ? 0 : 1) << each;
  }
}

TEST_F(run, list_without_a_module_shows_all_in_reach) {
  const auto all = run_as_json({"--list"}, 0)["handlers"];
  ASSERT_FALSE(all.empty());
  EXPECT_TRUE(contains(all.dump(), "VectorAddProcessor")) << all;
}

TEST_F(run, a_handler_or_module_without_a_scenario_executes_nothing) {
  const auto result = rondo({"run", module_fixture("handler_only").string()});
  EXPECT_EQ(result.exit_code, 3) << said(result);
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(contains(result.err, "nothing was executed")) << said(result);
  EXPECT_EQ(rondo({"run", refusing_, "--kernel", "Loner"}).exit_code, 3);
  const auto document = run_as_json({refusing_, "--kernel", "Loner"}, 3);
  EXPECT_TRUE(document["runs"].empty());
  EXPECT_TRUE(document.contains("error"));
}

TEST_F(run, an_unknown_kernel_suggests_the_nearest) {
  const auto result = rondo({"run", refusing_, "--kernel", "Doublr"});
  expect_error(result, 4, "Doublr", "NO_SUCH_KERNEL");
  EXPECT_TRUE(contains(result.err, "Did you mean Doubler?")) << said(result);
}

TEST_F(run, an_unknown_module_is_missing_and_suggests_the_nearest) {
  const auto result = rondo({"run", "vektor_add"});
  EXPECT_EQ(result.exit_code, 2) << said(result);
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(contains(result.err, "[NO_SUCH_MODULE]")) << said(result);
  EXPECT_TRUE(contains(result.err, "vector_add")) << said(result);
}

TEST_F(run, a_module_file_that_is_missing_or_no_module_is_unusable) {
  write_text(work() / "text.so", "no library\n");
  const std::vector<std::pair<fs::path, std::string>> files = {
      {work() / "absent.so", "NO_SUCH_MODULE"},
      {work() / "text.so", "NOT_A_SHARED_OBJECT"},
      {fixture("minimal"), "ENTRY_MISSING"}};
  for (const auto& [path, code] : files) {
    const auto result = rondo({"run", path.string()});
    EXPECT_EQ(result.exit_code, 2) << said(result);
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(contains(result.err, "[" + code + "]")) << said(result);
  }
}

TEST_F(run, an_unknown_backend_suggests_the_nearest_and_runs_nothing) {
  const auto result = rondo({"run", refusing_, "--backend", "cpi"});
  EXPECT_EQ(result.exit_code, 4) << said(result);
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(result.err.starts_with("rondo: cpi: ")) << said(result);
  EXPECT_TRUE(contains(result.err, "Did you mean cpu?")) << said(result);
}

TEST_F(run, an_unknown_device_is_refused) {
  const auto result = rondo({"run", refusing_, "--device", "99"});
  EXPECT_EQ(result.exit_code, 4) << said(result);
  EXPECT_TRUE(contains(result.err, "[NO_SUCH_DEVICE]")) << said(result);
}

TEST_F(run, a_backend_that_loads_and_has_no_device_is_unusable) {
  const auto minimal = fixture("minimal").string();
  const auto result = rondo({"run", refusing_, "--backend", "minimal", "--plugins", minimal});
  EXPECT_EQ(result.exit_code, 2) << said(result);
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(contains(result.err, minimal + ": no usable device")) << said(result);
}

TEST_F(run, launches_as_it_is_told) {
  for (const auto* how : {"word", "counted", "chunked"})
    EXPECT_EQ(rondo({"run", refusing_, "--kernel", "Copier", "--publish", how}).exit_code, 0);
  for (const auto* when : {"always", "never"}) {
    const auto pumped = rondo({"run", refusing_, "--kernel", "Copier", "--pump", when, "--stats"});
    EXPECT_EQ(pumped.exit_code, 0) << said(pumped);
    EXPECT_EQ(contains(pumped.out, "  pump "), when == std::string("always")) << said(pumped);
  }
  const auto plain = fixture("told_c").string();
  const auto on_fixture = [&](std::vector<std::string> more) {
    std::vector<std::string> line = {"run",       refusing_, "--kernel",  "Copier",
                                     "--plugins", plain,     "--backend", "told_c"};
    line.insert(line.end(), more.begin(), more.end());
    return rondo(line);
  };
  EXPECT_EQ(on_fixture({"--option", "a=1", "--option", "b=x=y", "--option", "c="}).exit_code, 0);
  const auto unknown = on_fixture({"--option", "a=1", "--option", "d=1"});
  EXPECT_EQ(unknown.exit_code, 4) << said(unknown);
  EXPECT_TRUE(contains(unknown.err, "no such option")) << said(unknown);
}

TEST_F(run, what_the_backend_cannot_do_is_refused) {
  const auto wide = rondo({"run", refusing_, "--kernel", "Copier", "--grid", "2"});
  EXPECT_EQ(wide.exit_code, 2) << said(wide);
  EXPECT_TRUE(contains(wide.err, "[UNSUPPORTED]")) << said(wide);
  EXPECT_EQ(rondo({"run", refusing_, "--kernel", "Copier", "--block", "2"}).exit_code, 2);
  const auto odd = rondo({"run", refusing_, "--kernel", "Copier", "--option", "speed=fast"});
  EXPECT_EQ(odd.exit_code, 4) << said(odd);
  EXPECT_TRUE(contains(odd.err, "'speed'")) << said(odd);
}

TEST_F(run, an_explicit_plugin_directory_that_is_missing_is_refused) {
  const auto result = rondo({"run", refusing_, "--plugins", "absent"});
  EXPECT_EQ(result.exit_code, 2) << said(result);
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(contains(result.err, "[NO_SUCH_DIRECTORY]")) << said(result);
}

TEST_F(run, without_the_plugin_file_fails_with_a_report_of_where_it_looked) {
  const std::vector<std::string> line = {"run", "vector_add", "--backend", "cpu"};
  ASSERT_EQ(rondo(line).exit_code, 0);
  fs::rename(cpu_plugin(), work() / "rondo_cpu.so");
  const auto result = rondo(line);
  expect_error(result, 2, "backend plugins", "NO_PLUGINS");
  EXPECT_TRUE(contains(result.err, plugins().string() + " (installed directory): "))
      << said(result);
  EXPECT_TRUE(contains(result.err, "Found no file")) << said(result);
  expect_error_object(run_as_json({"vector_add", "--backend", "cpu"}, 2), "NO_PLUGINS");

  fs::rename(work() / "rondo_cpu.so", cpu_plugin());
  EXPECT_EQ(rondo(line).exit_code, 0) << "dropping the file back in is all it takes";
}

TEST_F(run, a_broken_plugin_in_the_way_is_told_with_its_verdict) {
  fs::remove(cpu_plugin());
  write_text(cpu_plugin(), "no library\n");
  const auto result = rondo({"run", "vector_add", "--backend", "cpu"});
  EXPECT_EQ(result.exit_code, 2) << said(result);
  EXPECT_TRUE(contains(result.err, "[NOT_A_SHARED_OBJECT]")) << said(result);
  EXPECT_TRUE(contains(result.err, cpu_plugin().string() + ": not a shared object"))
      << said(result);
}

}  // namespace
}  // namespace rondo::test
