// Messages that only Cereal can read (std::map, std::string, std::variant, …). They run on backends
// that execute the host image, and a device backend refuses them at launch, by name. Host code
// only; include it where such types are, and nowhere else: Cereal is heavy.
//
//   RONDO_HOST_MESSAGE(settings, "Settings", 1, 4096);   // at most 4096 encoded bytes
#pragma once

#include <rondo/kernel/message.hpp>

#include <cereal/archives/binary.hpp>

#include <cstring>
#include <ostream>
#include <stdexcept>
#include <streambuf>
#include <type_traits>

namespace rondo::detail {

// A stream over a fixed range: no copy and no growth. Writing past the room fails the stream, on
// which Cereal throws.
class range_buffer : public std::streambuf {
 public:
  range_buffer(char* begin, std::uint32_t bytes) { setp(begin, begin + bytes); }
  std::int64_t written() const { return pptr() - pbase(); }
};

// Reads what Cereal's BinaryOutputArchive wrote. Cereal's own BinaryInputArchive believes every
// count, so that a message of ten bytes makes a container ask for all the memory there is; this one
// knows that each element takes at least a byte.
class range_input_archive
    : public cereal::InputArchive<range_input_archive, cereal::AllowEmptyClassElision> {
 public:
  range_input_archive(const void* from, std::uint32_t bytes)
      : InputArchive(this), at_(static_cast<const char*>(from)), left_(bytes) {}

  std::uint64_t left() const { return left_; }

  void read(void* to, std::uint64_t bytes) {
    demand(bytes);
    if (bytes != 0) std::memcpy(to, at_, bytes);
    at_ += bytes;
    left_ -= bytes;
  }
  void demand(std::uint64_t bytes) const {
    if (bytes > left_) throw cereal::Exception("the message ends before its last field");
  }

 private:
  const char* at_;
  std::uint64_t left_;
};

// What Cereal looks for beside an archive of its own: how the four primitives are read.
template <class T>
requires std::is_arithmetic_v<T>
void CEREAL_LOAD_FUNCTION_NAME(range_input_archive& ar, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    unsigned char byte = 0;
    ar.read(&byte, 1);
    if (byte > 1) throw cereal::Exception("a bool is 0 or 1");
    value = byte == 1;
  } else {
    ar.read(&value, sizeof value);
  }
}
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(range_input_archive& ar, cereal::BinaryData<T>& data) {
  ar.read(data.data, data.size);
}
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(range_input_archive& ar, cereal::SizeTag<T>& count) {
  ar(count.size);
  ar.demand(count.size);
}
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(range_input_archive& ar, cereal::NameValuePair<T>& named) {
  ar(named.value);
}

template <class T>
struct host_codec {
  static std::int64_t encode(const T& message, void* to, std::uint32_t room) {
    range_buffer buffer(static_cast<char*>(to), room);
    std::ostream stream(&buffer);
    try {
      cereal::BinaryOutputArchive archive(stream);
      archive(message);
    } catch (const cereal::Exception&) {
      return -1;  // the room is too small: the only way in which a write into memory fails
    }
    return buffer.written();
  }

  static bool decode(const void* from, std::uint32_t bytes, T& out) {
    range_input_archive archive(from, bytes);
    try {
      archive(out);
    } catch (const cereal::Exception&) {
      return false;
    } catch (const std::bad_alloc&) {
      return false;
    } catch (const std::length_error&) {
      return false;
    }
    return archive.left() == 0;
  }
};

}  // namespace rondo::detail

CEREAL_REGISTER_ARCHIVE(rondo::detail::range_input_archive)

// Cereal derives the type of a "minimal" field from the archive that wrote it.
template <>
struct cereal::traits::detail::get_output_from_input<rondo::detail::range_input_archive> {
  using type = cereal::BinaryOutputArchive;
};

#define RONDO_HOST_MESSAGE(Type, wire_name, version, max_encoded_bytes)                  \
  constexpr ::rondo::message_info rondo_message_of(::rondo::detail::message_tag<Type>) { \
    return {wire_name, version, ::rondo::encoding::encoded, max_encoded_bytes};          \
  }                                                                                      \
  static_assert(::rondo::detail::message_rules<Type>::ok)
