// Finds the rules in headers: `rondo_extract_rules ROOT FILE… > rules.inc`. A rule is a sentence
// in a comment, or the part of one behind another rule; its id follows in brackets: [QUEUE-03].
// Standard library only, as it runs while everything else is being built.
#include <algorithm>
#include <cctype>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct rule {
  std::string id, file, text;
};

// [A-Z]+-[0-9]+ in brackets at this place; its length, or 0.
std::size_t mark_at(std::string_view text, std::size_t at) {
  std::size_t i = at + 1;
  while (i < text.size() && std::isupper(static_cast<unsigned char>(text[i]))) ++i;
  if (i == at + 1 || i >= text.size() || text[i] != '-') return 0;
  const std::size_t digits = ++i;
  while (i < text.size() && std::isdigit(static_cast<unsigned char>(text[i]))) ++i;
  return i > digits && i < text.size() && text[i] == ']' ? i - at + 1 : 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The comment's words of a line; code, and a comment that begins, end a paragraph.
bool words_of(std::string_view line, bool& in_block, bool& begins, std::string& words) {
  line = trimmed(line);
  bool is_comment = in_block;
  begins = false;
  if (const auto slashes = line.find("//"); !in_block && slashes != line.npos) {
    begins = slashes > 0;
    words = trimmed(line.substr(slashes + 2));
    return true;
  }
  if (const auto opens = line.find("/*"); !in_block && opens != line.npos) {
    line.remove_prefix(opens + 2);
    in_block = is_comment = begins = true;
  }
  if (!is_comment) return false;
  if (const auto closes = line.find("*/"); closes != line.npos) {
    line = line.substr(0, closes);
    in_block = false;
  }
  line = trimmed(line);
  if (!line.empty() && line.front() == '*') line.remove_prefix(1);
  words = trimmed(line);
  return true;
}

bool ends_sentence(std::string_view text, std::size_t i) {
  if (i + 1 >= text.size() || text[i + 1] != ' ') return false;
  // "e.g. this" goes on, "[ABI-01]. That" does not.
  return text[i] == '.' && i + 2 < text.size() &&
         (std::isupper(static_cast<unsigned char>(text[i + 2])) ||
          std::isdigit(static_cast<unsigned char>(text[i + 2])) || text[i + 2] == '[');
}

void take_rules(const std::string& paragraph, const std::string& file, std::vector<rule>& out) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < paragraph.size(); ++i) {
    if (paragraph[i] == '[') {
      const std::size_t length = mark_at(paragraph, i);
      if (length == 0) continue;
      std::string text(trimmed(std::string_view(paragraph).substr(begin, i - begin)));
      if (!text.empty()) out.push_back({paragraph.substr(i + 1, length - 2), file, text});
      i += length - 1;
      begin = i + 1;
      while (begin < paragraph.size() && (paragraph[begin] == '.' || paragraph[begin] == ';' ||
                                          paragraph[begin] == ':' || paragraph[begin] == ' '))
        ++begin;
    } else if (ends_sentence(paragraph, i)) {
      begin = i + 2;
    }
  }
}

void read_header(const std::string& root, const std::string& file, std::vector<rule>& out) {
  std::ifstream in(root + "/" + file);
  if (!in) throw std::runtime_error("cannot read " + root + "/" + file);
  std::string paragraph, words;
  bool in_block = false, begins = false;
  for (std::string line; std::getline(in, line);) {
    const bool is_comment = words_of(line, in_block, begins, words);
    // A row of a table stands for itself.
    const bool is_row = words.find("  ") != words.npos;
    if (!is_comment || words.empty() || is_row || begins) {
      take_rules(paragraph, file, out);
      paragraph.clear();
    }
    if (is_comment && is_row) {
      take_rules(words, file, out);
      continue;
    }
    if (is_comment && !words.empty()) paragraph += (paragraph.empty() ? "" : " ") + words;
  }
  take_rules(paragraph, file, out);
}

std::string literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

int main(int argc, char** argv) try {
  std::vector<rule> rules;
  for (int i = 2; i < argc; ++i) read_header(argv[1], argv[i], rules);
  std::map<std::string, const rule*> first;
  for (const rule& each : rules) {
    const auto [where, is_new] = first.emplace(each.id, &each);
    if (!is_new) {
      std::cerr << each.id << " is declared twice: in " << where->second->file << " as \""
                << where->second->text << "\" and in " << each.file << " as \"" << each.text
                << "\"\n";
      return 1;
    }
  }
  for (const auto& [id, each] : first)
    std::cout << "{" << literal(id) << ", " << literal(each->file) << ", " << literal(each->text)
              << "},\n";
  return 0;
} catch (const std::exception& failure) {
  std::cerr << failure.what() << '\n';
  return 1;
}
