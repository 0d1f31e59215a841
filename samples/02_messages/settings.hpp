// A message that only a host can read: it owns memory, and Cereal turns it into bytes. Not for
// sources that a device compiler sees.
#pragma once

#include <rondo/kernel/cereal.hpp>
#include <rondo/kernel/dispatch.hpp>

#include <cereal/types/map.hpp>
#include <cereal/types/string.hpp>

#include <cstdint>
#include <map>
#include <string>

struct settings {
  std::map<std::string, std::string> values;
  template <class A>
  void serialize(A& ar) {
    ar(values);
  }
};
RONDO_HOST_MESSAGE(settings, "Settings", 1, 1024);  // encoded, at most so many bytes

struct complete_settings {
  static constexpr rondo::handler_id id{"CompleteSettings"};
  using request = settings;
  using response = settings;

  void operator()(const request& in, response& out, rondo::context&) {
    out.values = {{"colour", "grey"}, {"size", "medium"}};
    for (const auto& [name, value] : in.values) out.values[name] = value;
  }
};
