// Golden byte files: golden/NAME.hex holds a comment and the bytes of one message in hexadecimal.
// Bytes that were once sent are never to change; a new field needs a new version and a new file.
#pragma once

#include "kernel/values.hpp"
#include "paths.hpp"

#include <gtest/gtest.h>
#include <cereal/archives/binary.hpp>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

namespace kernel_test {

inline const std::filesystem::path golden_directory =
    rondo::test::source_dir() / "kernel" / "golden";

struct golden_case {
  std::string name;   // of the file, without .hex
  std::string about;  // its comment
  bytes from_sdk;
  bytes from_cereal;
  std::function<void(const bytes&)> expect_decodes;  // on either way, to the value it came from
};

template <class T>
bytes cereal_bytes(const T& value) {
  std::ostringstream stream;
  cereal::BinaryOutputArchive{stream}(value);
  const std::string written = std::move(stream).str();
  return {written.begin(), written.end()};
}

template <class T>
T from_cereal_bytes(const bytes& from) {
  std::istringstream stream(std::string(from.begin(), from.end()));
  T out{};
  cereal::BinaryInputArchive{stream}(out);
  EXPECT_EQ(stream.peek(), std::istringstream::traits_type::eof()) << "Cereal left bytes unread";
  return out;
}

// `mirror` is the same value made of standard types, which Cereal writes.
template <class Message, class Mirror>
golden_case make_case(std::string name, std::string about, const Message& message,
                      const Mirror& mirror) {
  return {std::move(name), std::move(about), encoded(message), cereal_bytes(mirror),
          [message, mirror](const bytes& golden) {
            Message out{};
            EXPECT_TRUE(decodes(golden, out));
            EXPECT_EQ(out, message);
            EXPECT_EQ(from_cereal_bytes<Mirror>(golden), mirror);
          }};
}

inline std::string to_hex(const bytes& from) {
  std::string out;
  for (std::size_t i = 0; i < from.size(); ++i) {
    constexpr char digits[] = "0123456789abcdef";
    if (i != 0) out += i % 16 == 0 ? '\n' : ' ';
    out += digits[from[i] >> 4];
    out += digits[from[i] & 15];
  }
  return out + '\n';
}

inline bytes read_hex(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  bytes out;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      const bool is_byte = word.size() == 2 &&
                           std::isxdigit(static_cast<unsigned char>(word[0])) != 0 &&
                           std::isxdigit(static_cast<unsigned char>(word[1])) != 0;
      if (!is_byte) throw std::runtime_error(path.string() + ": no byte: " + word);
      out.push_back(static_cast<unsigned char>(std::stoul(word, nullptr, 16)));
    }
  }
  return out;
}

}  // namespace kernel_test
