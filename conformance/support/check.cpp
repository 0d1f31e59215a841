// Checks that failed become sentences.
#include "check.hpp"

#include "reporter.hpp"

#include <rondo/error.hpp>
#include <rondo/naming.hpp>

#include <atomic>

namespace rondo::conformance {

namespace {

std::atomic<std::uint64_t> made{0};

std::string number(std::uint64_t value, bool is_signed) {
  return is_signed ? std::to_string(static_cast<std::int64_t>(value)) : std::to_string(value);
}

}  // namespace

void rule(std::string_view id) { current_reporter().rule_begins(id); }

std::uint64_t checks_made() noexcept { return made.load(std::memory_order_relaxed); }
void count_check() noexcept { made.fetch_add(1, std::memory_order_relaxed); }

void fail(std::string what, const place& at) { throw case_failure(std::move(what), at); }

std::string status_text(rondo_status code) {
  const auto name = status_name(code);
  return name == "UNKNOWN" ? "the unknown status " + std::to_string(code) : std::string(name);
}

void expect_status(rondo_status got, rondo_status due, std::string_view of, const place& at) {
  count_check();
  if (got != due)
    fail(std::string(of) + " returned " + status_text(got) + "; " + status_text(due) + " is due",
         at);
}

void expect_one_of(rondo_status got, std::initializer_list<rondo_status> due, std::string_view of,
                   const place& at) {
  count_check();
  std::string names;
  for (const rondo_status each : due) {
    if (got == each) return;
    names += (names.empty() ? "" : " or ") + status_text(each);
  }
  fail(std::string(of) + " returned " + status_text(got) + "; " + names + " is due", at);
}

void expect_text(std::string_view got, std::string_view due, std::string_view what,
                 const place& at) {
  count_check();
  if (got != due)
    fail(std::string(what) + " is " + in_quotes(got) + "; " + in_quotes(due) + " is due", at);
}

void fail_equal(std::uint64_t got, std::uint64_t due, std::string_view what, bool is_signed,
                const place& at) {
  fail(std::string(what) + " is " + number(got, is_signed) + "; " + number(due, is_signed) +
           " is due",
       at);
}

}  // namespace rondo::conformance
