// Names and texts of status codes, from the one list in abi.h, and the exception that carries them.
#include <rondo/error.hpp>

#include <fmt/format.h>

namespace rondo {

std::string_view status_name(status code) noexcept {
  switch (code) {
#define RONDO_NAME(name, value, text) \
  case value: return #name;
    RONDO_STATUS_LIST(RONDO_NAME)
#undef RONDO_NAME
    default: return "UNKNOWN";
  }
}

std::string_view status_text(status code) noexcept {
  switch (code) {
#define RONDO_TEXT(name, value, text) \
  case value: return text;
    RONDO_STATUS_LIST(RONDO_TEXT)
#undef RONDO_TEXT
    default: return "a status code this version does not know";
  }
}

std::string error_info::text() const {
  auto line = fmt::format("{}: {} [{}]", object, message, status_name(code));
  if (!remedy.empty()) line += fmt::format(". {}", remedy);
  return line;
}

error::error(error_info info)
    : std::runtime_error(info.text()), info_(std::make_shared<const error_info>(std::move(info))) {}

error::error(status code, std::string object, std::string message, std::string remedy)
    : error(error_info{code, std::move(object), std::move(message), std::move(remedy)}) {}

error::~error() = default;

}  // namespace rondo
