// Random operations on several kernels against a model of kernels and their queues. A sequence that
// the backend and the model disagree on is made shorter as long as they still do, and printed, so
// that the failure can be read and repeated: with --replay, or with the seed.
#include "../model/kernel_model.hpp"
#include "../support/reporter.hpp"
#include "../support/suite.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace rondo::conformance {

namespace {

using std::chrono::seconds;

struct disagreement {
  case_failure failure;
  std::size_t steps;   // until it showed
  std::string blamed;  // the rule
};

std::optional<disagreement> run(bench& it, const model::script& all, nanoseconds patience) {
  std::array<std::unique_ptr<model::kernel_model>, model::kernel_count> kernels;
  std::size_t done = 0;
  try {
    for (const model::step& one : all.steps) {
      ++done;
      auto& kernel = kernels[one.kernel];
      if (kernel == nullptr)
        kernel = std::make_unique<model::kernel_model>(it, one.kernel, all.kernels[one.kernel],
                                                       patience);
      kernel->take(one);
    }
    for (auto& kernel : kernels)
      if (kernel != nullptr) kernel->finish();
  } catch (const case_failure& failure) {
    return disagreement{failure, std::max<std::size_t>(done, 1), current_reporter().current_rule()};
  }
  return std::nullopt;
}

[[noreturn]] void tell(const disagreement& told, const std::string& how) {
  rule(told.blamed);
  case_failure failure = told.failure;
  failure.text += ". " + how;
  throw failure;
}

// How many steps it took to fail as often as `least` of `tries` times; 0 if it did not.
std::size_t steps_to_fail(bench& it, const model::script& some, const disagreement& like, int least,
                          int tries) {
  constexpr auto patience = std::chrono::milliseconds(150);
  std::size_t most = 0;
  for (int left = tries; left >= least && least > 0; --left) {
    const auto again = run(it, some, std::min<nanoseconds>(it.patience(), patience));
    if (!again || again->blamed != like.blamed) continue;
    most = std::max(most, again->steps);
    --least;
  }
  return least == 0 ? most : 0;
}

std::optional<disagreement> run_again(bench& it, const model::script& all, int tries) {
  for (int i = 0; i < tries; ++i)
    if (auto again = run(it, all, std::min<nanoseconds>(it.patience(), seconds(1)))) return again;
  return std::nullopt;
}

[[noreturn]] void tell_shortest(bench& it, model::script all, const disagreement& found) {
  all.steps.resize(found.steps);
  const auto end = now_ns() + 15'000'000'000u;
  // What depends on the threads' pace may need some tries to show; what does not shall not begin
  // to.
  const int least = steps_to_fail(it, all, found, 2, 2) != 0 ? 2 : 1;
  const auto shortest = model::shrink(
      all,
      [&](const model::script& some) {
        return steps_to_fail(it, some, found, least, least == 1 ? 3 : 2);
      },
      [&] { return now_ns() < end; });
  const auto again = run_again(it, shortest, 5);
  const std::string which = std::to_string(found.steps) + " random operations with seed " +
                            std::to_string(it.with().seed);
  if (again)
    tell(*again,
         "Of " + which + " these are enough: --replay \"" + model::to_text(shortest) + "\"");
  tell(found,
       "It does not show each time. The " + which + ": --replay \"" + model::to_text(all) + "\"");
}

void explore(bench& it, int sequences, std::size_t length, nanoseconds budget) {
  if (!it.with().replay.empty()) {
    const auto all = model::parse_script(it.with().replay);
    if (const auto found = run(it, all, it.patience()))
      tell(*found, "That is operation " + std::to_string(found->steps) + " of --replay \"" +
                       model::to_text(all) + "\"");
    return count_check();
  }
  current_reporter().note("seed " + std::to_string(it.with().seed));
  const auto end = now_ns() + static_cast<std::uint64_t>(budget.count());
  const bool has_urgent_lanes = model::offers(it, model::trait::urgent);
  const auto offered = [&](model::trait one) {
    return one == model::trait::urgent ? has_urgent_lanes : model::offers(it, one);
  };
  constexpr int least = 30;  // however slow the machine is just now
  for (int n = 0; n < sequences && (n < least || now_ns() < end); ++n) {
    const auto all = model::random_script(it.random(), length, offered);
    if (const auto found = run(it, all, it.patience())) tell_shortest(it, all, *found);
    current_reporter().alive();
  }
  count_check();
}

}  // namespace

#define RONDO_MODEL_RULES                                                                         \
  "LIFE-01 LIFE-02 LIFE-03 QUEUE-01 QUEUE-02 QUEUE-04 QUEUE-08 QUEUE-10 QUEUE-11 QUEUE-12 "       \
  "QUEUE-13 QUEUE-14 QUEUE-17 QUEUE-18 QUEUE-19 QUEUE-20 QUEUE-21 MSG-01 MSG-04 EXEC-01 EXEC-02 " \
  "EXEC-04 "                                                                                      \
  "TEL-02 TEL-03 TEL-09 HOOK-01 HOOK-02 HOOK-03 TIME-01 TIME-02 TIME-03 TIME-04"

RONDO_CASE(kernel, model, random_operations_do_what_the_model_says, concurrent, RONDO_MODEL_RULES,
           "") {
  explore(it, 150, 60, seconds(2));
}

// As long as it was asked for with --minutes.
RONDO_SOAK_CASE(kernel, model, many_random_operations_do_what_the_model_says, RONDO_MODEL_RULES,
                "") {
  explore(it, it.with().soak.count() > 0 ? std::numeric_limits<int>::max() : 400, 150,
          it.with().soak.count() > 0 ? it.with().soak : seconds(15));
}

}  // namespace rondo::conformance
