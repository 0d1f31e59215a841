// Makes copies of our own sources with faults in them, each in force only where RONDO_FAULT names
// it: `rondo_break SOURCES INTO FILE…`. The faults are in conformance/faults/backend.inc and
// tests/broken/core.inc. One whose line is not there any more is an error, so that the lists keep
// up with the sources. Standard library only, as it runs while everything else is being built.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

namespace fs = std::filesystem;

struct edit {
  std::string_view fault, file, from, to;
};
constexpr edit edits[] = {
#define RONDO_BROKEN(name, rules, mode, text, file, from, to) {#name, file, from, to},
#define RONDO_BROKEN_TOO(name, file, from, to) {#name, file, from, to},
#include "conformance/faults/backend.inc"
#include "tests/broken/core.inc"
#undef RONDO_BROKEN
#undef RONDO_BROKEN_TOO
};

void replace_all(std::string& in, std::string_view from, const std::string& to) {
  for (auto at = in.find(from); at != in.npos; at = in.find(from, at + to.size()))
    in.replace(at, from.size(), to);
}

void apply(const edit& one, std::string& text) {
  const auto at = text.find(one.from);
  if (at == text.npos || text.find(one.from, at + 1) != text.npos)
    throw std::runtime_error(std::string(one.file) + " does not have once what the fault " +
                             std::string(one.fault) + " breaks:\n" + std::string(one.from));
  std::string then(one.to);
  replace_all(then, "BROKEN", "::rondo::faults::is_broken(\"" + std::string(one.fault) + "\")");
  text.replace(at, one.from.size(), then);
}

std::string read(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream all;
  all << in.rdbuf();
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return all.str();
}

void break_file(const fs::path& sources, const fs::path& into, const std::string& file) {
  std::string text = read(sources / file);
  for (const edit& one : edits)
    if (one.file == file) apply(one, text);
  fs::create_directories((into / file).parent_path());
  std::ofstream out(into / file);
  out << "#include \"conformance/faults/broken.hpp\"\n" << text << std::flush;
  if (!out) throw std::runtime_error("cannot write " + (into / file).string());
}

}  // namespace

int main(int argc, char** argv) try {
  const std::set<std::string_view> files(argv + std::min(argc, 3), argv + argc);
  for (const edit& one : edits)
    if (!files.contains(one.file))
      throw std::runtime_error(std::string(one.fault) + " is in " + std::string(one.file) +
                               ", which is not among the files that are broken");
  for (int i = 3; i < argc; ++i) break_file(argv[1], argv[2], argv[i]);
  return 0;
} catch (const std::exception& failure) {
  std::cerr << failure.what() << '\n';
  return 1;
}
