// C++ base classes for a backend: derive from them, name the outermost in RONDO_BACKEND, and the C
// tables of abi.h are filled in, each slot behind a barrier that turns exceptions into status
// codes. What a class does not override answers UNSUPPORTED and changes nothing.
//
// Ownership: the host's destroy and close functions delete the objects made here. Calls arrive on
// the threads that abi.h states for the slot of the same name.
#pragma once

#include <rondo/abi.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo::backend {

inline rondo_string text(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view text(rondo_string s) { return {s.data, s.size}; }

// A record that others filled and that grows at its end, with zeros for what they do not know of.
template <class Record>
Record whole(const Record& record) {
  Record out{};
  std::memcpy(&out, &record, std::min<std::size_t>(record.struct_size, sizeof out));
  return out;
}

// Throw it from any function that takes an error sink: it reaches the host whole. What to do about
// it belongs to each [ABI-07].
class failure : public std::exception {
 public:
  failure(rondo_status code, std::string subject, std::string message, std::string remedy)
      : code_(code),
        subject_(std::move(subject)),
        message_(std::move(message)),
        remedy_(std::move(remedy)) {}
  rondo_status code() const noexcept { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

  void report(rondo_error_sink* sink) const {
    if (sink != nullptr && sink->report != nullptr)
      sink->report(sink->self, code_, text(subject_), text(message_), text(remedy_));
  }

 private:
  rondo_status code_;
  std::string subject_, message_, remedy_;
};

// One end of a queue as the host sees it. All functions: never block, never throw.
class queue {
 public:
  virtual ~queue() = default;
  virtual rondo_status push(const rondo_envelope&, const void*) { return RONDO_UNSUPPORTED; }
  virtual rondo_status pop(rondo_envelope&, void*, std::uint32_t) { return RONDO_UNSUPPORTED; }
  virtual rondo_status push_batch(const rondo_envelope*, const void* const*, std::uint64_t,
                                  std::uint64_t&) {
    return RONDO_UNSUPPORTED;
  }
  virtual rondo_status pop_batch(rondo_envelope*, void* const*, std::uint32_t, std::uint64_t,
                                 std::uint64_t&) {
    return RONDO_UNSUPPORTED;
  }
  virtual rondo_status reserve(std::uint32_t, rondo_claim&) { return RONDO_UNSUPPORTED; }
  virtual rondo_status commit(rondo_claim&, const rondo_envelope&) { return RONDO_UNSUPPORTED; }
  virtual rondo_status abandon(rondo_claim&) { return RONDO_UNSUPPORTED; }
  virtual rondo_status peek(rondo_view&) { return RONDO_UNSUPPORTED; }
  virtual rondo_status release(rondo_view&) { return RONDO_UNSUPPORTED; }
  virtual rondo_status info(rondo_queue_info& out) = 0;
  virtual rondo_status map(rondo_ring_map&) { return RONDO_UNSUPPORTED; }
};

class kernel {
 public:
  virtual ~kernel() = default;
  // Refusals and failures: throw `failure`.
  virtual void launch(std::uint64_t deadline_ns) = 0;
  virtual void activate(std::uint64_t deadline_ns) = 0;
  virtual void deactivate(std::uint64_t deadline_ns) = 0;
  // Fills `report` also when it throws.
  virtual void terminate(std::uint32_t mode, std::uint64_t deadline_ns,
                         rondo_terminate_report& report) = 0;
  virtual std::uint32_t state() = 0;
  virtual queue& input() = 0;
  virtual queue& output() = 0;
  virtual void counters(rondo_kernel_counters& out) = 0;
  virtual rondo_status renew() { return RONDO_UNSUPPORTED; }
  // Why the kernel is FAILED; OK while it is not. `text` gets one sentence.
  virtual rondo_status failure(std::string& text) {
    (void)text;
    return RONDO_UNSUPPORTED;
  }
};

class device {
 public:
  virtual ~device() = default;
  virtual std::unique_ptr<kernel> create_kernel(const rondo_kernel_params& params) = 0;
  // What the device found out about itself and chose: pairs of key and value.
  virtual std::vector<std::pair<std::string, std::string>> properties() { return {}; }

  virtual rondo_buffer_handle create_buffer(std::uint64_t) { throw no_buffers(); }
  virtual rondo_status destroy_buffer(rondo_buffer_handle) { return RONDO_UNSUPPORTED; }
  virtual void write_buffer(rondo_buffer_handle, std::uint64_t, const void*, std::uint64_t) {
    throw no_buffers();
  }
  virtual void read_buffer(rondo_buffer_handle, std::uint64_t, void*, std::uint64_t) {
    throw no_buffers();
  }
  // Sets `host` to where the host has the memory.
  virtual rondo_buffer_handle create_visible_buffer(std::uint64_t, void*& host) {
    (void)host;
    throw failure(RONDO_UNSUPPORTED, "buffer", "this backend has no buffers that the host sees",
                  "create the buffer in device memory");
  }

 private:
  static failure no_buffers() {
    return failure(RONDO_UNSUPPORTED, "buffer", "this backend has no buffers",
                   "send the data in messages, or use a backend with capability buffer");
  }
};

class backend {
 public:
  virtual ~backend() = default;
  virtual std::uint32_t device_count() = 0;
  virtual std::string why_none() { return {}; }
  virtual rondo_status device_info(std::uint32_t index, rondo_device_info& out) = 0;
  virtual std::unique_ptr<device> open_device(std::uint32_t index, const rondo_option* options,
                                              std::uint64_t option_count) = 0;
};

// Text for the fixed fields of rondo_device_info, cut to fit.
template <std::size_t N>
void put_text(char (&field)[N], std::string_view value) {
  const std::size_t n = value.copy(field, N - 1);
  field[n] = '\0';
}

namespace detail {

inline constexpr const char* internal_remedy = "report this to the author of the plugin";

// Runs `body` and turns whatever it throws into a status and an explanation.
template <class F>
rondo_status guarded(rondo_error_sink* sink, F&& body) noexcept {
  try {
    try {
      return body();
    } catch (const failure& f) {
      f.report(sink);
      return f.code();
    } catch (const std::bad_alloc&) {
      failure(RONDO_OUT_OF_MEMORY, "backend", "memory could not be had",
              "free some, or ask for less")
          .report(sink);
      return RONDO_OUT_OF_MEMORY;
    } catch (const std::exception& e) {
      failure(RONDO_INTERNAL, "backend", e.what(), internal_remedy).report(sink);
      return RONDO_INTERNAL;
    } catch (...) {
      failure(RONDO_INTERNAL, "backend", "an exception that is no std::exception", internal_remedy)
          .report(sink);
      return RONDO_INTERNAL;
    }
  } catch (...) {
    return RONDO_INTERNAL;  // the explanation itself could not be made
  }
}

// The opaque C types are these classes under another name.
inline backend* from_c(rondo_backend* p) { return reinterpret_cast<backend*>(p); }
inline device* from_c(rondo_device* p) { return reinterpret_cast<device*>(p); }
inline kernel* from_c(rondo_kernel* p) { return reinterpret_cast<kernel*>(p); }
inline queue* from_c(rondo_queue* p) { return reinterpret_cast<queue*>(p); }

template <class Backend>
struct tables {
  static constexpr rondo_backend_table backends = {
      sizeof(rondo_backend_table),
      0,
      [](rondo_backend** out, rondo_error_sink* e) {
        return guarded(e, [&] {
          std::unique_ptr<backend> made = std::make_unique<Backend>();
          *out = reinterpret_cast<rondo_backend*>(made.release());
          return RONDO_OK;
        });
      },
      [](rondo_backend* b) { delete from_c(b); },
      [](rondo_backend* b) { return from_c(b)->device_count(); },
      [](rondo_backend* b, char* to, std::uint32_t room) {
        std::uint32_t n = 0;
        guarded(nullptr, [&] {
          n = static_cast<std::uint32_t>(from_c(b)->why_none().copy(to, room));
          return RONDO_OK;
        });
        return n;
      },
      [](rondo_backend* b, std::uint32_t index, rondo_device_info* out) {
        return guarded(nullptr, [&] {
          if (out->struct_size < sizeof *out)
            return static_cast<rondo_status>(RONDO_INVALID_ARGUMENT);
          return from_c(b)->device_info(index, *out);
        });
      },
      [](rondo_backend* b, std::uint32_t index, const rondo_option* options, std::uint64_t count,
         rondo_device** out, rondo_error_sink* e) {
        return guarded(e, [&] {
          *out = reinterpret_cast<rondo_device*>(
              from_c(b)->open_device(index, options, count).release());
          return RONDO_OK;
        });
      },
      [](rondo_device* d) { delete from_c(d); },
      [](rondo_device* d, void* self, void (*visit)(void*, rondo_string, rondo_string)) {
        return guarded(nullptr, [&] {
          for (const auto& [key, value] : from_c(d)->properties())
            visit(self, text(key), text(value));
          return RONDO_OK;
        });
      }};

  static constexpr rondo_kernel_table kernels = {
      sizeof(rondo_kernel_table),
      0,
      [](rondo_device* d, const rondo_kernel_params* params, rondo_kernel** out,
         rondo_error_sink* e) {
        return guarded(e, [&] {
          *out =
              reinterpret_cast<rondo_kernel*>(from_c(d)->create_kernel(whole(*params)).release());
          return RONDO_OK;
        });
      },
      [](rondo_kernel* k, std::uint64_t ns, rondo_error_sink* e) {
        return guarded(e, [&] { return from_c(k)->launch(ns), RONDO_OK; });
      },
      [](rondo_kernel* k, std::uint64_t ns, rondo_error_sink* e) {
        return guarded(e, [&] { return from_c(k)->activate(ns), RONDO_OK; });
      },
      [](rondo_kernel* k, std::uint64_t ns, rondo_error_sink* e) {
        return guarded(e, [&] { return from_c(k)->deactivate(ns), RONDO_OK; });
      },
      [](rondo_kernel* k, std::uint32_t mode, std::uint64_t ns, rondo_terminate_report* report,
         rondo_error_sink* e) {
        return guarded(e, [&] { return from_c(k)->terminate(mode, ns, *report), RONDO_OK; });
      },
      [](rondo_kernel* k) { delete from_c(k); },
      [](rondo_kernel* k) { return from_c(k)->state(); },
      [](rondo_kernel* k) { return reinterpret_cast<rondo_queue*>(&from_c(k)->input()); },
      [](rondo_kernel* k) { return reinterpret_cast<rondo_queue*>(&from_c(k)->output()); },
      [](rondo_kernel* k, rondo_kernel_counters* out) {
        return guarded(nullptr, [&] {
          // An older host has room for fewer.
          rondo_kernel_counters all{};
          from_c(k)->counters(all);
          const std::uint32_t room = out->struct_size;
          all.struct_size = room;
          __builtin_memcpy(out, &all, room < sizeof all ? room : sizeof all);
          return RONDO_OK;
        });
      },
      [](rondo_kernel* k) { return guarded(nullptr, [&] { return from_c(k)->renew(); }); },
      [](rondo_kernel* k, char* to, std::uint32_t room, std::uint32_t* length) {
        return guarded(nullptr, [&] {
          std::string why;
          const rondo_status code = from_c(k)->failure(why);
          *length = static_cast<std::uint32_t>(why.copy(to, room));
          return code;
        });
      }};

  static constexpr rondo_queue_table queues = {
      sizeof(rondo_queue_table),
      0,
      [](rondo_queue* q, const rondo_envelope* h, const void* p) { return from_c(q)->push(*h, p); },
      [](rondo_queue* q, rondo_envelope* h, void* p, std::uint32_t room) {
        return from_c(q)->pop(*h, p, room);
      },
      [](rondo_queue* q, const rondo_envelope* h, const void* const* p, std::uint64_t n,
         std::uint64_t* done) { return from_c(q)->push_batch(h, p, n, *done); },
      [](rondo_queue* q, rondo_envelope* h, void* const* p, std::uint32_t room, std::uint64_t n,
         std::uint64_t* done) { return from_c(q)->pop_batch(h, p, room, n, *done); },
      [](rondo_queue* q, std::uint32_t n, rondo_claim* out) { return from_c(q)->reserve(n, *out); },
      [](rondo_queue* q, rondo_claim* c, const rondo_envelope* h) {
        return from_c(q)->commit(*c, *h);
      },
      [](rondo_queue* q, rondo_claim* c) { return from_c(q)->abandon(*c); },
      [](rondo_queue* q, rondo_view* out) { return from_c(q)->peek(*out); },
      [](rondo_queue* q, rondo_view* v) { return from_c(q)->release(*v); },
      [](rondo_queue* q, rondo_queue_info* out) { return from_c(q)->info(*out); },
      [](rondo_queue* q, rondo_ring_map* out) { return from_c(q)->map(*out); }};

  static constexpr rondo_buffer_table buffers = {
      sizeof(rondo_buffer_table),
      0,
      [](rondo_device* d, std::uint64_t bytes, rondo_buffer_handle* out, rondo_error_sink* e) {
        return guarded(e, [&] {
          *out = from_c(d)->create_buffer(bytes);
          return RONDO_OK;
        });
      },
      [](rondo_device* d, rondo_buffer_handle h) {
        return guarded(nullptr, [&] { return from_c(d)->destroy_buffer(h); });
      },
      [](rondo_device* d, rondo_buffer_handle h, std::uint64_t at, const void* from,
         std::uint64_t n, rondo_error_sink* e) {
        return guarded(e, [&] { return from_c(d)->write_buffer(h, at, from, n), RONDO_OK; });
      },
      [](rondo_device* d, rondo_buffer_handle h, std::uint64_t at, void* to, std::uint64_t n,
         rondo_error_sink* e) {
        return guarded(e, [&] { return from_c(d)->read_buffer(h, at, to, n), RONDO_OK; });
      },
      [](rondo_device* d, std::uint64_t bytes, rondo_buffer_handle* out, void** host,
         rondo_error_sink* e) {
        return guarded(e, [&] {
          void* at = nullptr;
          *out = from_c(d)->create_visible_buffer(bytes, at);
          *host = at;
          return RONDO_OK;
        });
      }};
};

inline const rondo_host_services*& host_slot() {
  static const rondo_host_services* services = nullptr;
  return services;
}

}  // namespace detail

// The services the host gave this plugin; valid from the entry on.
inline const rondo_host_services& host() { return *detail::host_slot(); }

inline void log(std::uint32_t level, std::string_view component, std::string_view message) {
  if (detail::host_slot() != nullptr)
    host().log(host().self, level, text(component), text(message));
}

}  // namespace rondo::backend

// The entry of a plugin, once per library. `capabilities_` is a constexpr array of rondo_string.
#define RONDO_BACKEND(Backend, id_, name_, version_, capabilities_, unload_safe_)                \
  extern "C" __attribute__((visibility("default"))) const rondo_plugin_descriptor*               \
  rondo_plugin_entry(const rondo_host_services* host, std::uint32_t, std::uint32_t) {            \
    using filled = ::rondo::backend::detail::tables<Backend>;                                    \
    static const rondo_table tables[] = {{{RONDO_TABLE_BACKEND, sizeof RONDO_TABLE_BACKEND - 1}, \
                                          1,                                                     \
                                          sizeof filled::backends,                               \
                                          &filled::backends},                                    \
                                         {{RONDO_TABLE_KERNEL, sizeof RONDO_TABLE_KERNEL - 1},   \
                                          1,                                                     \
                                          sizeof filled::kernels,                                \
                                          &filled::kernels},                                     \
                                         {{RONDO_TABLE_QUEUE, sizeof RONDO_TABLE_QUEUE - 1},     \
                                          1,                                                     \
                                          sizeof filled::queues,                                 \
                                          &filled::queues},                                      \
                                         {{RONDO_TABLE_BUFFER, sizeof RONDO_TABLE_BUFFER - 1},   \
                                          1,                                                     \
                                          sizeof filled::buffers,                                \
                                          &filled::buffers}};                                    \
    static const rondo_plugin_descriptor descriptor = {                                          \
        RONDO_PLUGIN_MAGIC,                                                                      \
        sizeof(rondo_plugin_descriptor),                                                         \
        1,                                                                                       \
        RONDO_ABI_VERSION,                                                                       \
        unload_safe_,                                                                            \
        {id_, sizeof id_ - 1},                                                                   \
        {name_, sizeof name_ - 1},                                                               \
        {version_, sizeof version_ - 1},                                                         \
        {"C++ " __VERSION__, sizeof "C++ " __VERSION__ - 1},                                     \
        capabilities_,                                                                           \
        sizeof capabilities_ / sizeof capabilities_[0],                                          \
        tables,                                                                                  \
        sizeof tables / sizeof tables[0]};                                                       \
    ::rondo::backend::detail::host_slot() = host;                                                \
    return &descriptor;                                                                          \
  }                                                                                              \
  static_assert(true)

// One capability, for the array.
#define RONDO_CAPABILITY(name) \
  rondo_string { name, sizeof name - 1 }
