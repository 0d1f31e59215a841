// Memory on a kernel's device: written and read by the application, used by a handler, shared by
// copies, and gone with the last.
#include "support.hpp"

#include <gmock/gmock.h>

#include <numeric>

namespace {

using namespace core_test;
using testing::Each;
using testing::HasSubstr;

class buffer : public testing::Test {
 protected:
  running<summing> it_;
  sum_reply sum(rondo::buffer_ref ref) {
    return it_.kernel.call({.buffer = ref}, patience).value();
  }
};

TEST_F(buffer, begins_zeroed_and_keeps_what_is_written) {
  auto memory = it_.kernel.create_buffer(800);
  EXPECT_EQ(memory.bytes(), 800u);
  EXPECT_TRUE(memory.ref());
  EXPECT_THAT(memory.read<std::uint64_t>(100), Each(0u));
  std::vector<std::uint64_t> numbers(100);
  std::iota(numbers.begin(), numbers.end(), 1);
  memory.write(std::span<const std::uint64_t>(numbers));
  EXPECT_EQ(memory.read<std::uint64_t>(100), numbers);
  memory.write(std::span<const std::uint64_t>(numbers).first(2), 98);
  EXPECT_EQ(memory.read<std::uint64_t>(2, 98), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(memory.read<std::uint64_t>(1, 97).front(), 98u);
}

TEST_F(buffer, is_what_the_handler_sees_and_changes) {
  auto memory = it_.kernel.create_buffer(3 * sizeof(std::uint64_t) + 5);
  memory.write(std::span<const std::uint64_t>(std::vector<std::uint64_t>{10, 20, 30}));
  const auto reply = sum(memory.ref());
  EXPECT_EQ(reply.elements, 3u);
  EXPECT_EQ(reply.sum, 60u);
  EXPECT_EQ(memory.read<std::uint64_t>(3), (std::vector<std::uint64_t>{11, 21, 31}));
}

TEST_F(buffer, lives_with_its_last_copy_and_is_empty_to_handlers_afterwards) {
  auto memory = std::make_unique<rondo::buffer>(it_.kernel.create_buffer(16));
  const auto ref = memory->ref();
  auto copy = std::make_unique<rondo::buffer>(*memory);
  EXPECT_EQ(copy->ref(), ref);
  memory.reset();
  EXPECT_EQ(sum(ref).elements, 2u);
  copy.reset();
  EXPECT_EQ(sum(ref).elements, 0u);
  // The place is used again; the old handle stays dead.
  const auto successor = it_.kernel.create_buffer(16);
  EXPECT_NE(successor.ref(), ref);
  EXPECT_EQ(sum(ref).elements, 0u);
  EXPECT_EQ(sum(successor.ref()).elements, 2u);
}

TEST_F(buffer, that_never_was_is_empty_to_handlers) {
  for (const std::uint64_t handle :
       {0ull, 1ull, 77ull, 1ull << 32 | 4095, 1ull << 32 | 4096, ~0ull})
    EXPECT_EQ(sum({handle}).elements, 0u) << handle;
}

TEST_F(buffer, refuses_what_lies_outside) {
  auto memory = it_.kernel.create_buffer(64);
  std::vector<std::byte> bytes(128);
  const auto refused = [](auto&& call) {
    const auto info = refusal_of(call);
    EXPECT_EQ(info.code, RONDO_INVALID_ARGUMENT);
    EXPECT_THAT(info.message, HasSubstr("64"));
    EXPECT_FALSE(info.remedy.empty());
  };
  refused([&] { memory.write_bytes(0, bytes.data(), 65); });
  refused([&] { memory.write_bytes(64, bytes.data(), 1); });
  refused([&] { memory.write_bytes(65, bytes.data(), 1); });
  refused([&] { memory.read_bytes(1, bytes.data(), 64); });
  refused([&] { memory.read_bytes(~std::uint64_t{0}, bytes.data(), 2); });
  refused([&] { memory.read_bytes(2, bytes.data(), ~std::uint64_t{0}); });
  EXPECT_THAT(memory.read<std::uint8_t>(64), Each(0));
  memory.write_bytes(63, bytes.data(), 1);
  memory.write_bytes(64, bytes.data(), 0);
  EXPECT_THAT(memory.read<std::uint8_t>(0), testing::IsEmpty());
}

TEST_F(buffer, of_no_bytes_is_refused) {
  const auto info = refusal_of([&] { it_.kernel.create_buffer(0); });
  EXPECT_EQ(info.code, RONDO_INVALID_ARGUMENT);
  EXPECT_FALSE(info.remedy.empty());
}

TEST_F(buffer, of_more_memory_than_there_is_is_refused) {
  if (is_sanitized) GTEST_SKIP() << "a sanitizer's allocator ends the process instead";
  EXPECT_EQ(refusal_of([&] { it_.kernel.create_buffer(~std::uint64_t{0} - 4096); }).code,
            RONDO_OUT_OF_MEMORY);
}

TEST_F(buffer, count_has_a_limit_that_is_told_and_that_frees_again) {
  std::vector<rondo::buffer> all;
  rondo::error_info info;
  try {
    for (int i = 0; i < 100'000; ++i) all.push_back(it_.kernel.create_buffer(1));
    FAIL() << "there is no limit";
  } catch (const rondo::error& refusal) {
    info = refusal.info();
  }
  EXPECT_EQ(info.code, RONDO_LIMIT_REACHED);
  EXPECT_THAT(info.message, HasSubstr(std::to_string(all.size())));
  EXPECT_FALSE(info.remedy.empty());
  all.pop_back();
  EXPECT_NO_THROW(it_.kernel.create_buffer(1));
}

TEST_F(buffer, is_made_and_released_by_many_threads_while_the_kernel_runs) {
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 1; t <= 4; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 100; ++i) {
        auto memory = it_.kernel.create_buffer(8 * t);
        memory.write(std::span<const std::uint64_t>(std::vector<std::uint64_t>(t, i)));
        const auto reply = sum(memory.ref());
        ASSERT_EQ(reply.elements, t);
        ASSERT_EQ(reply.sum, t * i);
      }
    });
}

TEST_F(buffer, outlives_its_kernel_and_its_runtime) {
  auto memory = it_.kernel.create_buffer(8);
  auto seen = it_.kernel.create_buffer(8, rondo::memory::host_visible);
  it_.runtime = open_runtime();
  memory.write(std::span<const std::uint64_t>(std::vector<std::uint64_t>{6}));
  EXPECT_EQ(memory.read<std::uint64_t>(1).front(), 6u);
  const auto copy = seen;
  seen.host_span<std::uint64_t>()[0] = 7;
  seen = memory;
  EXPECT_EQ(copy.host_span<std::uint64_t>()[0], 7u);
}

TEST_F(buffer, count_is_of_the_copies_and_not_of_what_was_moved_from) {
  auto memory = it_.kernel.create_buffer(8);
  EXPECT_EQ(memory.use_count(), 1);
  auto copy = memory;
  EXPECT_EQ(memory.use_count(), 2);
  auto moved = std::move(copy);
  EXPECT_EQ(memory.use_count(), 2);
  EXPECT_EQ(moved.ref(), memory.ref());
  auto other = it_.kernel.create_buffer(16);
  const auto ref = other.ref();
  other = moved;
  EXPECT_EQ(memory.use_count(), 3);
  EXPECT_EQ(sum(ref).elements, 0u) << "the last copy of the other went with the assignment";
  EXPECT_EQ(sum(memory.ref()).elements, 1u);
}

}  // namespace
