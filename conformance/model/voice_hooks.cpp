// ConformanceHooks: on_start with an argument, on_stop, and a start that is refused.
#include "voice.hpp"

#include "../kernels/hooks.hpp"

namespace rondo::conformance::model {

namespace {

constexpr std::uint32_t text_length = 18;
constexpr std::int32_t user_code = 40'417;

class hooks final : public voice {
 public:
  hooks(unsigned which, bool refuses) : refuses_(refuses) { setup_.nonce = 7'000 + which; }

  void choose(kernel_spec& spec) const override {
    auto setup = setup_;
    if (refuses_) {
      setup.how = kernels::refusal::fail;
      setup.at = refused_start;
      setup.user_code = user_code;
      setup.text_length = text_length;
    }
    spec.handler = "ConformanceHooks";
    spec.start = encoded(setup);
  }
  std::uint16_t version() const override {
    return rondo::detail::message_of<kernels::hooks_request>.version;
  }
  std::uint32_t request_bytes() const override { return sizeof(kernels::hooks_request); }
  std::vector<std::byte> request(std::uint64_t nonce, timing) override {
    return bytes_of(kernels::hooks_request{nonce});
  }

  bool refuses_launch() override { return ++tried_ == refused_start && refuses_; }
  void check_refusal(rondo_status got, const std::string& said) const override {
    rule("HOOK-02");
    expect_status(got, RONDO_HANDLER_FAILED, "a launch that on_start refuses");
    std::string text;
    for (std::uint32_t i = 0; i < text_length; ++i) text += kernels::letter(i);
    require(said.find(text) != said.npos && said.find(std::to_string(user_code)) != said.npos,
            "launch does not say what on_start said, '" + text + "' and the code " +
                std::to_string(user_code) + ": '" + said + "'");
  }

  void check(const received& reply, const handled& request) override {
    skip(request);
    rule("HOOK-01");
    const auto answer = reply.as<kernels::hooks_reply>();
    expect_equal(answer.starts, life_, "how often on_start" + request.where + " has run; it");
    rule("HOOK-03");
    expect_equal(answer.stops, life_ - 1, "how often on_stop" + request.where + " has run; it");
    expect_equal(answer.unstarted, 0u,
                 "the requests that came before on_start, or after on_stop," + request.where);
    rule("HOOK-01");
    expect_equal(answer.requests, requests_, "the requests since on_start ran" + request.where);
    require(answer.proof == kernels::hooks_proof(setup_.nonce, request.nonce),
            "what on_start" + request.where + " was given is not the start argument");
  }

  void skip(const handled& request) override {
    if (request.life != life_) requests_ = 0;
    life_ = request.life;
    ++requests_;
  }

 private:
  static constexpr std::uint32_t refused_start = 2;

  const bool refuses_;
  kernels::hooks_setup setup_;
  std::uint64_t tried_ = 0, life_ = 0, requests_ = 0;
};

}  // namespace

std::unique_ptr<voice> voice_with_hooks(unsigned which, bool refuses) {
  return std::make_unique<hooks>(which, refuses);
}

}  // namespace rondo::conformance::model
