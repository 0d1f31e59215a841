// Buffers by the handle that came in a reply: the same memory, counted with those who had it
// before; and no buffer at all once the last of them is gone.
#include "support.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <optional>

namespace {

using namespace core_test;
using testing::HasSubstr;

using word_values = std::vector<std::uint64_t>;

rondo::buffer filled(const rondo::kernel_handle& kernel, const word_values& with) {
  auto memory = kernel.create_buffer(with.size() * sizeof(std::uint64_t));
  memory.write(std::span<const std::uint64_t>(with));
  return memory;
}

rondo::error_info miss(const rondo::kernel_handle& kernel, rondo::buffer_ref ref) {
  const auto info = refusal_of([&] { kernel.find_buffer(ref); });
  EXPECT_EQ(info.code, RONDO_NO_SUCH_BUFFER) << info.message;
  EXPECT_FALSE(info.remedy.empty());
  return info;
}

class found_buffer : public testing::Test {
 protected:
  running<choosing> it_;
  rondo::buffer_slice choose(const rondo::buffer& first, const rondo::buffer& second) {
    return it_.kernel.call({first.ref(), second.ref()}, patience).value().part;
  }
};

TEST_F(found_buffer, is_the_one_that_the_handler_chose) {
  const auto low = filled(it_.kernel, {1, 10, 11});
  std::optional<rondo::buffer> high = filled(it_.kernel, {2, 20, 21, 22});
  const auto part = choose(low, *high);
  EXPECT_EQ(part, high->slice(8));
  auto result = it_.kernel.find_buffer(part.buffer);
  EXPECT_EQ(result.ref(), high->ref());
  EXPECT_EQ(result.bytes(), 32u);
  EXPECT_EQ(result.kind(), rondo::memory::device);
  EXPECT_EQ(result.use_count(), 2);
  // What is written through one is read through the other.
  result.write(std::span<const std::uint64_t>(word_values{77}), 3);
  EXPECT_EQ(high->read<std::uint64_t>(4), (word_values{2, 20, 21, 77}));
  high.reset();
  word_values rest(part.bytes / sizeof(std::uint64_t));
  result.read_bytes(part.offset, rest.data(), part.bytes);
  EXPECT_EQ(rest, (word_values{20, 21, 77}));
}

TEST_F(found_buffer, keeps_the_memory_for_handlers_after_the_others_are_gone) {
  const auto low = filled(it_.kernel, {1, 2});
  auto high = std::make_unique<rondo::buffer>(filled(it_.kernel, {5, 6}));
  const auto ref = high->ref();
  std::optional<rondo::buffer> found = it_.kernel.find_buffer(ref);
  high.reset();
  EXPECT_EQ(choose(low, *found).buffer, ref);
  found.reset();
  EXPECT_EQ(it_.kernel.call({ref, ref}, patience).code(), RONDO_HANDLER_FAILED);
  miss(it_.kernel, ref);
}

TEST_F(found_buffer, is_refused_where_none_was_or_none_is_left) {
  EXPECT_THAT(miss(it_.kernel, {}).message, HasSubstr("none"));
  for (const std::uint64_t handle : {1ull, 1ull << 32 | 4095, 1ull << 32 | 5000, ~0ull})
    EXPECT_THAT(miss(it_.kernel, {handle}).object, HasSubstr("cpu device 0"));
  rondo::buffer_ref stale;
  {
    const auto memory = it_.kernel.create_buffer(8);
    stale = memory.ref();
    EXPECT_NO_THROW(it_.kernel.find_buffer(stale));
  }
  miss(it_.kernel, stale);
  // The place is used again, under another handle.
  const auto successor = it_.kernel.create_buffer(8);
  miss(it_.kernel, stale);
  EXPECT_EQ(it_.kernel.find_buffer(successor.ref()).bytes(), 8u);
}

TEST_F(found_buffer, of_another_runtime_is_unknown) {
  running<summing> other;
  const auto theirs = other.kernel.create_buffer(8);
  const auto ours = it_.kernel.create_buffer(24);
  // Handles are per device, and each runtime opens its own: the number may be the same.
  if (theirs.ref() == ours.ref()) EXPECT_EQ(it_.kernel.find_buffer(theirs.ref()).bytes(), 24u);
  else miss(it_.kernel, theirs.ref());
  const auto second = other.kernel.create_buffer(8);
  miss(it_.kernel, second.ref());
}

TEST_F(found_buffer, outlives_the_kernel_that_made_it_and_is_found_through_its_neighbour) {
  auto maker = launch<summing>(it_.runtime);
  auto made = std::make_unique<rondo::buffer>(filled(maker, {9, 8}));
  const auto ref = made->ref();
  maker.terminate();
  auto after = maker.find_buffer(ref);
  it_.runtime.remove("Summing");
  made.reset();
  EXPECT_EQ(it_.kernel.find_buffer(ref).read<std::uint64_t>(2), (word_values{9, 8}));
  EXPECT_EQ(choose(filled(it_.kernel, {1}), after).buffer, ref);
}

TEST_F(found_buffer, outlives_the_runtime_and_goes_with_its_last_copy) {
  std::optional<rondo::buffer> made = filled(it_.kernel, {3, 4});
  const auto ref = made->ref();
  it_.runtime.close();
  std::optional<rondo::buffer> found = it_.kernel.find_buffer(ref);
  made.reset();
  EXPECT_EQ(found->read<std::uint64_t>(2), (word_values{3, 4}));
  it_.runtime = open_runtime();
  EXPECT_EQ(found->read<std::uint64_t>(2), (word_values{3, 4}));
  EXPECT_EQ(it_.kernel.find_buffer(ref).use_count(), 2) << "the handle knows the device still";
  found.reset();
  miss(it_.kernel, ref);
}

TEST_F(found_buffer, is_whole_or_refused_while_other_threads_let_go) {
  std::atomic<std::uint64_t> found{0}, refused{0};
  for (int round = 0; round < 200; ++round) {
    std::optional<rondo::buffer> made = filled(it_.kernel, {42});
    const auto ref = made->ref();
    std::jthread owner([&] { made.reset(); });
    try {
      EXPECT_EQ(it_.kernel.find_buffer(ref).read<std::uint64_t>(1).front(), 42u);
      ++found;
    } catch (const rondo::error& gone) {
      EXPECT_EQ(gone.code(), RONDO_NO_SUCH_BUFFER);
      ++refused;
    }
    owner.join();
    miss(it_.kernel, ref);
  }
  EXPECT_EQ(found + refused, 200u);
}

}  // namespace
