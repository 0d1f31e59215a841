// What a handler learns and says through its context: ids, place, buffers, failure.
#include <rondo/kernel/context.hpp>

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <string>
#include <utility>

namespace kernel_test {
namespace {

struct invocation_fixture : testing::Test {
  rondo_envelope envelope{.length = 0,
                          .type = RONDO_TYPE_REQUEST,
                          .version = 1,
                          .flags = 0,
                          .reserved = 0,
                          .message_id = 7,
                          .correlation_id = 8};
  rondo_invocation invocation{};
  std::array<rondo_buffer_entry, 4> table{};  // the last lies beyond buffer_count
  std::array<float, 10> memory{};

  invocation_fixture() {
    invocation.struct_size = sizeof invocation;
    invocation.lane = 3;
    invocation.lanes = 32;
    invocation.kernel_tag = 9;
    invocation.request = &envelope;
    invocation.buffers = table.data();
    invocation.buffer_count = 3;
    table[1] = {.handle = handle_of(5, 1),
                .address = reinterpret_cast<std::uint64_t>(memory.data()),
                .bytes = sizeof memory,
                .reserved = 0};
    table[3] = table[1];
    table[3].handle = handle_of(5, 3);
  }
  static std::uint64_t handle_of(std::uint64_t generation, std::uint64_t index) {
    return generation << 32 | index;
  }
  static rondo::buffer_slice part(std::uint64_t handle, std::uint64_t offset, std::uint64_t bytes) {
    return {{handle}, offset, bytes};
  }
  std::string failure_text() const { return {invocation.failure_text, invocation.failure_length}; }
};

using context_of_an_invocation = invocation_fixture;

TEST_F(context_of_an_invocation, tells_who_asked_and_who_runs) {
  const rondo::context ctx(invocation);
  EXPECT_EQ(ctx.message_id(), 7u);
  EXPECT_EQ(ctx.correlation_id(), 8u);
  EXPECT_EQ(ctx.kernel_tag(), 9u);
  EXPECT_EQ(ctx.lane(), 3u);
  EXPECT_EQ(ctx.lanes(), 32u);
}

TEST_F(context_of_an_invocation, has_a_barrier_that_is_its_teams_and_none_if_it_is_alone) {
  int arrived = 0;
  const rondo::context alone(invocation, rondo::team{});
  alone.sync();
  EXPECT_EQ(arrived, 0);
  const auto arrive = [](void* self) { ++*static_cast<int*>(self); };
  const rondo::context together(invocation,
                                {.lane = 3, .lanes = 32, .sync = arrive, .self = &arrived});
  together.sync();
  together.sync();
  EXPECT_EQ(arrived, 2);
}

TEST_F(context_of_an_invocation, has_a_clock_that_does_not_go_back) {
  const rondo::context ctx(invocation);
  const std::uint64_t before = ctx.now_ns();
  const std::uint64_t after = ctx.now_ns();
  EXPECT_GT(before, 0u);
  EXPECT_GE(after, before);
}

TEST_F(context_of_an_invocation, has_not_failed_at_first) {
  EXPECT_FALSE(rondo::context(invocation).failed());
}

TEST_F(context_of_an_invocation, carries_the_code_and_the_text_of_a_failure) {
  rondo::context ctx(invocation);
  ctx.fail(42, "no such matrix");
  EXPECT_TRUE(ctx.failed());
  EXPECT_EQ(invocation.failure_code, RONDO_HANDLER_FAILED);
  EXPECT_EQ(invocation.user_code, 42);
  EXPECT_EQ(failure_text(), "no such matrix");
}

TEST_F(context_of_an_invocation, keeps_the_first_of_two_failures) {
  rondo::context ctx(invocation);
  ctx.fail(1, "first");
  ctx.fail(2, "second and longer");
  ctx.fail_with(RONDO_MALFORMED, 3, "third");
  EXPECT_EQ(invocation.failure_code, RONDO_HANDLER_FAILED);
  EXPECT_EQ(invocation.user_code, 1);
  EXPECT_EQ(failure_text(), "first");
}

TEST_F(context_of_an_invocation, counts_a_failure_with_user_code_0_and_no_text) {
  rondo::context ctx(invocation);
  ctx.fail(0, "");
  EXPECT_TRUE(ctx.failed());
  EXPECT_EQ(invocation.user_code, 0);
  EXPECT_EQ(invocation.failure_length, 0u);
}

TEST_F(context_of_an_invocation, cuts_a_failure_text_at_its_maximum) {
  for (const std::size_t length : {199u, 200u, 201u, 1000u}) {
    invocation.failure_code = RONDO_OK;
    const std::string text(length, 'x');
    rondo::context(invocation).fail(1, text.c_str());
    EXPECT_EQ(failure_text(), text.substr(0, RONDO_FAILURE_TEXT_MAX)) << length;
  }
}

TEST_F(context_of_an_invocation, resolves_a_handle_to_memory_and_a_count_of_whole_elements) {
  const rondo::context ctx(invocation);
  const auto floats = ctx.resolve<float>({handle_of(5, 1)});
  ASSERT_TRUE(static_cast<bool>(floats));
  EXPECT_EQ(floats.data, memory.data());
  EXPECT_EQ(floats.size, memory.size());
  floats[9] = 1.5f;
  EXPECT_EQ(memory[9], 1.5f);

  struct triple {
    float a, b, c;
  };
  EXPECT_EQ(ctx.resolve<const triple>({handle_of(5, 1)}).size, 3u)
      << "the tenth float is no triple";
}

TEST_F(context_of_an_invocation, resolves_no_handle_to_nothing) {
  EXPECT_FALSE(static_cast<bool>(rondo::context(invocation).resolve<float>({})));
}

// BUF-01
TEST_F(context_of_an_invocation, resolves_a_handle_of_another_generation_to_nothing) {
  const rondo::context ctx(invocation);
  EXPECT_FALSE(static_cast<bool>(ctx.resolve<float>({handle_of(4, 1)})));
  EXPECT_FALSE(static_cast<bool>(ctx.resolve<float>({handle_of(6, 1)})));
  EXPECT_FALSE(static_cast<bool>(ctx.resolve<float>({handle_of(1, 2)}))) << "a free entry";
  table[1].handle = 0;
  EXPECT_FALSE(static_cast<bool>(ctx.resolve<float>({handle_of(5, 1)}))) << "after its release";
}

TEST_F(context_of_an_invocation, resolves_an_index_beyond_the_table_to_nothing) {
  const rondo::context ctx(invocation);
  for (const std::uint64_t index :
       {std::uint64_t{3}, std::uint64_t{1000}, std::uint64_t{0xffffffff}})
    EXPECT_FALSE(static_cast<bool>(ctx.resolve<float>({handle_of(5, index)}))) << index;
  invocation.buffers = nullptr;
  invocation.buffer_count = 0;
  EXPECT_FALSE(static_cast<bool>(ctx.resolve<float>({handle_of(5, 1)})))
      << "a device without buffers";
}

TEST_F(context_of_an_invocation, resolves_a_slice_to_its_part_of_the_memory) {
  const rondo::context ctx(invocation);
  const auto middle = ctx.resolve<float>(part(handle_of(5, 1), 8, 3 * 4 + 3));
  EXPECT_EQ(middle.data, memory.data() + 2);
  EXPECT_EQ(middle.size, 3u) << "the last three bytes are no float";
  const auto all = ctx.resolve<float>(part(handle_of(5, 1), 0, sizeof memory));
  EXPECT_EQ(all.data, memory.data());
  EXPECT_EQ(all.size, memory.size());
  const auto none = ctx.resolve<float>(part(handle_of(5, 1), sizeof memory, 0));
  EXPECT_TRUE(static_cast<bool>(none)) << "a sound slice of no bytes";
  EXPECT_EQ(none.size, 0u);
}

TEST_F(context_of_an_invocation, resolves_a_slice_that_leaves_its_buffer_to_nothing) {
  const rondo::context ctx(invocation);
  constexpr std::uint64_t size = sizeof memory, end = ~std::uint64_t{0};
  for (const auto& [offset, bytes] : std::initializer_list<std::pair<std::uint64_t, std::uint64_t>>{
           {0, size + 1},
           {size, 1},
           {size + 4, 0},
           {4, size - 3},
           {end - 3, 4},
           {4, end - 3},
           {end, end},
           {size - 4, end - (size - 4) + 1 + 4}}) {
    const auto span = ctx.resolve<float>(part(handle_of(5, 1), offset, bytes));
    EXPECT_EQ(span.data, nullptr) << offset << ' ' << bytes;
    EXPECT_EQ(span.size, 0u) << offset << ' ' << bytes;
  }
  EXPECT_FALSE(static_cast<bool>(ctx.resolve<float>(rondo::buffer_slice{})));
  EXPECT_FALSE(static_cast<bool>(ctx.resolve<float>(part(handle_of(4, 1), 0, 4)))) << "stale";
}

// A device ends with the whole process's work at an access that is not aligned.
TEST_F(context_of_an_invocation, resolves_a_slice_that_begins_where_no_element_may_to_nothing) {
  const rondo::context ctx(invocation);
  EXPECT_TRUE(static_cast<bool>(ctx.resolve<char>(part(handle_of(5, 1), 5, 4))));
  EXPECT_TRUE(static_cast<bool>(ctx.resolve<float>(part(handle_of(5, 1), 4, 4))));
  for (const std::uint64_t offset : {1u, 2u, 3u, 5u, 6u})
    EXPECT_FALSE(static_cast<bool>(ctx.resolve<float>(part(handle_of(5, 1), offset, 4)))) << offset;
}

}  // namespace
}  // namespace kernel_test
