// Optimal string alignment distance over three rows, and the choice among candidates.
#include <rondo/nearest.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace rondo {
namespace {

// The work grows with the product of both lengths; no name of ours is longer.
constexpr std::size_t longest = 512;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> two_back(b.size() + 1), back(b.size() + 1), now(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) now[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    two_back.swap(back);
    back.swap(now);
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      now[j] = std::min({back[j] + 1, now[j - 1] + 1, back[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1]))
        now[j] = std::min(now[j], two_back[j - 2] + 1);
    }
  }
  return now[b.size()];
}

template <class Text>
std::string_view choose(std::string_view wanted, std::span<const Text> candidates) {
  std::string_view best;
  std::size_t fewest = longest;
  if (wanted.empty() || wanted.size() > longest) return best;
  for (const std::string_view candidate : candidates) {
    if (candidate.empty() || candidate.size() > longest) continue;
    const auto edits = distance(wanted, candidate);
    const auto allowed = std::max<std::size_t>(1, std::max(wanted.size(), candidate.size()) / 3);
    // As many edits as characters means that nothing of the name is left.
    if (edits > allowed || edits >= candidate.size() || edits >= fewest) continue;
    best = candidate;
    fewest = edits;
  }
  return best;
}

}  // namespace

std::string_view nearest(std::string_view wanted, std::span<const std::string_view> candidates) {
  return choose(wanted, candidates);
}

std::string_view nearest(std::string_view wanted, std::span<const std::string> candidates) {
  return choose(wanted, candidates);
}

}  // namespace rondo
