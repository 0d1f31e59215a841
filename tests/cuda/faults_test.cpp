// What costs a process: hangs, faults of the device, and hosts that fall silent. What they leave
// behind is kept for the life of the process, so each runs in one of its own, and its test looks at
// that.
#include "support.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

namespace cuda_test {
namespace {

std::string output_of_child(const std::string& filter, const std::string& environment = "") {
  const std::string command = environment + " RONDO_CUDA_CHILD=1 exec timeout 50 /proc/" +
                              std::to_string(::getpid()) + "/exe --gtest_filter='" + filter +
                              "' 2>&1";
  std::string text;
  FILE* child = ::popen(command.c_str(), "r");
  for (int c; child != nullptr && (c = std::fgetc(child)) != EOF;) text += static_cast<char>(c);
  const int status = child != nullptr ? ::pclose(child) : -1;
  return text + "\nexit " + std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}
bool is_child() { return std::getenv("RONDO_CUDA_CHILD") != nullptr; }

class child : public on_gpu {
 protected:
  void SetUp() override {
    if (!is_child()) GTEST_SKIP() << "runs as a part of another test";
    on_gpu::SetUp();
  }
};

TEST_F(child, waits_for_no_hung_handler) {
  auto options = how();
  options.handler_deadline = 100ms;
  auto slow = rt->launch<sleeper>(options);
  auto other = rt->launch<plain_teller>(how());
  slow.activate();
  other.activate();
  question q = ask(16);
  q.value[0] = 2500;
  const auto hung = slow.call(q, 10s);
  ASSERT_FALSE(hung.has_value());
  EXPECT_EQ(hung.code(), RONDO_HANDLER_HUNG);
  EXPECT_EQ(slow.snapshot().failure_code, RONDO_HANDLER_HUNG);
  converse(other, 1, 20);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THROW(slow.terminate({rondo::terminate_mode::discard, 200ms}), rondo::error);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1300ms);
  EXPECT_EQ(slow.state(), rondo::kernel_state::failed);
  EXPECT_EQ(property(*rt, "abandoned_grids"), "1");
  converse(other, 1, 20);
}

TEST_F(on_gpu, a_handler_past_its_deadline_is_reported_and_the_others_go_on) {
  const std::string output = output_of_child("child.waits_for_no_hung_handler");
  EXPECT_NE(output.find("[  PASSED  ] 1 test"), std::string::npos) << output;
}

// The driver would wait for it with the code of a new module, and perhaps for ever.
TEST_F(child, loads_nothing_beside_a_grid_that_was_abandoned) {
  auto options = how();
  options.handler_deadline = 100ms;
  auto slow = rt->launch<sleeper>(options);
  auto other = rt->launch<plain_teller>(how());
  slow.activate();
  other.activate();
  question q = ask(16);
  q.value[0] = 8000;
  EXPECT_EQ(slow.call(q, 5s).code(), RONDO_HANDLER_HUNG);
  EXPECT_THROW(slow.terminate({rondo::terminate_mode::discard, 100ms}), rondo::error);
  ASSERT_EQ(property(*rt, "abandoned_grids"), "1");
  const auto begin = std::chrono::steady_clock::now();
  try {
    rt->launch<vector_add>(of_another_module());
    ADD_FAILURE() << "it was launched";
  } catch (const rondo::error& refused) {
    EXPECT_EQ(refused.code(), RONDO_TIMEOUT);
    EXPECT_NE(refused.message().find("abandoned"), std::string::npos) << refused.message();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s) << "nobody knows when it will end";
  converse(other, 1, 20);
  // Of a module that is loaded another kernel can be launched.
  auto late = rt->launch<other_teller>(small(how(), "late"));
  late.activate();
  converse(late, 2, 20);
}

TEST_F(on_gpu, beside_an_abandoned_grid_the_code_of_a_new_module_is_refused) {
  const std::string output =
      output_of_child("child.loads_nothing_beside_a_grid_that_was_abandoned");
  EXPECT_NE(output.find("[  PASSED  ] 1 test"), std::string::npos) << output;
}

class waiting_for_a_busy_handler : public on_gpu,
                                   public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(placements, waiting_for_a_busy_handler,
                         ::testing::Values("pinned", "event"));

// Its code is loaded when no kernel is there; until then, and if that takes too long, all others
// keep their leases and go on.
TEST_P(waiting_for_a_busy_handler, a_new_module_gives_up_in_time_and_harms_nobody) {
  auto busy = rt->launch<sleeper>(how(GetParam()));
  busy.activate();
  auto leased = how();
  leased.lease = 500ms;
  auto other = rt->launch<plain_teller>(leased);
  other.activate();
  converse(other, 1, 20);
  question q = ask(16);
  q.value[0] = 5000;
  ASSERT_TRUE(busy.send(q, 1s).has_value());
  std::this_thread::sleep_for(100ms);  // it is at work
  const auto begin = std::chrono::steady_clock::now();
  try {
    rt->launch<vector_add>(of_another_module());
    ADD_FAILURE() << "it was launched";
  } catch (const rondo::error& refused) {
    EXPECT_EQ(refused.code(), RONDO_TIMEOUT) << refused.message();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4500ms) << "before the handler was done";
  converse(other, 1, 20);
  EXPECT_EQ(other.state(), rondo::kernel_state::active);
  const auto reply = busy.receive(5s);
  ASSERT_TRUE(reply.has_value() && reply->outcome.has_value());
  EXPECT_EQ(reply->outcome->proof, secret(16, 6));
  auto late = rt->launch<vector_add>(of_another_module());
  late.activate();
  add_two_vectors(late);
  converse(other, 1, 20);
}

// The ping's questions are not written, and auto has to do without resident kernels.
TEST_F(child, takes_its_device_for_one_that_hides_what_the_host_writes) {
  auto options = how("auto");
  options.timed = true;
  auto kernel = rt->launch<plain_teller>(options);
  EXPECT_EQ(property(*rt, "placement"), "event");
  EXPECT_EQ(property(*rt, "ping_pinned").rfind("none: ", 0), 0u) << property(*rt, "ping_pinned");
  EXPECT_EQ(property(*rt, "ping_pinned_p50_ns"), "");
  EXPECT_GT(std::stoull(property(*rt, "clock_error_ns")), 0u) << "compared by launches";
  kernel.activate();
  converse(kernel, 1, 50);
  rondo::send_options soon;
  soon.ttl = 2s;
  const auto reply = kernel.call(ask(16), 5s, soon);
  ASSERT_TRUE(reply.has_value()) << reply.failure().message;
  EXPECT_EQ(reply->proof, secret(16, 1));
  // Nothing waits for it: it is there only while there is something to do.
  auto late = rt->launch<vector_add>(of_another_module());
  late.activate();
}

TEST_F(on_gpu, where_no_resident_kernel_sees_the_hosts_writes_auto_is_event_driven) {
  const std::string output = output_of_child(
      "child.takes_its_device_for_one_that_hides_what_the_host_writes", "RONDO_CUDA_HIDE_WRITES=1");
  EXPECT_NE(output.find("[  PASSED  ] 1 test"), std::string::npos) << output;
}

TEST_F(child, breaks_its_device) {
  auto kernel = rt->launch<breaker>(how());
  kernel.activate();
  ASSERT_TRUE(kernel.call(question{}, 5s).has_value());
  question q{};
  q.nonce = 0x10;
  // The device notices a stray store some time after it, and a quick handler's reply may be out by
  // then; no later one is.
  auto lost = kernel.call(q, 10s);
  if (lost.has_value()) {
    std::this_thread::sleep_for(100ms);
    lost = kernel.call(question{}, 10s);
  }
  ASSERT_FALSE(lost.has_value());
  EXPECT_EQ(lost.code(), RONDO_DEVICE_LOST) << lost.failure().message;
  EXPECT_NE(lost.failure().message.find("ILLEGAL_ADDRESS"), std::string::npos)
      << lost.failure().message;
  EXPECT_EQ(kernel.state(), rondo::kernel_state::failed);
  EXPECT_THROW(rt->launch<plain_teller>(how()), rondo::error);
  rondo::launch_options on_cpu;
  on_cpu.backend = "cpu";
  on_cpu.module = "cuda_kernels";
  auto well = rt->launch<other_teller>(on_cpu);
  well.activate();
  const auto reply = well.call(ask(16), 5s);
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->proof, secret(16, 2));
  EXPECT_THROW(kernel.terminate(), rondo::error);
}

TEST_F(on_gpu, an_illegal_access_fails_the_device_and_not_the_process) {
  const std::string output = output_of_child("child.breaks_its_device");
  EXPECT_NE(output.find("[  PASSED  ] 1 test"), std::string::npos) << output;
}

// Launches kernels, says so, and waits to be stopped or killed.
TEST_F(child, waits_with_resident_kernels) {
  auto options = how();
  options.lease = 500ms;
  std::vector<rondo::kernel<plain_teller>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(rt->launch<plain_teller>(small(options, "k" + std::to_string(i))));
    all.back().activate();
  }
  std::puts("ready");
  std::fflush(stdout);
  const bool failed = soon(
      [&] {
        return std::all_of(all.begin(), all.end(), [](auto& kernel) {
          return kernel.state() == rondo::kernel_state::failed;
        });
      },
      20s);
  std::printf("failed %d: %s\n", failed, all[0].snapshot().failure.c_str());
  std::fflush(stdout);
}

struct held_child {
  pid_t pid = -1;
  FILE* output = nullptr;

  held_child() {
    int ends[2];
    if (::pipe(ends) != 0) return;
    pid = ::fork();
    if (pid == 0) {
      ::dup2(ends[1], 1);
      ::setenv("RONDO_CUDA_CHILD", "1", 1);
      ::execl("/proc/self/exe", "test_cuda", "--gtest_filter=child.waits_with_resident_kernels",
              nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    output = ::fdopen(ends[0], "r");
  }
  ~held_child() {
    if (pid > 0) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
    if (output != nullptr) std::fclose(output);
  }
  bool wait_for_line(const std::string& begin, std::string& line) const {
    char text[1024];
    while (output != nullptr && std::fgets(text, sizeof text, output) != nullptr) {
      line = text;
      if (line.rfind(begin, 0) == 0) return true;
    }
    return false;
  }
};

TEST_F(on_gpu, a_killed_host_leaves_no_kernel_behind) {
  {
    held_child other;
    std::string line;
    ASSERT_TRUE(other.wait_for_line("ready", line)) << line;
  }
  // Not 120: this process may have abandoned one in a test before.
  std::vector<rondo::kernel<plain_teller>> all;
  for (int i = 0; i < 110; ++i) {
    all.push_back(rt->launch<plain_teller>(small(how(), "k" + std::to_string(i))));
    all.back().activate();
    converse(all.back(), 1, 1);
  }
}

TEST_F(on_gpu, a_lease_lapses_while_the_host_is_stopped) {
  held_child other;
  std::string line;
  ASSERT_TRUE(other.wait_for_line("ready", line)) << line;
  ::kill(other.pid, SIGSTOP);
  std::this_thread::sleep_for(2s);
  ::kill(other.pid, SIGCONT);
  ASSERT_TRUE(other.wait_for_line("failed", line)) << line;
  EXPECT_NE(line.find("failed 1"), std::string::npos) << line;
  EXPECT_NE(line.find("lease"), std::string::npos) << line;
}

}  // namespace
}  // namespace cuda_test
