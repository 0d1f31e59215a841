// What cases assert with. A check that does not hold throws and ends the case; the runner counts
// the checks, because a case that made none has shown nothing. rule() says which rule is being
// looked at, so that a crash or a hang can be blamed on it.
#pragma once

#include <rondo/abi.h>

#include <concepts>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string>
#include <string_view>

namespace rondo::conformance {

using place = std::source_location;

struct case_failure : std::exception {
  std::string text;
  std::string_view file;
  unsigned line;
  case_failure(std::string what, const place& at)
      : text(std::move(what)), file(at.file_name()), line(at.line()) {}
  const char* what() const noexcept override { return text.c_str(); }
};

// The backend does not offer a capability in this run, by its options, though it may advertise it,
// or for a script that is replayed. Nothing else leaves a case out: what could not be shown for
// want of time has failed.
struct case_unsupported : std::exception {
  std::string capability;
  explicit case_unsupported(std::string_view of) : capability(of) {}
  const char* what() const noexcept override { return capability.c_str(); }
};

// The rest of the case is about this rule, one of those that it cites.
void rule(std::string_view id);

// Any thread, as all of these; a thread that is not the case's own collects failures, see
// threads.hpp.
std::uint64_t checks_made() noexcept;
void count_check() noexcept;

[[noreturn]] void fail(std::string what, const place& at = place::current());

inline void require(bool holds, std::string_view what, const place& at = place::current()) {
  count_check();
  if (!holds) fail(std::string(what), at);
}

// "push to a full queue returned OK; FULL is due"
void expect_status(rondo_status got, rondo_status due, std::string_view of,
                   const place& at = place::current());
// One of several.
void expect_one_of(rondo_status got, std::initializer_list<rondo_status> due, std::string_view of,
                   const place& at = place::current());

[[noreturn]] void fail_equal(std::uint64_t got, std::uint64_t due, std::string_view what,
                             bool is_signed, const place& at);

template <std::convertible_to<std::uint64_t> A, std::convertible_to<std::uint64_t> B>
void expect_equal(A got, B due, std::string_view what, const place& at = place::current()) {
  count_check();
  if (static_cast<std::uint64_t>(got) != static_cast<std::uint64_t>(due))
    fail_equal(static_cast<std::uint64_t>(got), static_cast<std::uint64_t>(due), what,
               std::is_signed_v<A>, at);
}
void expect_text(std::string_view got, std::string_view due, std::string_view what,
                 const place& at = place::current());

// Whether checks hold that may be made again: a failure is an answer here, and ends nothing.
template <class Checks>
bool holds(Checks&& checks) {
  try {
    checks();
    return true;
  } catch (const case_failure&) {
    return false;
  }
}

std::string status_text(rondo_status code);  // "FULL", or the number

}  // namespace rondo::conformance
