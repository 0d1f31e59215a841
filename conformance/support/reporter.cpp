// The writing end of the pipe between a child and its watcher.
#include "reporter.hpp"

#include <unistd.h>

#include <cerrno>

namespace rondo::conformance {

namespace {
reporter* current = nullptr;
}

reporter& current_reporter() {
  static reporter nowhere(-1);
  return current != nullptr ? *current : nowhere;
}
void use_reporter(reporter& all) { current = &all; }

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += "\\n";
    else if (c == '\\') out += "\\\\";
    else out += c;
  }
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) out += text[++i] == 'n' ? '\n' : text[i];
    else out += text[i];
  }
  return out;
}

void reporter::line(std::string_view event, std::string_view text) {
  const std::string all = std::string(event) + " " + escaped(text) + "\n";
  for (std::size_t done = 0; done < all.size();) {
    const auto n = ::write(descriptor_, all.data() + done, all.size() - done);
    if (n > 0) done += static_cast<std::size_t>(n);
    else if (errno != EINTR) return;  // the watcher is gone; so will we be
  }
}

void reporter::case_begins(std::string_view name) {
  rule_.clear();
  line("begin", name);
}
void reporter::rule_begins(std::string_view id) {
  if (rule_ == id) return;
  rule_ = id;
  line("rule", id);
}
void reporter::failed(std::string_view file, unsigned at, std::string_view text) {
  line("fail", (rule_.empty() ? std::string("-") : rule_) + " " + std::string(file) + " " +
                   std::to_string(at) + " " + std::string(text));
}
void reporter::unsupported(std::string_view capability, std::string_view why) {
  line("unsupported", std::string(capability) + " " + std::string(why));
}
void reporter::fact(std::string_view key, std::string_view value) {
  line("fact", std::string(key) + " " + std::string(value));
}

}  // namespace rondo::conformance
