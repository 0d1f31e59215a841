// Sending the request of an asynchronous call, and waiting until what was sent has been handled.
#include "full_input.hpp"

#include <rondo/host_services.hpp>

namespace rondo::detail {

namespace {

constexpr std::uint64_t spin_ns = 20'000;
constexpr std::int64_t counters_lag_ns = 10'000'000;
void nap() {
  const timespec t{0, 50'000};
  nanosleep(&t, nullptr);
}

}  // namespace

// As send_order(), by one who has no ticket: he may not lead for long, and must not wait at all
// where everybody else's completion waits for him.
status instance::send_moving(const order& of, deadline& until) {
  std::uint64_t id = 0;
  if (closed_.load(std::memory_order_acquire)) return refusal();  // SYNC: closed
  status code = try_order(of, id);
  if (code != RONDO_FULL) return code;
  code = when_input_full(of.with.urgent, 1);
  if (code != RONDO_OK) return closed_.load(std::memory_order_acquire) ? refusal() : code;
  // Or the kernel might wait for room as well.
  const auto move = [&] {
    status ignored;
    router_->hand_on_all(ignored);
  };
  if (!until.is_zero()) move();
  if (!until.is_zero() && plan_.async->is_here()) return try_order(of, id);
  return wait_for_place(
      of.with, until, [&] { return try_order(of, id); }, move);
}

void instance::call_async(const std::shared_ptr<instance>& self, const codec& request,
                          const void* in, const codec& response, nanoseconds timeout,
                          const send_options& how, std::unique_ptr<pending_call> then) {
  deadline until(timeout.count());
  order of{request, in, 0, how};
  error_info why;
  begin_order(of, why);
  completions& async = *plan_.async;
  completions::call made{self,       std::move(then), &response, timeout,
                         until.at(), router_->life(), {}};
  const std::uint64_t id = async.add(made);
  if (id == 0) return completions::finish_closed(made);
  of.correlation = id;
  status code;
  try {
    code = why.code != RONDO_OK ? why.code : send_moving(of, until);
  } catch (...) {  // by the message's own encoding
    async.forget(id);
    throw;
  }
  if (code == RONDO_OK) return;
  if (until.is_zero()) code = as_call(code);
  if (why.code == RONDO_OK) explain(code, request, timeout, why);
  async.fail(id, std::move(why));
}

// Through a mapped ring the kernel's place in the queue tells. Through calls it is told by how many
// requests were waiting, counted before those that were done: at worst that is too many, and then
// an empty queue tells.
status instance::flush(nanoseconds timeout, std::uint64_t& all, error_info& why) {
  deadline until(timeout.count());
  keep_for(until);
  const auto done = [this] {
    rondo_kernel_counters c{};
    c.struct_size = sizeof c;
    const host_call_guard guard;
    api().kernel.counters(handle_, &c);
    return c.messages_in + c.messages_dropped;
  };
  const bool is_mapped = input_->is_mapped();
  const std::uint64_t waiting = is_mapped ? 0 : input_->depth();
  const std::uint64_t target = is_mapped ? 0 : done() + waiting;
  const send_port::place end = is_mapped ? input_->next_place() : send_port::place{};
  const std::uint64_t accepted = is_mapped ? end.normal + end.urgent : input_->passed_to_calls();
  const auto is_handled = [&] {
    if (is_mapped) return input_->is_handled_below(end);
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
  // A device shows that a slot is free and what it counted by two stores, in whatever order they
  // come.
  for (deadline late(counters_lag_ns); (all = done()) < accepted && !late.passed();) nap();
  return RONDO_OK;
}

}  // namespace rondo::detail
