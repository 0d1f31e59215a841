// Sleeping consumers on real rings: no wake-up is lost. Nobody spins, so every message needs one; a
// wake-up that is lost shows as a park that lasts until its deadline. All of it runs a second time
// in a child process that is denied membarrier(2).
#include "support.hpp"

#include <rondo/ring/wait.hpp>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <thread>
#include <vector>

namespace rondo::test {
namespace {

using ring::now_ns;

constexpr std::uint64_t too_long_ns = 15'000'000'000;
constexpr int exchanges = 3000;

// A ring whose consumer parks whenever the ring is empty.
class parked_end {
 public:
  explicit parked_end(const ring_shape& shape)
      : memory_(make_ring(shape)), producer_(memory_.view()), consumer_(memory_.view()) {}

  void push(std::uint64_t id) {
    while (push_id(producer_, id, 16) != RONDO_OK) {
      if (given_up_) return;
      std::this_thread::yield();
    }
    ring::wake_if_parked(memory_.wake_line());
  }
  // Nobody pops any more: producers need not wait for space.
  void give_up() { given_up_ = true; }
  // Fails if a park lasted to its deadline.
  ::testing::AssertionResult pop(std::uint64_t& id) {
    ring::message m;
    while (consumer_.peek(m) != RONDO_OK) {
      const std::uint64_t deadline = now_ns() + too_long_ns;
      ring::park(memory_.wake_line(), deadline, [&] { return consumer_.peek(m) == RONDO_OK; });
      if (now_ns() >= deadline) return ::testing::AssertionFailure() << "a wake-up was lost";
    }
    id = m.header->message_id;
    const auto whole = is_message(m, id, 16);
    consumer_.release();
    return whole;
  }

 private:
  backend::ring_memory memory_;
  ring::producer<> producer_;
  ring::consumer<> consumer_;
  std::atomic<bool> given_up_{false};
};

class parking : public ::testing::TestWithParam<publication> {};

TEST_P(parking, ping_pong_between_two_sleepers_loses_no_wake_up) {  // RING-09
  parked_end there({GetParam(), 2, 16, true});
  parked_end back({GetParam(), 2, 16, true});
  std::atomic<int> echoed{0};
  std::thread echo([&] {
    for (int i = 0; i < exchanges; ++i) {
      std::uint64_t id = 0;
      const auto popped = there.pop(id);
      if (!popped) ADD_FAILURE() << popped.message();
      back.push(popped ? id + 1 : 0);
      if (!popped) return;
      ++echoed;
    }
  });
  for (std::uint64_t i = 0; i < exchanges; ++i) {
    there.push(2 * i);
    std::uint64_t id = 0;
    const auto popped = back.pop(id);
    EXPECT_TRUE(popped) << popped.message();
    if (!popped || id != 2 * i + 1) break;
  }
  echo.join();
  EXPECT_EQ(echoed, exchanges);
}

TEST_P(parking, several_producers_wake_one_sleeper_for_every_message) {
  constexpr unsigned producers = 3;
  parked_end end({GetParam(), 4, 16, false});
  std::vector<std::thread> threads;
  for (unsigned p = 0; p < producers; ++p)
    threads.emplace_back([&end, p] {
      for (std::uint64_t i = 0; i < exchanges; ++i) {
        end.push(std::uint64_t{p} << 32 | i);
        // Give the consumer the time to fall asleep, at a different moment each time.
        for (std::uint64_t pause = 0; pause < i % 64; ++pause) ring::platform::pause();
        if (i % 4 == 0) std::this_thread::yield();
      }
    });
  std::vector<std::uint64_t> next(producers, 0);
  for (unsigned i = 0; i < producers * exchanges && !HasFailure(); ++i) {
    std::uint64_t id = 0;
    EXPECT_TRUE(end.pop(id));
    EXPECT_EQ(id & 0xffffffff, next.at(id >> 32)++);
  }
  end.give_up();
  for (auto& t : threads) t.join();
}

INSTANTIATE_TEST_SUITE_P(every_publication, parking,
                         ::testing::Values(publication::word, publication::counted,
                                           publication::apart, publication::chunked),
                         [](const auto& which) { return name_of(which.param); });

// ---- the last look ------------------------------------------------------------------------------

// Two threads that meet again and again at a numbered point.
class meeting {
 public:
  void arrive(std::uint64_t round) {
    arrived_.fetch_add(1);
    for (int looks = 0; arrived_.load(std::memory_order_acquire) < 2 * round; ++looks)
      if (looks > 2000) std::this_thread::yield();
  }

 private:
  std::atomic<std::uint64_t> arrived_{0};
};

// One thread announces its sleep and takes its last look at the moment at which the other publishes
// and asks whether anybody sleeps. One of the two must see the other. Needs two processors to mean
// much.
TEST(parking_setup, either_the_sleeper_sees_the_message_or_its_producer_sees_the_sleeper) {
  constexpr std::uint64_t most_rounds = 30'000;
  constexpr std::uint64_t time_ns = 2'000'000'000;  // on a busy machine the rounds end earlier
  ring::wake_line line{};
  alignas(128) std::uint64_t published = 0;
  std::atomic<bool> more{true};
  meeting begin, looked, end;
  std::thread producer([&] {
    for (std::uint64_t round = 1; more.load(); ++round) {
      begin.arrive(round);
      __atomic_store_n(&published, round, __ATOMIC_RELAXED);
      ring::wake_if_parked(&line);
      looked.arrive(round);
      end.arrive(round);
    }
  });
  std::uint64_t lost = 0;
  std::uint64_t round = 1;
  for (const std::uint64_t start = now_ns(); more.load(); ++round) {
    begin.arrive(round);
    ring::park(&line, 0, [&] {
      const bool saw_message = __atomic_load_n(&published, __ATOMIC_RELAXED) == round;
      looked.arrive(round);
      const bool was_seen = __atomic_load_n(&line.waiting, __ATOMIC_RELAXED) == 0;
      lost += !saw_message && !was_seen ? 1 : 0;
      return true;
    });
    more.store(round < most_rounds && now_ns() - start < time_ns);
    end.arrive(round);
  }
  producer.join();
  EXPECT_EQ(lost, 0u) << "of " << round - 1;
}

// ---- without membarrier -------------------------------------------------------------------------

constexpr const char* no_membarrier = "RONDO_TEST_NO_MEMBARRIER";

TEST(parking_setup, uses_membarrier_unless_it_is_denied) {
  const bool denied = std::getenv(no_membarrier) != nullptr;
  const bool supported = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) > 0;
  EXPECT_EQ(ring::detail::has_membarrier, supported);
  if (denied) {
    EXPECT_FALSE(ring::detail::has_membarrier);
  }
}

// From now on membarrier(2) fails with ENOSYS in this process and in what it executes.
bool deny_membarrier() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{sizeof code / sizeof *code, code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

constexpr int cannot_deny = 77;

// Runs this program's parking tests in a child; returns its exit status.
int run_without_membarrier() {
  const pid_t child = fork();
  if (child == 0) {
    if (!deny_membarrier()) _exit(cannot_deny);
    setenv(no_membarrier, "1", 1);
    unsetenv("GTEST_OUTPUT");  // the report is the parent's
    execl("/proc/self/exe", "test_ring", "--gtest_filter=*parking*-*without_membarrier*",
          "--gtest_brief=1", static_cast<char*>(nullptr));
    _exit(126);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST(parking_setup, loses_no_wake_up_without_membarrier) {
  const int status = run_without_membarrier();
  if (status == cannot_deny) GTEST_SKIP() << "this system has no seccomp filters to deny it with";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace rondo::test
