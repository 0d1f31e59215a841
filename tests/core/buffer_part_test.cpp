// Parts of buffers in messages, and buffers that the host sees without a copy.
#include "support.hpp"

#include <gmock/gmock.h>

#include <numeric>

namespace {

using namespace core_test;
using testing::Each;
using testing::HasSubstr;

using word_values = std::vector<std::uint64_t>;

class buffer_slice : public testing::Test {
 protected:
  running<part_summing> it_;
  rondo::result<sum_reply> sum(std::initializer_list<rondo::buffer_slice> parts) {
    part_request request;
    for (const auto& part : parts) request.parts.push_back(part);
    return it_.kernel.call(request, patience);
  }
};

TEST_F(buffer_slice, is_a_handle_an_offset_and_a_size) {
  const auto memory = it_.kernel.create_buffer(100);
  EXPECT_EQ(memory.slice(40, 24), (rondo::buffer_slice{memory.ref(), 40, 24}));
  EXPECT_EQ(memory.slice(40), (rondo::buffer_slice{memory.ref(), 40, 60}));
  EXPECT_EQ(memory.slice(0), (rondo::buffer_slice{memory.ref(), 0, 100}));
  EXPECT_EQ(memory.slice(100), (rondo::buffer_slice{memory.ref(), 100, 0}));
}

TEST_F(buffer_slice, that_leaves_the_buffer_is_refused) {
  const auto memory = it_.kernel.create_buffer(64);
  const auto refused = [](auto&& call) {
    const auto info = refusal_of(call);
    EXPECT_EQ(info.code, RONDO_INVALID_ARGUMENT);
    EXPECT_THAT(info.message, HasSubstr("64"));
    EXPECT_FALSE(info.remedy.empty());
  };
  constexpr std::uint64_t end = ~std::uint64_t{0};
  refused([&] { memory.slice(0, 65); });
  refused([&] { memory.slice(64, 1); });
  refused([&] { memory.slice(65, 0); });
  refused([&] { memory.slice(65); });
  refused([&] { memory.slice(end, 2); });
  refused([&] { memory.slice(2, end); });
}

TEST_F(buffer_slice, is_what_the_handler_sees_and_all_that_it_changes) {
  auto memory = it_.kernel.create_buffer(10 * 8);
  word_values numbers(10);
  std::iota(numbers.begin(), numbers.end(), 1);
  memory.write(std::span<const std::uint64_t>(numbers));
  // Words 2 to 4, word 7, and nothing at the end.
  const auto reply = sum({memory.slice(16, 24), memory.slice(56, 15), memory.slice(80)}).value();
  EXPECT_EQ(reply.elements, 4u);
  EXPECT_EQ(reply.sum, 3u + 4 + 5 + 8);
  EXPECT_EQ(memory.read<std::uint64_t>(10), (word_values{1, 2, 4, 5, 6, 6, 7, 9, 9, 10}));
}

TEST_F(buffer_slice, that_is_forged_stale_or_misplaced_is_empty_to_the_handler) {
  auto memory = std::make_unique<rondo::buffer>(it_.kernel.create_buffer(64));
  const auto ref = memory->ref();
  constexpr std::uint64_t end = ~std::uint64_t{0};
  for (const auto& forged : std::vector<rondo::buffer_slice>{{ref, 0, 65},
                                                             {ref, 64, 1},
                                                             {ref, 72, 0},
                                                             {ref, end - 7, 8},
                                                             {ref, 8, end - 7},
                                                             {ref, end - 7, end - 7},
                                                             {ref, 4, 8},
                                                             {{}, 0, 8},
                                                             {{ref.handle + 1}, 0, 8},
                                                             {{ref.handle + (1ull << 32)}, 0, 8}}) {
    const auto reply = sum({forged});
    ASSERT_FALSE(reply.has_value()) << forged.offset << ' ' << forged.bytes;
    EXPECT_THAT(reply.failure().message, HasSubstr("a slice of no buffer"));
  }
  EXPECT_THAT(memory->read<std::uint64_t>(8), Each(0u)) << "nothing was written";
  const auto part = memory->slice(8, 8);
  EXPECT_EQ(sum({part}).value().elements, 1u);
  memory.reset();
  EXPECT_FALSE(sum({part}).has_value());
  const auto successor = it_.kernel.create_buffer(64);
  EXPECT_FALSE(sum({part}).has_value()) << "another buffer has the place";
  EXPECT_TRUE(sum({successor.slice(8, 8)}).has_value());
}

class visible_buffer : public testing::Test {
 protected:
  running<summing> it_;
  rondo::buffer seen_ = it_.kernel.create_buffer(1000 * 8, rondo::memory::host_visible);
};

TEST_F(visible_buffer, begins_zeroed_and_is_the_memory_that_read_and_write_see) {
  EXPECT_EQ(seen_.kind(), rondo::memory::host_visible);
  const std::span<std::uint64_t> all = seen_.host_span<std::uint64_t>();
  ASSERT_EQ(all.size(), 1000u);
  EXPECT_EQ(seen_.host_bytes().size(), 8000u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(all.data()) % 16, 0u);
  EXPECT_THAT(all, Each(0u));
  all[999] = 5;
  EXPECT_EQ(seen_.read<std::uint64_t>(1, 999).front(), 5u);
  seen_.write(std::span<const std::uint64_t>(word_values{6, 7}), 1);
  EXPECT_EQ(all[1], 6u);
  EXPECT_EQ(all[2], 7u);
  const auto copy = seen_;
  EXPECT_EQ(copy.host_bytes().data(), seen_.host_bytes().data());
  EXPECT_EQ(it_.kernel.find_buffer(seen_.ref()).host_bytes().data(), seen_.host_bytes().data());
}

TEST_F(visible_buffer, holds_whole_elements) {
  struct triple {
    std::uint64_t a, b, c;
  };
  EXPECT_EQ(seen_.host_span<triple>().size(), 333u);
  const auto odd = it_.kernel.create_buffer(7, rondo::memory::host_visible);
  EXPECT_EQ(odd.host_span<std::uint64_t>().size(), 0u);
  EXPECT_EQ(odd.host_bytes().size(), 7u);
}

TEST_F(visible_buffer, is_read_and_written_in_place_by_host_and_handler_in_turn) {
  const std::span<std::uint64_t> all = seen_.host_span<std::uint64_t>();
  for (std::uint64_t round = 1; round <= 200; ++round) {
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = round * 1000 + i;
    const auto reply = it_.kernel.call({seen_.ref()}, patience).value();
    ASSERT_EQ(reply.elements, 1000u);
    ASSERT_EQ(reply.sum, round * 1'000'000 + 499'500);
    for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], round * 1000 + i + 1) << round;
  }
}

TEST_F(visible_buffer, is_seen_after_flush_by_who_sent_and_took_no_reply) {
  const std::span<std::uint64_t> all = seen_.host_span<std::uint64_t>();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(it_.kernel.send({seen_.ref()}, patience));
  ASSERT_TRUE(it_.kernel.flush(patience));
  EXPECT_THAT(all, Each(3u));
}

TEST_F(visible_buffer, of_device_memory_is_refused_although_a_cpu_could) {
  const auto memory = it_.kernel.create_buffer(64);
  EXPECT_EQ(memory.kind(), rondo::memory::device);
  for (const auto& info :
       {refusal_of([&] { memory.host_bytes(); }), refusal_of([&] { memory.host_span<float>(); })}) {
    EXPECT_EQ(info.code, RONDO_UNSUPPORTED);
    EXPECT_THAT(info.remedy, HasSubstr("host_visible"));
  }
}

TEST_F(visible_buffer, of_no_bytes_is_refused) {
  EXPECT_EQ(refusal_of([&] { it_.kernel.create_buffer(0, rondo::memory::host_visible); }).code,
            RONDO_INVALID_ARGUMENT);
}

}  // namespace
