// What a plugin says to the host's log while a case runs.
#pragma once

#include "check.hpp"
#include "kernel.hpp"

#include <rondo/host_services.hpp>

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <memory>
#include <mutex>
#include <string>

namespace rondo::conformance {

class log_watch {
 public:
  log_watch() { use_logger(std::make_shared<spdlog::logger>("watched", sink_)); }
  ~log_watch() { use_logger(nullptr); }
  log_watch(const log_watch&) = delete;

  // A hook failed with these words: they are logged, soon.
  template <class Duration>
  void expect(const std::string& words, const std::string& hook, Duration patience,
              const place& at = place::current()) const {
    require(eventually([&] { return sink_->text().find(words) != std::string::npos; }, patience),
            hook + " failed with the words '" + words + "', and the host's log has only: '" +
                sink_->text() + "'",
            at);
  }

 private:
  class keeper : public spdlog::sinks::base_sink<std::mutex> {
   public:
    std::string text() {
      const std::lock_guard lock(mutex_);
      return text_;
    }

   private:
    void sink_it_(const spdlog::details::log_msg& message) override {
      text_.append(message.payload.data(), message.payload.size()).append("\n");
    }
    void flush_() override {}
    std::string text_;
  };
  std::shared_ptr<keeper> sink_ = std::make_shared<keeper>();
};

}  // namespace rondo::conformance
