// Messages that only a host can read, by a backend that says that it reads them.
#include "../support/bench.hpp"
#include "../support/suite.hpp"

#include "../kernels/words.hpp"

#include <rondo/runtime.hpp>

namespace rondo::conformance {

namespace kernels = conformance_kernels;

RONDO_CASE(capability, host_only, message_host_only, core, "CAP-01 MSG-02", "") {
  auto runtime = it.open_runtime();
  if (!it.has(RONDO_CAP_HOST_ONLY_MESSAGES)) {
    try {
      (void)runtime.launch<kernels::words_handler>(it.launch());
    } catch (const error& refusal) {
      return expect_one_of(refusal.code(), {RONDO_UNSUPPORTED, RONDO_NO_IMAGE},
                           "launch of a handler of host-only messages");
    }
    fail(
        "a handler of messages that only a host can read was launched, and message.host_only is "
        "not advertised");
  }
  auto kernel = runtime.launch<kernels::words_handler>(it.launch());
  kernel.activate();
  for (int i = 0; i < 20; ++i) {
    kernels::words_request request;
    for (int w = 0; w < i; ++w) request.words["word" + std::to_string(w)] = w;
    const auto answer = kernel.call(request, it.patience());
    require(answer.has_value(), "a call with a message of the host failed");
    expect_equal(answer->lengths.size(), i, "the words that came back");
    for (const auto& [word, weight] : request.words)
      expect_equal(answer->lengths.at(word + "!"), word.size() + static_cast<std::uint64_t>(weight),
                   "the length of a word");
  }
}

}  // namespace rondo::conformance
