// Reads rondo/abi.h as text: which structs with which declarations and which constants it has, so
// that lists kept by hand can be compared with it.
#pragma once

#include "paths.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace abi_test {

struct declared_field {
  std::string name;
  std::string declaration;  // with single spaces
};
struct declared_struct {
  std::string name;
  std::vector<declared_field> fields;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

inline std::string header_without_comments() {
  const std::string text = read_file(rondo::test::source_dir() / "../sdk/include/rondo/abi.h");
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = text.find("/*", at);
    out += text.substr(at, begin - at);
    if (begin == std::string::npos) break;
    at = text.find("*/", begin) + 2;
  }
  return out;
}

inline bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The word that begins at `at`.
inline std::string word_at(const std::string& text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_word(text[end])) ++end;
  return text.substr(at, end - at);
}

// With each run of white space turned into one space, and none at the ends.
inline std::string single_spaced(const std::string& text) {
  std::istringstream words(text);
  std::string out;
  for (std::string word; words >> word;) out += (out.empty() ? "" : " ") + word;
  return out;
}

// Of a pointer to a function the word behind "(*", of anything else the last one before "[".
inline declared_field parse_field(const std::string& text) {
  const std::string declaration = single_spaced(text);
  const std::size_t pointer = declaration.find("(*");
  if (pointer != std::string::npos) return {word_at(declaration, pointer + 2), declaration};
  const std::size_t end = std::min(declaration.find('['), declaration.size());
  std::size_t begin = end;
  while (begin > 0 && is_word(declaration[begin - 1])) --begin;
  return {declaration.substr(begin, end - begin), declaration};
}

inline std::vector<declared_struct> declared_structs() {
  const std::string text = header_without_comments();
  std::vector<declared_struct> out;
  for (std::size_t at = 0; (at = text.find("typedef struct ", at)) != std::string::npos;) {
    at += std::string("typedef struct ").size();
    declared_struct parsed{text.substr(at, text.find_first_of(" {", at) - at), {}};
    const std::size_t open = text.find_first_of("{;", at);
    if (text[open] == ';') continue;  // an opaque type
    const std::size_t close = text.find('}', open);
    std::istringstream body(text.substr(open + 1, close - open - 1));
    for (std::string declaration; std::getline(body, declaration, ';');)
      if (declaration.find_first_not_of(" \n") != std::string::npos)
        parsed.fields.push_back(parse_field(declaration));
    out.push_back(std::move(parsed));
  }
  return out;
}

// Names of the macros whose value is a text, or those whose value is a number.
inline std::vector<std::string> declared_macros(bool texts) {
  std::vector<std::string> out;
  std::istringstream lines(header_without_comments());
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string define, name, value;
    if (!(words >> define >> name >> value) || define != "#define") continue;
    const bool is_number = std::isdigit(static_cast<unsigned char>(value[0])) != 0;
    if (texts ? value[0] == '"' : is_number) out.push_back(name);
  }
  return out;
}

inline std::vector<std::string> declared_texts() { return declared_macros(true); }

// Macros that are numbers, then enumerators. The status codes are not among them: they are made by
// a macro and have a list of their own.
inline std::vector<std::string> declared_constants() {
  std::vector<std::string> out = declared_macros(false);
  const std::string text = header_without_comments();
  for (std::size_t at = 0; (at = text.find("RONDO_", at)) != std::string::npos;) {
    const std::string name = word_at(text, at);
    const bool whole = at == 0 || !is_word(text[at - 1]);
    at += name.size();
    // The value may be on the next line.
    const std::size_t sign = text.find_first_not_of(" \n", at);
    if (whole && sign != std::string::npos && text[sign] == '=') out.push_back(name);
  }
  return out;
}

}  // namespace abi_test
