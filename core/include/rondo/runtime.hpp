// The runtime: finds backends, launches kernels, knows every queue by name. Several may live in one
// process; each owns the kernels it launched and ends them when it closes.
//
// Threads: any, for every function but close() and the destructor, which must be the last.
#pragma once

#include <rondo/kernel.hpp>
#include <rondo/kernel/hooks.hpp>
#include <rondo/loader.hpp>
#include <rondo/naming.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo {

struct device_description {
  std::uint32_t index = 0;
  std::string name;
  bool usable = false;
  std::string reason;  // why not usable
  std::uint64_t memory_bytes = 0;
  std::uint32_t processors = 0;
  std::uint32_t max_resident_kernels = 0;  // 0: no fixed limit
  // What the device found out about itself and chose when it was opened, in the backend's words and
  // order. Empty for a device that is not open, or whose backend tells nothing.
  std::vector<std::pair<std::string, std::string>> properties;
};

struct backend_description {
  std::string id;
  std::string name;
  std::string version;
  std::filesystem::path path;
  std::vector<std::string> capabilities;
  std::vector<device_description> devices;
};

struct queue_description {
  std::string name;
  std::string message_type;
  std::string kernel_id;
  queue_direction direction;
  std::string backend;
  std::uint64_t capacity = 0;          // messages
  std::uint32_t payload_capacity = 0;  // bytes
  std::uint64_t depth = 0;             // messages waiting
};

// What was found, whether it works or not.
struct backend_survey {
  load_report report;
  std::vector<backend_description> backends;  // the usable ones
};

struct handler_description {
  std::string id;
  std::string module;
  std::string request;  // wire name
  std::string response;
  std::vector<std::string> images;  // "host" and the backends with an image
  std::uint32_t scenarios = 0;
};

namespace detail {
// The argument of on_start() that a launch was given, encoded.
struct given_start {
  const rondo_message_type* type = nullptr;  // nullptr: none
  std::vector<std::byte> bytes{};
  bool fits = true;
};
}  // namespace detail

class RONDO_EXPORT runtime {
 public:
  // Throws NO_SUCH_DIRECTORY for an explicit path that is not there; no_backend_error when no
  // backend can be used.
  static runtime open(const runtime_options& options = {});
  // Look, and report, without failing. Opens each usable device and closes it again: one that
  // cannot be opened is not usable, with the reason it gave. May take as long as opening takes.
  static backend_survey survey(const runtime_options& options = {});

  runtime(runtime&&) noexcept;
  runtime& operator=(runtime&&) noexcept;
  ~runtime();

  // Ends every kernel: each gets `per_kernel` to finish its request in hand. What waits is
  // discarded and said in the log. Then completes the asynchronous calls that are left, and returns
  // when their callbacks have. Idempotent; the destructor calls it.
  void close(nanoseconds per_kernel = std::chrono::seconds(2));

  // With runtime_options::manual_completion: completes the asynchronous calls that can be completed
  // now, on this thread, without waiting; returns how many. 0 while another thread, or a callback
  // of this one, is in poll(). Throws INVALID_STATE if the runtime has a thread for it.
  std::size_t poll();

  const load_report& report() const;
  // Opens no device: properties are told of those that kernels or buffers hold open. Waits while
  // another thread opens a device of the same backend.
  std::vector<backend_description> backends() const;
  // Every handler of a module, given by name or path; or of all modules in reach.
  std::vector<handler_description> handlers(const std::string& module = {}) const;

  // Launch the handler H from its kernel module. The kernel does not run before activate(). Throws
  // NO_SUCH_BACKEND, NO_SUCH_DEVICE, NO_SUCH_MODULE, NO_SUCH_KERNEL, NO_IMAGE, REQUEST_MISMATCH,
  // RESPONSE_MISMATCH, ALREADY_EXISTS (the id), INVALID_NAME, CAPACITY_*, UNSUPPORTED, and what the
  // backend says.
  template <handler_type H>
  kernel<H> launch(const launch_options& options = {}) {
    static_assert(!detail::takes_start_argument<H>,
                  "this handler's on_start takes an argument: launch<H>(options, argument)");
    return launch_typed<H>(options, {});
  }
  // The handler's on_start() gets the argument, now and at every relaunch(). Throws also what
  // on_start() fails with, in its words; INVALID_ARGUMENT if the argument is longer than it may be.
  template <handler_type H>
  requires detail::takes_start_argument<H> kernel<H> launch(
      const launch_options& options, const detail::start_argument<H>& argument) {
    using type = detail::start_argument<H>;
    constexpr rondo_message_type described = detail::describe_message<type>();
    detail::given_start start{&described, std::vector<std::byte>(detail::max_bytes<type>())};
    const std::int64_t length =
        encode(argument, start.bytes.data(), static_cast<std::uint32_t>(start.bytes.size()));
    start.fits = length >= 0;
    start.bytes.resize(start.fits ? static_cast<std::size_t>(length) : 0);
    return launch_typed<H>(options, std::move(start));
  }
  // The same by name, for programs that do not know the types.
  kernel_handle launch(std::string_view handler_id, const launch_options& options = {}) {
    return launch_checked(handler_id, nullptr, nullptr, options, {});
  }

  kernel_handle find_kernel(std::string_view id) const;
  std::vector<kernel_handle> kernels() const;
  // Forget a terminated or failed kernel: its id and its queues' names are free again. Handles to
  // it stay valid. Throws NO_SUCH_KERNEL, INVALID_STATE.
  void remove(std::string_view id);

  // Queues, by the naming contract. Throw NO_SUCH_QUEUE with what exists and which is nearest,
  // AMBIGUOUS_NAME, INVALID_NAME.
  std::vector<queue_description> queues() const;
  queue_description find_queue(std::string_view name) const;
  // Typed ends by name; throw REQUEST_MISMATCH or RESPONSE_MISMATCH if the queue carries another
  // type, INVALID_ARGUMENT for the wrong direction.
  template <message_type T>
  sender<T> open_sender(std::string_view name) const {
    constexpr rondo_message_type type = detail::describe_message<T>();
    return sender<T>(open_end(name, queue_direction::input, type));
  }
  template <message_type T>
  receiver<T> open_receiver(std::string_view name) const {
    constexpr rondo_message_type type = detail::describe_message<T>();
    return receiver<T>(open_end(name, queue_direction::output, type));
  }

 private:
  struct state;
  explicit runtime(std::unique_ptr<state> opened);
  template <handler_type H>
  kernel<H> launch_typed(const launch_options& options, detail::given_start start) {
    constexpr rondo_message_type request = detail::describe_message<typename H::request>();
    constexpr rondo_message_type response = detail::describe_message<typename H::response>();
    return kernel<H>(
        launch_checked({H::id.text, H::id.size}, &request, &response, options, std::move(start)));
  }
  kernel_handle launch_checked(std::string_view handler_id, const rondo_message_type* request,
                               const rondo_message_type* response, const launch_options& options,
                               detail::given_start start);
  kernel_handle open_end(std::string_view name, queue_direction direction,
                         const rondo_message_type& type) const;

  std::unique_ptr<state> state_;
};

// No backend can be used; says where was looked and why each candidate was refused.
class RONDO_EXPORT no_backend_error : public error {
 public:
  explicit no_backend_error(load_report report);
  ~no_backend_error() override;
  const load_report& report() const noexcept { return *report_; }

 private:
  std::shared_ptr<const load_report> report_;
};

}  // namespace rondo
