// What a runtime owns. Closed in this order: kernels, queues' names, what completes asynchronous
// calls, modules, backends.
#pragma once

#include "instance.hpp"

#include <rondo/queue_registry.hpp>
#include <rondo/runtime.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace rondo {

struct runtime::state {
  explicit state(const runtime_options& options)
      : modules(options), async(std::make_shared<detail::completions>(options.manual_completion)) {}

  load_report report;
  std::vector<std::shared_ptr<detail::open_backend>> backends;
  mutable detail::module_set modules;
  queue_registry queues;
  std::shared_ptr<detail::completions> async;

  mutable std::mutex mutex;  // kernels, next_tag
  std::map<std::string, std::shared_ptr<detail::instance>, std::less<>> kernels;
  std::uint64_t next_tag = 0;
  bool closed = false;

  // The launch, checked and filled in; see launch.cpp.
  detail::launch_plan plan(std::string_view handler_id, const rondo_message_type* request,
                           const rondo_message_type* response, const launch_options& options,
                           const detail::given_start& start);
  std::shared_ptr<detail::open_backend> choose_backend(const detail::found_handler& found,
                                                       const launch_options& options) const;
};

namespace detail {
// Opens the accepted plugins of a report; those without a usable device lose their acceptance.
std::vector<std::shared_ptr<open_backend>> open_backends(
    load_report& report, const std::vector<device_option>& device_options);
load_report find_plugins(const runtime_options& options);
// "VectorAddRequestMessage v1, encoded, at most 257 bytes"
std::string to_text(const rondo_message_type& type);
bool same_type(const rondo_message_type& a, const rondo_message_type& b);
}  // namespace detail

}  // namespace rondo
