// The window: where it comes from, that it is one, and who has which part of it.
#include "bar.hpp"

#include "bar_source.hpp"

#include <rondo/ring/wait.hpp>

#include <cstring>
#include <map>

namespace rondo::cuda {

struct bar_window::parts {
  std::unique_ptr<window_source> source;
  std::mutex mutex;
  std::map<std::size_t, std::size_t> free{{ring::line_bytes, bytes - ring::line_bytes}};
};

namespace {

// A mapping of other bytes must not pass.
void verify(const window_source& of) {
  alignas(64) ring::chunk line[4];
  for (std::uint32_t i = 0; i < 4; ++i)
    line[i] = {{static_cast<std::uint32_t>(ring::now_ns()), i, 0xa5a5a5a5u}, i + 1};
  ring::platform::store_line(reinterpret_cast<ring::chunk*>(of.host), line);
  ring::platform::flush_lines();
  CUstream stream = nullptr;
  check(the_driver().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "CUDA stream",
        "none can be made");
  alignas(64) ring::chunk seen[4] = {};
  CUresult code = the_driver().cuMemcpyDtoHAsync(seen, of.device, sizeof seen, stream);
  if (code == CUDA_SUCCESS) code = wait_for_stream(stream, ring::now_ns() + 1'000'000'000);
  the_driver().cuStreamDestroy(stream);
  if (code != CUDA_SUCCESS) throw no_window{"it cannot be read through CUDA: " + describe(code)};
  if (std::memcmp(seen, line, sizeof seen) != 0)
    throw no_window{"what the host writes is not what CUDA reads there"};
}

// Empty, and why, where this way leads nowhere.
template <class Open>
std::unique_ptr<window_source> try_way(Open&& open, std::string& why_none) {
  try {
    auto made = open();
    verify(*made);
    return made;
  } catch (const no_window& none) {
    why_none += (why_none.empty() ? "" : "; ") + none.why;
  } catch (const failure& failed) {
    why_none += (why_none.empty() ? "" : "; ") + std::string(failed.what());
  }
  return nullptr;
}

}  // namespace

std::optional<bar_window> bar_window::open(CUcontext context, CUdevice device,
                                           std::string& why_none) {
  if (!ring::platform::has_whole_line_stores()) {
    why_none = "this processor has no 64-byte store";
    return std::nullopt;
  }
  auto made = std::make_unique<parts>();
  try {
    const context_scope current(context);
    made->source = try_way([&] { return open_through_vulkan(context, device); }, why_none);
    if (made->source == nullptr)
      made->source = try_way([&] { return open_through_gdrcopy(context); }, why_none);
  } catch (const failure& failed) {
    why_none = failed.what();
  }
  if (made->source == nullptr) return std::nullopt;
  return bar_window(std::move(made));
}

bar_window::bar_window(std::unique_ptr<parts> opened) : parts_(std::move(opened)) {}
bar_window::bar_window(bar_window&&) noexcept = default;
bar_window& bar_window::operator=(bar_window&&) noexcept = default;
bar_window::~bar_window() = default;

std::byte* bar_window::host() const { return parts_->source->host; }
std::uint64_t bar_window::device() const { return parts_->source->device; }

// First fit. Not a manager of Boost.Interprocess, as for pinned memory: that keeps its books in the
// memory itself, which the host reads a microsecond a word here.
bar_window::piece bar_window::allocate(std::size_t wanted) {
  wanted = (wanted + ring::line_bytes - 1) / ring::line_bytes * ring::line_bytes;
  const std::lock_guard lock(parts_->mutex);
  for (auto it = parts_->free.begin(); it != parts_->free.end(); ++it) {
    const auto [begin, room] = *it;
    if (room < wanted) continue;
    parts_->free.erase(it);
    if (room > wanted) parts_->free.emplace(begin + wanted, room - wanted);
    return {host() + begin, device() + begin, wanted};
  }
  return {};
}

void bar_window::release(const piece& p) {
  if (p.host == nullptr) return;
  const std::lock_guard lock(parts_->mutex);
  auto& free = parts_->free;
  auto it = free.emplace(static_cast<std::size_t>(p.host - host()), p.bytes).first;
  if (const auto next = std::next(it);
      next != free.end() && it->first + it->second == next->first) {
    it->second += next->second;
    free.erase(next);
  }
  if (it != free.begin()) {
    const auto before = std::prev(it);
    if (before->first + before->second == it->first) {
      before->second += it->second;
      free.erase(it);
    }
  }
}

}  // namespace rondo::cuda
