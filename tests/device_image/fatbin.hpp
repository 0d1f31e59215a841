// Reads what nvcc puts into a device image: a container of entries, each PTX or the machine code of
// one architecture. NVIDIA does not document the format; these are the fields that have been the
// same since CUDA 11.
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace device_image_test {

enum class code_kind : std::uint16_t { ptx = 1, elf = 2 };

struct fatbin_entry {
  code_kind kind{};
  std::uint32_t architecture = 0;  // e.g. 90
  bool compressed = false;
  std::string_view bytes;
};

template <class T>
T value_at(std::string_view from, std::uint64_t offset) {
  if (offset > from.size() || from.size() - offset < sizeof(T))
    throw std::runtime_error("the image ends in the middle of something");
  T value;
  std::memcpy(&value, from.data() + offset, sizeof value);
  return value;
}

inline std::vector<fatbin_entry> entries_of(std::string_view image) {
  if (value_at<std::uint32_t>(image, 0) != 0xba55ed50)
    throw std::runtime_error("the image does not begin like a fatbin");
  const auto header = value_at<std::uint16_t>(image, 6);
  const auto size = value_at<std::uint64_t>(image, 8);
  if (header + size != image.size())
    throw std::runtime_error("the image is not as long as it says");
  std::vector<fatbin_entry> entries;
  for (std::string_view rest = image.substr(header); !rest.empty();) {
    fatbin_entry entry;
    entry.kind = value_at<code_kind>(rest, 0);
    const auto begin = value_at<std::uint32_t>(rest, 4);
    const auto length = value_at<std::uint64_t>(rest, 8);
    entry.architecture = value_at<std::uint32_t>(rest, 28);
    entry.compressed = value_at<std::uint64_t>(rest, 56) != 0;
    if (length > rest.size() || begin > rest.size() - length)
      throw std::runtime_error("an entry is longer than the image");
    entry.bytes = rest.substr(begin, length);
    entries.push_back(entry);
    rest.remove_prefix(begin + length);
  }
  return entries;
}

// The names of an ELF file's symbols: defined ones and ones that it wants from elsewhere.
inline std::set<std::string> symbols_of(std::string_view elf) {
  const auto header = value_at<Elf64_Ehdr>(elf, 0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    throw std::runtime_error("the machine code is no ELF file");
  const auto section = [&](std::uint64_t i) {
    return value_at<Elf64_Shdr>(elf, header.e_shoff + i * header.e_shentsize);
  };
  std::set<std::string> names;
  for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
    const auto table = section(i);
    if (table.sh_type != SHT_SYMTAB) continue;
    const auto text = elf.substr(section(table.sh_link).sh_offset, section(table.sh_link).sh_size);
    for (std::uint64_t at = 0; at < table.sh_size; at += sizeof(Elf64_Sym)) {
      const auto symbol = value_at<Elf64_Sym>(elf, table.sh_offset + at);
      const auto name = text.substr(symbol.st_name);
      names.emplace(name.substr(0, name.find('\0')));
    }
  }
  return names;
}

}  // namespace device_image_test
