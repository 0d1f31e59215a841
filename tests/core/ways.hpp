// Every way in which requests and replies can travel on the CPU backend.
#pragma once

#include "support.hpp"

namespace core_test {

struct way {
  const char* name;
  rondo::publish_policy publish = rondo::publish_policy::backend_default;
  bool one_sender = false;
  bool avoid_mapped = false;
  bool is_pumped = false;

  rondo::launch_options options(
      std::uint64_t input = rondo::launch_options::default_capacity,
      std::uint64_t output = rondo::launch_options::default_capacity) const {
    return {.input_capacity = input,
            .output_capacity = output,
            .publish = publish,
            .one_sender = one_sender,
            .avoid_mapped = avoid_mapped,
            .pump = is_pumped ? rondo::pump_policy::always : rondo::pump_policy::automatic};
  }
};

inline constexpr way all_ways[] = {
    {"word", rondo::publish_policy::word},
    {"counted", rondo::publish_policy::counted},
    {"counted_by_one", rondo::publish_policy::counted, true},
    {"chunked", rondo::publish_policy::chunked},
    {"calls", rondo::publish_policy::backend_default, false, true},
    {"counted_calls", rondo::publish_policy::counted, false, true},
    {"pumped", rondo::publish_policy::backend_default, false, true, true}};

// A pump gives the backend what was sent when it comes to it, and what it has in hand may count
// twice until then.
template <class Kernel>
void expect_with_backend(const way& by, const Kernel& kernel, std::uint64_t count) {
  if (!by.is_pumped) return;
  EXPECT_TRUE(eventually([&] { return kernel.snapshot().pumped == count; }));
}

inline std::string name_of_way(const testing::TestParamInfo<way>& it) { return it.param.name; }
inline void PrintTo(const way& it, std::ostream* out) { *out << it.name; }

}  // namespace core_test
