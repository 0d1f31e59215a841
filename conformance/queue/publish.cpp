// Each way to make a message visible that the backend offers: what is seen is a whole message, also
// in slots that have held others before. The ways: rondo/ring/layout.hpp.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

namespace rondo::conformance {

namespace {

struct way {
  std::uint32_t publication;
  const char* capability;
};
constexpr way ways[] = {{RONDO_PUBLISH_WORD, RONDO_CAP_PUBLISH_WORD},
                        {RONDO_PUBLISH_COUNTED, RONDO_CAP_PUBLISH_COUNTED},
                        {RONDO_PUBLISH_CHUNKED, RONDO_CAP_PUBLISH_CHUNKED},
                        {RONDO_PUBLISH_DEFAULT, ""}};

void expect_whole(test_kernel& kernel, std::uint64_t nonce, const std::string& how) {
  kernels::nonce_request request{nonce, {}};
  for (auto& word : request.filling) word = nonce;
  const std::uint64_t correlation = nonce ^ 0x5555;
  kernel.send(request, correlation);
  const received reply = kernel.receive();
  expect_equal(reply.header.correlation_id, correlation,
               "the correlation of a reply from a queue with " + how);
  const auto answer = reply.as<kernels::nonce_reply>();
  expect_equal(answer.proof, kernels::secret(nonce, kernels::nonce_salt),
               "the proof of a message through a queue with " + how);
  expect_equal(answer.filling, 7 * nonce,
               "the sum of what the request was filled with, through a queue with " + how);
}

}  // namespace

RONDO_CASE(queue, publish, messages_are_whole_however_they_are_published, core, "RING-05 MSG-02",
           "") {
  for (const way& one : ways) {
    const std::string how =
        *one.capability == '\0' ? "the backend's own publication" : std::string(one.capability);
    if (*one.capability != '\0' && !it.has(one.capability)) continue;
    kernel_spec spec;
    spec.publication = one.publication;
    spec.input_capacity = spec.output_capacity = 4;
    test_kernel kernel(it, spec);
    kernel.start();
    for (int i = 0; i < 40; ++i) expect_whole(kernel, it.number() >> 8, how);
  }
}

}  // namespace rondo::conformance
