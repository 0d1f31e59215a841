// Messages that only a host can read, and the handler that takes them.
#pragma once

#include <rondo/kernel/cereal.hpp>
#include <rondo/kernel/dispatch.hpp>

#include <cereal/types/map.hpp>
#include <cereal/types/string.hpp>

#include <map>
#include <string>

namespace conformance_kernels {

struct words_request {
  std::map<std::string, std::int32_t> words;
  template <class A>
  void save(A& ar) const {
    ar(words);
  }
  template <class A>
  void load(A& ar) {
    ar(words);
  }
};
RONDO_HOST_MESSAGE(words_request, "ConformanceWordsRequest", 1, 2048);

struct words_reply {
  std::map<std::string, std::uint64_t> lengths;
  template <class A>
  void save(A& ar) const {
    ar(lengths);
  }
  template <class A>
  void load(A& ar) {
    ar(lengths);
  }
};
RONDO_HOST_MESSAGE(words_reply, "ConformanceWordsReply", 1, 2048);

struct words_handler {
  static constexpr rondo::handler_id id{"ConformanceWords"};
  using request = words_request;
  using response = words_reply;
  void operator()(const request& in, response& out, rondo::context&) {
    for (const auto& [word, weight] : in.words)
      out.lengths[word + "!"] = word.size() + static_cast<std::uint64_t>(weight);
  }
};

}  // namespace conformance_kernels
