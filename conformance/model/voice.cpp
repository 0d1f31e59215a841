// ConformanceNonce and ConformanceOther: proof of work, order and state.
#include "voice.hpp"

namespace rondo::conformance::model {

namespace {

class nonces final : public voice {
 public:
  explicit nonces(unsigned which) : which_(which), is_other_(which == 2) {}

  void choose(kernel_spec& spec) const override {
    spec.handler = is_other_ ? "ConformanceOther" : "ConformanceNonce";
  }
  std::uint16_t version() const override {
    return rondo::detail::message_of<kernels::nonce_request>.version;
  }
  std::uint32_t request_bytes() const override { return sizeof(kernels::nonce_request); }
  std::vector<std::byte> request(std::uint64_t nonce, timing) override {
    kernels::nonce_request out;
    out.nonce = nonce;
    return bytes_of(out);
  }

  void check(const received& reply, const handled& request) override {
    rule("EXEC-01");
    const auto answer = reply.as<kernels::nonce_reply>();
    const auto salt = is_other_ ? kernels::other_salt : kernels::nonce_salt;
    expect_equal(answer.proof, kernels::secret(request.nonce, salt),
                 "the proof in a reply" + request.where);
    rule("EXEC-04");
    expect_equal(answer.kernel_tag, first_tag + which_, "the kernel_tag seen by the handler");
    // The state of the handler, through relaunches: it has seen what was accepted, once each.
    rule("EXEC-02");
    expect_equal(answer.count, ++count_,
                 "the requests that the handler" + request.where + " has seen,");
    chain_ = kernels::secret(chain_ ^ request.nonce, kernels::chain_salt);
    require(answer.chain == chain_, "what the handler" + request.where +
                                        " has seen is not what was answered, in that order");
  }

  void skip(const handled& request) override {
    ++count_;
    chain_ = kernels::secret(chain_ ^ request.nonce, kernels::chain_salt);
  }

 private:
  const unsigned which_;
  const bool is_other_;
  std::uint64_t count_ = 0;
  std::uint64_t chain_ = kernels::chain_start;
};

}  // namespace

std::unique_ptr<voice> voice_of_nonces(unsigned which) { return std::make_unique<nonces>(which); }

std::unique_ptr<voice> voice_of(traits with, unsigned which) {
  if (with.has(trait::hooks)) return voice_with_hooks(which, with.has(trait::refuse));
  if (with.has(trait::timer)) return voice_with_timer();
  return voice_of_nonces(which);
}

}  // namespace rondo::conformance::model
