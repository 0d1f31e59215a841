// A case of the conformance suite: how it is declared, and the list of all of them. A case lives in
// conformance/<object>/<operation>.cpp and is called <object>.<operation>.<what must hold>. The two
// first words are its group; each group runs in a process of its own.
//
//   RONDO_CASE(queue, push, a_full_queue_says_so, core, "QUEUE-03", "") { … }
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::conformance {

class bench;  // what a case works with, see bench.hpp

enum class level : int {
  loads = 0,       // the library and its description
  core = 1,        // one kernel, one message at a time
  concurrent = 2,  // several threads, kernels and runtimes
  robust = 3,      // leaks, endurance
  timed = 4        // recorded, not judged
};

struct case_record {
  std::string_view object, operation, what;
  level at;
  std::string_view rules;  // ids from rondo/abi.h, separated by blanks; the first is the main one
  std::string_view needs;  // capabilities, separated by blanks
  void (*body)(bench&);
  std::string_view file;
  int line;
  bool soaks = false;  // goes on for as long as settings::soak says

  std::string group() const { return std::string(object) + "." + std::string(operation); }
  std::string name() const { return group() + "." + std::string(what); }
};

// By level, then by name.
const std::vector<case_record>& all_cases();

std::vector<std::string_view> words(std::string_view text);

struct registration {
  explicit registration(const case_record& record);
};

}  // namespace rondo::conformance

#define RONDO_CASE(object, operation, what, level_, rules, needs) \
  RONDO_DECLARE_CASE(object, operation, what, level_, rules, needs, false)
// Of level 3; takes settings::soak if that is more than it takes by itself.
#define RONDO_SOAK_CASE(object, operation, what, rules, needs) \
  RONDO_DECLARE_CASE(object, operation, what, robust, rules, needs, true)

#define RONDO_DECLARE_CASE(object, operation, what, level_, rules, needs, soaks)              \
  static void object##_##operation##_##what(::rondo::conformance::bench&);                    \
  static const ::rondo::conformance::registration registered_##object##_##operation##_##what( \
      {#object, #operation, #what, ::rondo::conformance::level::level_, rules, needs,         \
       object##_##operation##_##what, __FILE__, __LINE__, soaks});                            \
  static void object##_##operation##_##what([[maybe_unused]] ::rondo::conformance::bench& it)
