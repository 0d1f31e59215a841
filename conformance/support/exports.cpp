// The table of dynamic symbols, found through the section headers. Nothing in the file is believed:
// what does not lie within it is left out.
#include "exports.hpp"

#include <link.h>

#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

namespace rondo::conformance {

namespace {

using header = ElfW(Ehdr);
using section = ElfW(Shdr);
using symbol = ElfW(Sym);

template <class T>
std::optional<T> at(std::string_view bytes, std::size_t offset) {
  T value;
  if (offset > bytes.size() || bytes.size() - offset < sizeof value) return std::nullopt;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

bool is_shown(const symbol& one) {
  const auto binding = one.st_info >> 4;
  const auto visibility = one.st_other & 3;
  return one.st_shndx != SHN_UNDEF && binding != STB_LOCAL && visibility != STV_HIDDEN &&
         visibility != STV_INTERNAL;
}

void add_names(std::string_view bytes, const section& symbols, const section& strings,
               std::vector<std::string>& to) {
  for (std::size_t i = 0; i < symbols.sh_size / sizeof(symbol); ++i) {
    const auto one = at<symbol>(bytes, symbols.sh_offset + i * sizeof(symbol));
    if (!one || !is_shown(*one)) continue;
    const std::size_t name = strings.sh_offset + one->st_name;
    if (name < bytes.size()) to.emplace_back(bytes.substr(name, bytes.find('\0', name) - name));
  }
}

}  // namespace

std::vector<std::string> exported_names(const std::filesystem::path& library) {
  std::ifstream in(library, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  std::vector<std::string> names;
  const auto file = at<header>(bytes, 0);
  if (!file || std::memcmp(file->e_ident, ELFMAG, SELFMAG) != 0) return names;
  const auto section_at = [&](std::size_t i) {
    return at<section>(bytes, file->e_shoff + i * sizeof(section));
  };
  for (std::size_t i = 0; i < file->e_shnum; ++i) {
    const auto symbols = section_at(i);
    if (!symbols || symbols->sh_type != SHT_DYNSYM) continue;
    if (const auto strings = section_at(symbols->sh_link))
      add_names(bytes, *symbols, *strings, names);
  }
  return names;
}

}  // namespace rondo::conformance
