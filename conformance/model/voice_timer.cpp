// ConformanceTimer: requests ask for a timer, and each reply tells how often it has come. No time
// is measured that has to be short: a timer must come at last, must not come before its time, which
// is the handler's measurement, and not while its kernel was inactive.
#include "voice.hpp"

#include "../kernels/hooks.hpp"

#include <algorithm>
#include <map>

namespace rondo::conformance::model {

namespace {

constexpr std::int64_t soon_ns = 2'000'000, often_ns = 100'000, far_ns = 3'600'000'000'000;
constexpr std::uint64_t often = 48;  // more than messages come meanwhile

class timers final : public voice {
 public:
  void choose(kernel_spec& spec) const override { spec.handler = "ConformanceTimer"; }
  std::uint16_t version() const override {
    return rondo::detail::message_of<kernels::timer_request>.version;
  }
  std::uint32_t request_bytes() const override { return sizeof(kernels::timer_request); }

  std::vector<std::byte> request(std::uint64_t nonce, timing asks) override {
    kernels::timer_request out;
    out.nonce = nonce;
    if (asks == timing::none) return bytes_of(out);
    out.after_ns[0] = asks == timing::soon ? soon_ns : asks == timing::often ? often_ns : far_ns;
    if (asks == timing::often) {
      out.times = often;
      out.fails = 1;
    }
    asked_[nonce] = {asks, now_ns()};
    return bytes_of(out);
  }

  bool has_timer() const override { return true; }
  std::uint64_t timers_due() const override { return due_; }
  std::string_view rule_of_timers() const override {
    const bool has_rested = std::any_of(
        rests_.begin(), rests_.end(), [&](const rest& each) { return each.to_ns > last_.from_ns; });
    return has_rested ? "TIME-02" : last_.what == timing::often ? "TIME-04" : "TIME-01";
  }
  void was_inactive(std::uint64_t from_ns, std::uint64_t to_ns) override {
    rests_.push_back({from_ns, to_ns});
  }

  void check(const received& reply, const handled& request) override {
    rule("EXEC-01");
    const auto answer = reply.as<kernels::timer_reply>();
    require(answer.proof == kernels::secret(request.nonce + answer.ticks, kernels::timer_salt),
            "a reply" + request.where + " is not what the handler computes");
    check_count(answer.ticks, request);
    rule("TIME-01");
    expect_equal(answer.early, 0u,
                 "how often on_timer" + request.where + " came before its time; it");
    check_rests(answer, request);
    ticks_ = answer.ticks;
    life_ = request.life;
    note(request.nonce);
  }

  void skip(const handled&) override {
    fail("a timer's requests are never dropped, see traits.cpp");
  }

 private:
  struct question {
    timing what = timing::none;
    std::uint64_t from_ns = 0;  // asked then or later
    std::uint64_t to_ns = 0;    // and before
  };
  struct rest {
    std::uint64_t from_ns = 0, to_ns = 0;
  };

  void check_count(std::uint64_t ticks, const handled& request) {
    rule(is_over(request) ? "TIME-03" : "TIME-01");
    require(ticks >= ticks_ && ticks <= ticks_ + due_,
            "on_timer" + request.where + " came " + std::to_string(ticks - ticks_) +
                " times between two requests; at most " + std::to_string(due_) + " were asked for");
    due_ -= ticks - ticks_;
    // What terminate left is forgotten.
    if (request.life != life_) due_ = 0;
  }
  bool is_over(const handled& request) const {
    return asked_in_ != 0 && (request.life != life_ || asked_in_ != life_);
  }

  // A timer that came while its kernel was inactive for sure, whatever the machine did meanwhile.
  void check_rests(const kernels::timer_reply& answer, const handled& request) {
    if (answer.ticks == ticks_ || last_.what != timing::soon) return;
    constexpr std::uint64_t clocks_differ_ns = 1'000'000;
    rule("TIME-02");
    require(std::none_of(rests_.begin(), rests_.end(),
                         [&](const rest& each) {
                           return last_.from_ns + answer.after_ns >=
                                      each.from_ns + clocks_differ_ns &&
                                  last_.to_ns + answer.after_ns + clocks_differ_ns <= each.to_ns;
                         }),
            "on_timer" + request.where + " came " + std::to_string(answer.after_ns) +
                " ns after it was asked for, when the kernel was inactive");
  }

  void note(std::uint64_t nonce) {
    const auto found = asked_.find(nonce);
    if (found == asked_.end()) return;
    last_ = found->second;
    last_.to_ns = now_ns();
    asked_.erase(found);
    due_ = last_.what == timing::soon ? 1 : last_.what == timing::often ? often : 0;
    asked_in_ = life_;
  }

  std::map<std::uint64_t, question> asked_;  // by nonce, of requests that are open
  question last_;
  std::vector<rest> rests_;
  std::uint64_t ticks_ = 0, due_ = 0;
  std::uint64_t life_ = 0, asked_in_ = 0;
};

}  // namespace

std::unique_ptr<voice> voice_with_timer() { return std::make_unique<timers>(); }

}  // namespace rondo::conformance::model
