// What a library does to the process that it is loaded into: nothing that anyone sees.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"
#include "../support/system.hpp"

#include <rondo/host_services.hpp>

#include <spdlog/logger.h>

#include <array>
#include <csignal>

namespace rondo::conformance {

namespace {

// A whole life, with something to complain about in it.
void live(bench& it) {
  test_kernel kernel(it);
  kernel.start();
  kernel.send(kernels::nonce_request{});
  (void)kernel.receive();
  kernel.deactivate();
  (void)kernel.try_launch(1'000'000'000);
  rondo_kernel* none = nullptr;
  kernel_spec wrong;
  wrong.options = {{"no.such.option", "1"}};
  if (try_create(it, wrong, none) == RONDO_OK) it.api().kernel.destroy(none);
  kernel.terminate();
}

}  // namespace

RONDO_CASE(plugin, behave, it_writes_nothing_to_the_terminal, core, "ABI-08", "") {
  rondo::use_logger(std::make_shared<spdlog::logger>("nowhere"));
  std::string written;
  {
    terminal_watch watch;
    live(it);
    it.close_device();
    it.close_backend();
    written = watch.written();
  }
  require(written.empty(), "the plugin wrote to the terminal: \"" + written +
                               "\"; what it has to say goes to rondo_host_services.log");
}

RONDO_CASE(plugin, behave, its_entry_starts_no_thread, loads, "ABI-09", "") {
  const auto before = count_holdings();
  const auto begin = now_ns();
  (void)it.plugin();
  require(now_ns() - begin < 5'000'000'000, "loading the plugin took more than five seconds");
  const auto after = count_holdings(before.threads);
  expect_equal(after.threads, before.threads,
               "the number of threads after the entry was called, which starts none,");
}

namespace {

constexpr std::array signals = {SIGSEGV, SIGABRT, SIGTERM, SIGINT, SIGUSR1, SIGPIPE, SIGCHLD};
using handlers = std::array<void (*)(int), signals.size()>;

handlers handlers_now() {
  handlers all{};
  for (std::size_t i = 0; i < signals.size(); ++i) {
    struct sigaction now {};
    ::sigaction(signals[i], nullptr, &now);
    all[i] = now.sa_handler;
  }
  return all;
}
// Before main(): before any plugin of this process was entered.
const handlers handlers_at_start = handlers_now();

}  // namespace

RONDO_CASE(plugin, behave, signal_handlers_stay_the_hosts, core, "ABI-06", "") {
  live(it);
  const auto now = handlers_now();
  for (std::size_t i = 0; i < signals.size(); ++i)
    require(now[i] == handlers_at_start[i],
            "the plugin has put a handler of its own on signal " + std::to_string(signals[i]));
}

RONDO_CASE(plugin, behave, no_call_lets_an_exception_out, core, "ABI-06", "") {
  try {
    live(it);
    count_check();
  } catch (const case_failure&) {
    throw;
  } catch (const std::exception& thrown) {
    fail(std::string("an exception crossed the C boundary: ") + thrown.what());
  } catch (...) {
    fail("an exception that is no std::exception crossed the C boundary");
  }
}

}  // namespace rondo::conformance
