// A job that takes a while: the messages and the handler, included by the kernel module and by its
// callers.
#pragma once

#include <rondo/kernel/dispatch.hpp>

#include <cstdint>

struct thumbnail_request {
  std::uint64_t picture = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(picture);
  }
};
RONDO_MESSAGE(thumbnail_request, "ThumbnailRequest", 1, plain);

struct thumbnail_response {
  std::uint64_t picture = 0;
  std::uint64_t done = 0;  // how many were made, this one included
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(picture, done);
  }
};
RONDO_MESSAGE(thumbnail_response, "ThumbnailResponse", 1, plain);

struct thumbnail {
  static constexpr rondo::handler_id id{"Thumbnail"};
  using request = thumbnail_request;
  using response = thumbnail_response;

  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context&) {
    out.picture = in.picture;
    out.done = ++done;
  }
  std::uint64_t done = 0;
};
