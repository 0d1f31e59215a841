// What the model's kernels are created with beyond the plain: how their queues treat what is
// urgent, late or too much, and which handler they run. In a script it stands in braces behind the
// kernel's letter: "a{urgent,timed,full=drop_oldest}".
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <string_view>

namespace rondo::conformance::model {

enum class trait : unsigned {
  urgent,       // a second lane
  timed,        // requests may have a deadline
  drop_oldest,  // of a full input the oldest are given up
  reject,       // a request that finds the output full fails
  drop_newest,  // or its reply is dropped
  hooks,        // the handler has on_start and on_stop
  refuse,       // and its second on_start fails
  timer,        // the handler has on_timer
  count
};

class traits {
 public:
  bool has(trait one) const { return (bits_ & bit(one)) != 0; }
  bool none() const { return bits_ == 0; }
  void add(trait one) { bits_ |= bit(one); }
  traits without(trait one) const;

  // Whether a kernel can have all of them at once.
  bool fit_together() const;

  bool operator==(const traits&) const = default;

 private:
  static constexpr std::uint32_t bit(trait one) { return 1u << static_cast<unsigned>(one); }
  std::uint32_t bits_ = 0;
};

std::string_view name_of(trait one);
std::string_view capability_of(trait one);  // that a backend offers it by

std::string to_text(traits all);  // "{urgent,timed}"; empty if there is none
// Throws std::invalid_argument with what is wrong. The braces included.
traits parse_traits(std::string_view text);

// Of those that `offered` says can be had.
traits random_traits(std::mt19937_64& random, const std::function<bool(trait)>& offered);

}  // namespace rondo::conformance::model
