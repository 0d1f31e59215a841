// The host image.
#include "host_image.hpp"

#include "check.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace rondo::conformance {

namespace {

constexpr std::size_t payload_alignment = 16;

struct collector : rondo_emitter {
  collector() : rondo_emitter{sizeof(rondo_emitter), 0, nullptr, nullptr, {}} {
    reserve = [](rondo_emitter* self, std::uint32_t bytes) -> void* {
      auto& mine = *static_cast<collector*>(self);
      mine.room.resize(bytes);
      return mine.room.data();
    };
    commit = [](rondo_emitter* self, std::uint32_t length, std::uint16_t version,
                std::uint32_t flags) {
      auto& mine = *static_cast<collector*>(self);
      mine.room.resize(length);
      mine.replies.push_back({flags, version, std::move(mine.room)});
      mine.room = {};
    };
  }
  std::vector<std::byte> room;
  std::vector<host_reply> replies;
};

host_reply failure_of(const rondo_invocation& call) {
  constexpr std::size_t fixed = offsetof(rondo_failure, text);
  rondo_failure why{call.failure_code, call.user_code, {}};
  std::memcpy(why.text, call.failure_text, call.failure_length);
  const auto* const bytes = reinterpret_cast<const std::byte*>(&why);
  return {RONDO_FLAG_FAILED, 0, {bytes, bytes + fixed + call.failure_length}};
}

}  // namespace

host_image::host_image(const rondo_handler& handler)
    : handler_(handler),
      state_(::operator new(handler.state_bytes, std::align_val_t(handler.state_alignment)),
             free_state{handler.state_alignment}) {
  require(handler.invoke != nullptr, "the suite's kernel module has no host image");
  std::memset(state_.get(), 0, handler.state_bytes);
  expect_status(handler.construct(state_.get(), nullptr), RONDO_OK, "construct in this process");
}

host_image::~host_image() { handler_.destroy(state_.get()); }

std::vector<host_reply> host_image::handle(const rondo_envelope& request,
                                           const std::vector<std::byte>& payload,
                                           std::uint64_t kernel_tag) {
  rondo_invocation call{};
  call.struct_size = sizeof call;
  call.lanes = 1;
  call.request = &request;
  call.kernel_tag = kernel_tag;
  const free_state freed{payload_alignment};
  const std::unique_ptr<void, free_state> aligned(
      ::operator new(std::max<std::size_t>(payload.size(), 1), std::align_val_t(payload_alignment)),
      freed);
  std::memcpy(aligned.get(), payload.data(), payload.size());
  collector out;
  (void)handler_.invoke(state_.get(), aligned.get(), &out, &call);
  if (call.failure_code != RONDO_OK) out.replies.push_back(failure_of(call));
  return out.replies;
}

}  // namespace rondo::conformance
