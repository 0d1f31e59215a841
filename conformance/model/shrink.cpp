// A script that fails, made short.
#include "script.hpp"

#include <algorithm>

namespace rondo::conformance::model {

namespace {

// The script without its steps from `at` on, `count` of them.
script without(const script& all, std::size_t at, std::size_t count) {
  script rest = all;
  const auto begin = rest.steps.begin() + static_cast<std::ptrdiff_t>(at);
  rest.steps.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
  return rest;
}

class shrinker {
 public:
  shrinker(script all, const std::function<std::size_t(const script&)>& fails,
           const std::function<bool()>& goes_on)
      : all_(std::move(all)), fails_(fails), goes_on_(goes_on) {}

  script run() {
    leave_out_kernels();
    leave_out_traits();
    for (bool shorter = true; shorter && goes_on_();) {
      shorter = leave_out_steps();
      shorter = make_numbers_small() || shorter;
    }
    leave_out_traits();
    forget_idle_kernels();
    return all_;
  }

 private:
  bool take(script candidate) {
    const std::size_t steps = fails_(candidate);
    if (steps == 0) return false;
    candidate.steps.resize(std::min(steps, candidate.steps.size()));
    all_ = std::move(candidate);
    return true;
  }
  void leave_out_kernels() {
    for (unsigned k = 0; k < kernel_count && goes_on_(); ++k) {
      script rest = all_;
      std::erase_if(rest.steps, [&](const step& one) { return one.kernel == k; });
      if (rest.steps.size() < all_.steps.size()) take(std::move(rest));
    }
    forget_idle_kernels();
  }
  void leave_out_traits() {
    for (unsigned k = 0; k < kernel_count; ++k)
      for (unsigned i = 0; i < static_cast<unsigned>(trait::count) && goes_on_(); ++i) {
        script rest = all_;
        rest.kernels[k] = all_.kernels[k].without(static_cast<trait>(i));
        if (rest.kernels[k] != all_.kernels[k] && rest.kernels[k].fit_together())
          take(std::move(rest));
      }
  }
  bool leave_out_steps() {
    const std::size_t before = all_.steps.size();
    for (std::size_t chunk = std::max<std::size_t>(before / 2, 1); chunk > 0; chunk /= 2)
      for (std::size_t at = 0; at + chunk <= all_.steps.size() && goes_on_();)
        if (!take(without(all_, at, chunk))) at += chunk;
    return all_.steps.size() < before;
  }
  bool make_numbers_small() {
    bool smaller = false;
    for (std::size_t at = 0; at < all_.steps.size() && goes_on_(); ++at)
      for (unsigned n = 1; at < all_.steps.size() && n < all_.steps[at].number; ++n) {
        script candidate = all_;
        candidate.steps[at].number = n;
        if (take(std::move(candidate))) smaller = true;
      }
    return smaller;
  }
  // A kernel that nothing is done on is never made.
  void forget_idle_kernels() {
    for (unsigned k = 0; k < kernel_count; ++k)
      if (std::none_of(all_.steps.begin(), all_.steps.end(),
                       [&](const step& one) { return one.kernel == k; }))
        all_.kernels[k] = {};
  }

  script all_;
  const std::function<std::size_t(const script&)>& fails_;
  const std::function<bool()>& goes_on_;
};

}  // namespace

script shrink(script all, const std::function<std::size_t(const script&)>& fails,
              const std::function<bool()>& goes_on) {
  return shrinker(std::move(all), fails, goes_on).run();
}

}  // namespace rondo::conformance::model
