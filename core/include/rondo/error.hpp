// What can go wrong, in two forms: result<T> for what a caller should expect (full, timed out, the
// handler failed), and the exception rondo::error for misuse and for failures of set-up. Both carry
// a code from rondo/abi.h, the name of the thing that failed, a sentence, and what to do about it.
#pragma once

#include <rondo/abi.h>
#include <rondo/export.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace rondo {

using status = rondo_status;

// "TIMEOUT" for RONDO_TIMEOUT; "UNKNOWN" for a number that is not in the list.
RONDO_EXPORT std::string_view status_name(status code) noexcept;
// The one-line meaning from the list in abi.h.
RONDO_EXPORT std::string_view status_text(status code) noexcept;

struct error_info {
  status code = RONDO_OK;
  std::string object;   // the name of the thing: a path, a kernel id, a queue
  std::string message;  // one sentence: what happened
  std::string remedy;   // one sentence: what to do about it; may be empty

  // "object: message [CODE]. remedy"
  RONDO_EXPORT std::string text() const;
};

class RONDO_EXPORT error : public std::runtime_error {
 public:
  explicit error(error_info info);
  error(status code, std::string object, std::string message, std::string remedy = {});
  ~error() override;

  status code() const noexcept { return info_->code; }
  const std::string& object() const noexcept { return info_->object; }
  const std::string& message() const noexcept { return info_->message; }
  const std::string& remedy() const noexcept { return info_->remedy; }
  const error_info& info() const noexcept { return *info_; }

 private:
  std::shared_ptr<const error_info> info_;  // shared: exceptions must copy without throwing
};

// A value, or why there is none. Reading a value that is not there throws rondo::error, so an
// unchecked result cannot be mistaken for an answer. The failing path may allocate; the other
// never.
template <class T>
class [[nodiscard]] result {
 public:
  result(T value) : code_(RONDO_OK), value_(std::move(value)) {}
  // A failure with code OK would pass for a value that is not there: it counts as INTERNAL.
  result(error_info info)
      : code_(info.code != RONDO_OK ? info.code : RONDO_INTERNAL),
        info_(std::make_unique<error_info>(std::move(info))) {
    info_->code = code_;
  }
  // A value that `fill` writes where it stays. fill(T&) returns nullptr, or why there is none.
  template <class Fill>
  result(std::in_place_t, Fill&& fill) : code_(RONDO_OK), value_(std::in_place) {
    info_ = fill(*value_);
    if (info_ == nullptr) [[likely]]
      return;
    value_.reset();
    code_ = info_->code != RONDO_OK ? info_->code : RONDO_INTERNAL;
    info_->code = code_;
  }

  bool has_value() const noexcept { return code_ == RONDO_OK; }
  explicit operator bool() const noexcept { return has_value(); }
  status code() const noexcept { return code_; }

  T& value() & { return check(), *value_; }
  const T& value() const& { return check(), *value_; }
  T&& value() && { return check(), *std::move(value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Why there is no value. Throws if there is one.
  const error_info& failure() const {
    if (has_value()) throw error(RONDO_INVALID_STATE, "result", "it holds a value, not a failure");
    return *info_;
  }

 private:
  void check() const {
    if (!has_value()) [[unlikely]]
      throw error(*info_);
  }
  status code_;
  std::optional<T> value_;
  std::unique_ptr<error_info> info_;
};

}  // namespace rondo
