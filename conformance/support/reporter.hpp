// How the process that runs cases tells the one that watches it: one line for each event, over a
// pipe. What has been written is there even if the process dies right after. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rondo::conformance {

// Events, as they stand at the beginning of a line:
//   begin CASE                     the case is next
//   rule ID                        what follows is about this rule
//   note TEXT                      worth telling with the result: a seed, a figure
//   figure N P50 P99 P999 MAX NAME how long something took, in nanoseconds
//   alive                          the case goes on, and may take its time anew
//   pass CHECKS                    the case ended well after so many checks
//   fail RULE FILE LINE TEXT       it did not
//   unsupported CAPABILITY TEXT    the backend does not offer this, which it needs
//   fact KEY VALUE                 about the plugin or its device
//   end                            no case is left
class reporter {
 public:
  explicit reporter(int descriptor) : descriptor_(descriptor) {}

  void case_begins(std::string_view name);
  void rule_begins(std::string_view id);
  void note(std::string_view text) { line("note", text); }
  void figure(std::string_view event) { line("figure", event); }
  void alive() { line("alive", ""); }
  void passed(std::uint64_t checks) { line("pass", std::to_string(checks)); }
  void failed(std::string_view file, unsigned at, std::string_view text);
  void unsupported(std::string_view capability, std::string_view why);
  void fact(std::string_view key, std::string_view value);
  void ended() { line("end", ""); }

  const std::string& current_rule() const { return rule_; }

 private:
  void line(std::string_view event, std::string_view text);
  int descriptor_;
  std::string rule_;
};

reporter& current_reporter();
void use_reporter(reporter& all);

// Line breaks and backslashes, so that a text stays on its line, and back.
std::string escaped(std::string_view text);
std::string unescaped(std::string_view text);

}  // namespace rondo::conformance
