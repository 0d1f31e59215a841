// Handlers whose requests do not depend on each other. A backend may run them one by one, or many
// at once; whoever sends cannot tell.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <deque>

namespace rondo::conformance {

namespace {

using kernels::independent_reply;
using kernels::independent_request;

// Requests that take long among others that do not, so that a reply that does not wait for its turn
// comes early, and failures in between.
class crowd {
 public:
  crowd(bench& it, test_kernel& kernel) : it_(it), kernel_(kernel) {}

  void send() {
    sent one;
    one.request.nonce = it_.number();
    one.request.microseconds = count_ % 7 == 0 ? 400 : 3 * (count_ % 4);
    if (count_ % 5 == 3) one.request.fails_with = static_cast<std::int32_t>(1000 + count_);
    one.correlation = it_.number();
    kernel_.send(one.request, one.correlation);
    waiting_.push_back(one);
    ++count_;
  }
  // The reply to the oldest that has none, and no other.
  void receive(const place& at = place::current()) {
    const sent due = waiting_.front();
    waiting_.pop_front();
    const received reply = kernel_.receive(at);
    const std::string whose = " of the reply whose turn it is among those to independent requests";
    expect_equal(reply.header.correlation_id, due.correlation, "the correlation" + whose, at);
    if (due.request.fails_with != 0) {
      expect_equal(reply.failure(at).user_code, due.request.fails_with, "the code" + whose, at);
      return;
    }
    const auto got = reply.as<independent_reply>(at);
    expect_equal(got.correlation_id, due.correlation, "the correlation that the handler saw", at);
    require(got.proof == kernels::secret(due.request.nonce, kernels::independent_salt),
            "what the handler computed is of another request than the reply's", at);
  }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct sent {
    independent_request request;
    std::uint64_t correlation = 0;
  };
  bench& it_;
  test_kernel& kernel_;
  std::uint32_t count_ = 0;
  std::deque<sent> waiting_;
};

kernel_spec independent_spec() {
  kernel_spec spec;
  spec.handler = "ConformanceIndependent";
  return spec;
}

}  // namespace

// All of them lie there before the first is taken, and all replies before the first is popped.
RONDO_CASE(handler, independent, requests_that_wait_together_are_answered_in_turn, core, "EXEC-10",
           "") {
  test_kernel kernel(it, independent_spec());
  kernel.launch();
  for (int round = 0; round < 3; ++round) {
    crowd all(it, kernel);
    for (int i = 0; i < 60; ++i) all.send();
    kernel.activate();
    (void)eventually([&] { return kernel.info(kernel.output()).depth >= 60; }, it.patience());
    while (all.waiting() > 0) all.receive();
    kernel.expect_silence(std::chrono::milliseconds(2), "each request was answered");
    kernel.deactivate();
  }
}

// Requests keep coming, and replies find little room.
RONDO_CASE(handler, independent, a_stream_of_requests_is_answered_in_turn, core, "EXEC-10", "") {
  auto spec = independent_spec();
  spec.output_capacity = 4;
  test_kernel kernel(it, spec);
  kernel.start();
  crowd all(it, kernel);
  for (int i = 0; i < 24; ++i) all.send();
  for (int i = 0; i < 300; ++i) {
    all.receive();
    all.send();
  }
  while (all.waiting() > 0) all.receive();
  kernel.expect_silence(std::chrono::milliseconds(2), "each request was answered");
}

}  // namespace rondo::conformance
