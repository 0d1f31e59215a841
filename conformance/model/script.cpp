// Sequences: made by chance, written, read and shortened.
#include "script.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

namespace rondo::conformance::model {

namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(op::count)> names = {
    "launch",       "activate", "deactivate", "drain",   "discard", "push",    "push_batch",
    "push_threads", "push_bad", "push_large", "reserve", "commit",  "abandon", "pop",
    "pop_batch",    "peek",     "await",      "ask",     "counters"};

bool has_number(op what) {
  return what == op::push || what == op::push_batch || what == op::push_threads ||
         what == op::pop || what == op::pop_batch;
}

[[noreturn]] void refuse(std::string_view word) {
  std::string known;
  for (const auto name : names) known += " " + std::string(name);
  throw std::invalid_argument("'" + std::string(word) +
                              "' is no operation; they are, with a kernel's letter in front as in "
                              "b:push and a number behind as in push=3:" +
                              known);
}

step parse_step(std::string_view word) {
  step one;
  std::string_view rest = word;
  if (rest.size() > 2 && rest[1] == ':') {
    one.kernel = static_cast<unsigned>(rest[0] - 'a');
    rest.remove_prefix(2);
  }
  const auto equals = rest.find('=');
  const auto found = std::find(names.begin(), names.end(), rest.substr(0, equals));
  if (found == names.end() || one.kernel >= kernel_count) refuse(word);
  one.what = static_cast<op>(found - names.begin());
  if (equals == std::string_view::npos) return one;
  rest.remove_prefix(equals + 1);
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), one.number);
  if (error != std::errc() || end != rest.data() + rest.size() || one.number == 0 ||
      one.number > most_at_once || !has_number(one.what))
    refuse(word);
  return one;
}

// The script without its steps from `at` on, `count` of them.
script without(const script& all, std::size_t at, std::size_t count) {
  script rest = all;
  const auto begin = rest.begin() + static_cast<std::ptrdiff_t>(at);
  rest.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
  return rest;
}

class shrinker {
 public:
  shrinker(script all, const std::function<std::size_t(const script&)>& fails,
           const std::function<bool()>& goes_on)
      : all_(std::move(all)), fails_(fails), goes_on_(goes_on) {}

  script run() {
    leave_out_kernels();
    for (bool shorter = true; shorter && goes_on_();) {
      shorter = leave_out_steps();
      shorter = make_numbers_small() || shorter;
    }
    return all_;
  }

 private:
  bool take(script candidate) {
    const std::size_t steps = fails_(candidate);
    if (steps == 0) return false;
    candidate.resize(std::min(steps, candidate.size()));
    all_ = std::move(candidate);
    return true;
  }
  void leave_out_kernels() {
    for (unsigned k = 0; k < kernel_count && goes_on_(); ++k) {
      script rest = all_;
      std::erase_if(rest, [&](const step& one) { return one.kernel == k; });
      if (rest.size() < all_.size()) take(std::move(rest));
    }
  }
  bool leave_out_steps() {
    const std::size_t before = all_.size();
    for (std::size_t chunk = std::max<std::size_t>(all_.size() / 2, 1); chunk > 0; chunk /= 2)
      for (std::size_t at = 0; at + chunk <= all_.size() && goes_on_();)
        if (!take(without(all_, at, chunk))) at += chunk;
    return all_.size() < before;
  }
  bool make_numbers_small() {
    bool smaller = false;
    for (std::size_t at = 0; at < all_.size() && goes_on_(); ++at) {
      for (unsigned n = 1; at < all_.size() && n < all_[at].number; ++n) {
        script candidate = all_;
        candidate[at].number = n;
        if (take(std::move(candidate))) smaller = true;
      }
    }
    return smaller;
  }

  script all_;
  const std::function<std::size_t(const script&)>& fails_;
  const std::function<bool()>& goes_on_;
};

}  // namespace

std::string_view name_of(op what) { return names[static_cast<std::size_t>(what)]; }

std::string to_text(const script& all) {
  std::string text;
  for (const step& one : all) {
    if (!text.empty()) text += ' ';
    if (one.kernel != 0) text += {static_cast<char>('a' + one.kernel), ':'};
    text += name_of(one.what);
    if (one.number != 1) text += "=" + std::to_string(one.number);
  }
  return text;
}

script parse_script(std::string_view text) {
  script all;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end > 0) all.push_back(parse_step(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

script random_script(std::mt19937_64& random, std::size_t length) {
  script all;
  // Begins with kernels that do something, most of the time.
  for (unsigned k = 0; k < kernel_count; ++k)
    if (random() % 4 != 0) all.insert(all.end(), {{op::launch, k, 1}, {op::activate, k, 1}});
  while (all.size() < length) {
    step one;
    one.kernel = static_cast<unsigned>(random() % kernel_count);
    one.what = static_cast<op>(random() % static_cast<unsigned>(op::count));
    if (has_number(one.what)) one.number = 1 + static_cast<unsigned>(random() % most_at_once);
    // Ends of kernels come often enough when they are half as frequent as the rest.
    const bool ends = one.what == op::drain || one.what == op::discard;
    if (!ends || random() % 2 == 0) all.push_back(one);
  }
  return all;
}

script shrink(script all, const std::function<std::size_t(const script&)>& fails,
              const std::function<bool()>& goes_on) {
  return shrinker(std::move(all), fails, goes_on).run();
}

}  // namespace rondo::conformance::model
