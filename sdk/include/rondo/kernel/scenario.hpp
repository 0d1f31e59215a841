// RONDO_SCENARIO(handler, scenario): a self-test that travels with a module. The host drives it
// against any backend; the scenario makes requests and judges replies. Host code only.
//
//   struct doubling {
//     static constexpr const char* name = "doubling";
//     static constexpr std::uint32_t message_count = 3;
//     explicit doubling(rondo::scenario_buffers) {}
//     my_request next(std::uint32_t i, std::string& label);
//     void check(std::uint32_t i, const my_response&);          // throws to refuse the reply
//   };
#pragma once

#include <rondo/kernel/dispatch.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace rondo {

// Buffers on the device of the kernel under test, for the length of the scenario.
class scenario_buffers {
 public:
  explicit scenario_buffers(const rondo_scenario_host& host) : host_(&host) {}

  template <class T>
  buffer_ref create(std::uint64_t count) {
    buffer_ref ref;
    demand(host_->buffer_create(host_->self, count * sizeof(T), &ref.handle), "create");
    return ref;
  }
  template <class T>
  void write(buffer_ref ref, const std::vector<T>& from) {
    demand(host_->buffer_write(host_->self, ref.handle, 0, from.data(), from.size() * sizeof(T)),
           "write");
  }
  template <class T>
  std::vector<T> read(buffer_ref ref, std::uint64_t count) {
    std::vector<T> to(count);
    demand(host_->buffer_read(host_->self, ref.handle, 0, to.data(), count * sizeof(T)), "read");
    return to;
  }
  void release(buffer_ref ref) { host_->buffer_release(host_->self, ref.handle); }

 private:
  static void demand(rondo_status code, const char* what) {
    if (code != RONDO_OK)
      throw std::runtime_error(std::string("the device could not ") + what + " a buffer (status " +
                               std::to_string(code) + ")");
  }
  const rondo_scenario_host* host_;
};

namespace detail {

inline rondo_status refuse(rondo_error_sink* error, rondo_status code, const char* subject,
                           const char* what) {
  if (error != nullptr)
    error->report(error->self, code, {subject, length_of(subject)}, {what, length_of(what)},
                  {nullptr, 0});
  return code;
}

template <class S, class F>
rondo_status scenario_step(rondo_error_sink* error, F&& step) {
  try {
    return step();
  } catch (const std::exception& e) {
    return refuse(error, RONDO_HANDLER_FAILED, S::name, e.what());
  } catch (...) {
    return refuse(error, RONDO_HANDLER_THREW, S::name, "an exception that is no std::exception");
  }
}

template <class H, class S>
struct scenario_glue {
  static rondo_status open(const rondo_scenario_host* host, void** self, rondo_error_sink* error) {
    return scenario_step<S>(error, [&] {
      *self = new S(scenario_buffers(*host));
      return RONDO_OK;
    });
  }

  static rondo_status next(void* self, std::uint32_t i, void* payload, std::uint32_t capacity,
                           std::uint32_t* length, char* label, std::uint32_t label_capacity,
                           rondo_error_sink* error) {
    return scenario_step<S>(error, [&] {
      std::string text;
      const typename H::request request = static_cast<S*>(self)->next(i, text);
      if (label_capacity > 0) label[text.copy(label, label_capacity - 1)] = '\0';
      const std::int64_t bytes = encode(request, payload, capacity);
      if (bytes < 0) return refuse(error, RONDO_TOO_LARGE, S::name, "the request does not fit");
      *length = static_cast<std::uint32_t>(bytes);
      return static_cast<rondo_status>(RONDO_OK);
    });
  }

  static rondo_status check(void* self, std::uint32_t i, const rondo_envelope* reply,
                            const void* payload, rondo_error_sink* error) {
    return scenario_step<S>(error, [&] {
      if ((reply->flags & RONDO_FLAG_FAILED) != 0)
        return refuse(error, RONDO_HANDLER_FAILED, S::name, "the reply is a failure");
      if (reply->type != RONDO_TYPE_RESPONSE)
        return refuse(error, RONDO_RESPONSE_MISMATCH, S::name, "the message is not a response");
      if (reply->version != message_of<typename H::response>.version)
        return refuse(error, RONDO_VERSION_MISMATCH, S::name, "the reply has another version");
      typename H::response response{};
      if (!decode(payload, reply->length, response))
        return refuse(error, RONDO_MALFORMED, S::name, "the reply's bytes are not a response");
      static_cast<S*>(self)->check(i, response);
      return static_cast<rondo_status>(RONDO_OK);
    });
  }

  static void close(void* self) { delete static_cast<S*>(self); }

  static constexpr rondo_scenario record = {sizeof(rondo_scenario),
                                            S::message_count,
                                            {H::id.text, H::id.size},
                                            {S::name, length_of(S::name)},
                                            &open,
                                            &next,
                                            &check,
                                            &close};
};

}  // namespace detail
}  // namespace rondo

#if defined(__CUDACC__)
// The host's half of the module has it.
#define RONDO_SCENARIO(Handler, Scenario) \
  static_assert(::rondo::handler_type<Handler> && sizeof(Scenario) > 0)
#else
#define RONDO_SCENARIO(Handler, Scenario)                                              \
  __attribute__((section("rondo_scenarios"), used,                                     \
                 retain)) static const rondo_scenario* const rondo_listed_##Scenario = \
      &::rondo::detail::scenario_glue<Handler, Scenario>::record
#endif
