// Handlers that are brief. A backend may hand them several requests at once, or one after the
// other; whoever sends cannot tell.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <deque>

namespace rondo::conformance {

namespace {

using kernels::brief_reply;
using kernels::brief_request;
using kernels::misdeed;

// Requests to one kernel, some of which fail, and what their kernel should have counted.
class stream {
 public:
  stream(bench& it, test_kernel& kernel) : it_(it), kernel_(kernel) {}

  void send() {
    sent one;
    one.request.nonce = it_.number();
    one.correlation = it_.number();
    one.count = ++count_;
    if (count_ % 11 == 5) one.request.what = misdeed::fail;
    if (count_ % 23 == 9) one.request.what = misdeed::raise;
    one.request.user_code = static_cast<std::int32_t>(count_);
    if (one.request.what != misdeed::none) ++failed_;
    kernel_.send(one.request, one.correlation);
    waiting_.push_back(one);
  }
  // The reply to the oldest that has none, and no other.
  void receive(const place& at = place::current()) {
    const sent due = waiting_.front();
    waiting_.pop_front();
    const received reply = kernel_.receive(at);
    const std::string whose = " of reply " + std::to_string(due.count) + " of a brief handler";
    expect_equal(reply.header.correlation_id, due.correlation, "the correlation" + whose, at);
    expect_equal(reply.header.message_id, due.count, "the message_id" + whose, at);
    if (due.request.what != misdeed::none) {
      const auto failure = reply.failure(at);
      if (failure.code == RONDO_HANDLER_FAILED)
        expect_equal(failure.user_code, due.request.user_code, "the code" + whose, at);
      else expect_equal(failure.code, RONDO_HANDLER_THREW, "the failure" + whose, at);
      return;
    }
    const auto got = reply.as<brief_reply>(at);
    require(got.proof == kernels::secret(due.request.nonce, kernels::brief_salt),
            "what the handler computed is of another request than the reply's", at);
    expect_equal(got.count, due.count, "how many requests the handler has seen; it", at);
    expect_equal(got.correlation_id, due.correlation, "the correlation that the handler saw", at);
    expect_equal(got.message_id, due.count, "the message_id that the handler saw", at);
  }
  // All replies have been received.
  void expect_counted(const place& at = place::current()) {
    const auto is_counted = [&] {
      const auto now = kernel_.counters();
      return now.messages_in == count_ && now.messages_out == count_ &&
             now.bytes_in == count_ * sizeof(brief_request) && now.messages_failed == failed_;
    };
    require(eventually(is_counted, it_.patience()),
            "a kernel with a brief handler has not counted " + std::to_string(count_) +
                " requests, as many replies and " + std::to_string(failed_) + " failures",
            at);
  }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct sent {
    brief_request request;
    std::uint64_t correlation = 0;
    std::uint64_t count = 0;
  };
  bench& it_;
  test_kernel& kernel_;
  std::uint64_t count_ = 0;
  std::uint64_t failed_ = 0;
  std::deque<sent> waiting_;
};

std::vector<std::uint32_t> publications(bench& it) {
  std::vector<std::uint32_t> offered{RONDO_PUBLISH_DEFAULT};
  if (it.api().has(RONDO_CAP_PUBLISH_WORD)) offered.push_back(RONDO_PUBLISH_WORD);
  if (it.api().has(RONDO_CAP_PUBLISH_COUNTED)) offered.push_back(RONDO_PUBLISH_COUNTED);
  return offered;
}

kernel_spec brief_spec(std::uint32_t publication) {
  kernel_spec spec;
  spec.handler = "ConformanceBrief";
  spec.publication = publication;
  return spec;
}

}  // namespace

// All of them lie there before the first is taken, in slots that go round the ring's end.
RONDO_CASE(handler, bursts, requests_that_wait_together_are_each_answered, core, "EXEC-15", "") {
  for (const std::uint32_t publication : publications(it)) {
    test_kernel kernel(it, brief_spec(publication));
    kernel.launch();
    stream all(it, kernel);
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 59; ++i) all.send();
      kernel.activate();
      while (all.waiting() > 0) all.receive();
      kernel.expect_silence(std::chrono::milliseconds(2), "each request was answered");
      all.expect_counted();
      kernel.deactivate();
    }
  }
}

// Requests keep coming, and replies find little room.
RONDO_CASE(handler, bursts, a_stream_to_a_full_output_is_answered, core, "EXEC-15", "") {
  for (const std::uint32_t publication : publications(it)) {
    auto spec = brief_spec(publication);
    spec.output_capacity = 4;
    test_kernel kernel(it, spec);
    kernel.start();
    stream all(it, kernel);
    for (int i = 0; i < 24; ++i) all.send();
    for (int i = 0; i < 500; ++i) {
      all.receive();
      all.send();
    }
    while (all.waiting() > 0) all.receive();
    kernel.expect_silence(std::chrono::milliseconds(2), "each request was answered");
    all.expect_counted();
  }
}

// What waits when the kernel is told to drain is handled, and nothing else.
RONDO_CASE(handler, bursts, a_drain_ends_behind_what_was_sent, core, "EXEC-15", "") {
  for (const std::uint32_t publication : publications(it)) {
    test_kernel kernel(it, brief_spec(publication));
    kernel.start();
    stream all(it, kernel);
    for (int i = 0; i < 50; ++i) all.send();
    const auto report = kernel.terminate(RONDO_TERMINATE_DRAIN);
    expect_equal(report.discarded, 0u, "how many requests a drain discarded; it");
    while (all.waiting() > 0) all.receive();
    kernel.expect_silence(std::chrono::milliseconds(2), "each request was answered");
    all.expect_counted();
  }
}

}  // namespace rondo::conformance
