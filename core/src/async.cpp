// Sending the request of an asynchronous call, and waiting until what was sent has been handled.
#include "instance.hpp"

#include <rondo/host_services.hpp>

namespace rondo::detail {

namespace {

constexpr std::uint64_t spin_ns = 20'000;
void nap() {
  const timespec t{0, 50'000};
  nanosleep(&t, nullptr);
}

}  // namespace

// As send_until(), by one who has no ticket: he may not lead for long, and must not wait at all
// where everybody else's completion waits for him.
status instance::send_moving(const codec& type, const void* message, std::uint64_t correlation,
                             deadline& until) {
  ring::spinner spinner(spin_ns);
  const bool may_wait = !plan_.async->is_here();
  std::uint64_t id = 0;
  for (;;) {
    if (closed_.load(std::memory_order_acquire)) return refusal();  // SYNC: closed
    const status code = input_->try_send(type, message, correlation, id);
    if (code != RONDO_FULL) return code;
    if (until.is_zero()) return RONDO_TIMEOUT;
    status ignored;
    router_->hand_on_all(ignored);  // or the kernel might wait for room as well
    if (!may_wait) return input_->try_send(type, message, correlation, id);
    if (spinner.idle()) nap();
    if (until.passed()) return RONDO_TIMEOUT;
    const status now = health();
    if (now != RONDO_OK) return now;
  }
}

void instance::call_async(const std::shared_ptr<instance>& self, const codec& request,
                          const void* in, const codec& response, nanoseconds timeout,
                          std::unique_ptr<pending_call> then) {
  deadline until(timeout.count());
  completions& async = *plan_.async;
  completions::call made{self,       std::move(then), &response, timeout,
                         until.at(), router_->life(), {}};
  const std::uint64_t id = async.add(made);
  if (id == 0) return completions::finish_closed(made);
  status code;
  try {
    code = send_moving(request, in, id, until);
  } catch (...) {  // by the message's own encoding
    async.forget(id);
    throw;
  }
  if (code == RONDO_OK) return;
  error_info why;
  explain(code, request, timeout, why);
  async.fail(id, std::move(why));
}

// Through a mapped ring the kernel's place in the queue tells. Through calls it is told by how many
// requests were waiting, counted before those that were done: at worst that is too many, and then
// an empty queue tells.
status instance::flush(nanoseconds timeout, std::uint64_t& all, error_info& why) {
  deadline until(timeout.count());
  const auto done = [this] {
    rondo_kernel_counters c{};
    c.struct_size = sizeof c;
    const host_call_guard guard;
    api().kernel.counters(handle_, &c);
    return c.messages_in + c.messages_dropped;
  };
  const bool is_mapped = input_->is_mapped();
  const std::uint64_t waiting = is_mapped ? 0 : input_->depth();
  const std::uint64_t target = is_mapped ? input_->next_sequence() : done() + waiting;
  const auto is_handled = [&] {
    if (is_mapped) return input_->is_handled_below(target);
    return input_->depth() == 0 || done() >= target;
  };
  const codec type{handler().request, nullptr, nullptr, nullptr, 0};
  const std::uint64_t life = router_->life();
  ring::spinner spinner(spin_ns);
  for (;;) {
    const bool is_done = is_handled();
    // After that: a kernel that is ended empties its queue as well.
    if (closed_.load(std::memory_order_acquire))  // SYNC: closed
      return explain(refusal(), type, timeout, why);
    if (router_->life() != life) return explain(RONDO_TERMINATED, type, timeout, why);
    if (is_done) break;
    if (spinner.idle()) nap();
    const status now = health();
    if (now != RONDO_OK) return explain(now, type, timeout, why);
    if (until.passed()) return explain(RONDO_TIMEOUT, type, timeout, why);
  }
  all = done();
  return RONDO_OK;
}

}  // namespace rondo::detail
