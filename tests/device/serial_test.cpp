// A handler of one thread in a block of many: the others do not wait for it at its barriers, nor it
// for them.
#include "traffic.hpp"

namespace rondo::test {
namespace {

using message = sized<4>;
using alone = hooked<answering<message, message>>;

class serial : public ::testing::TestWithParam<grid_shape> {
 protected:
  ~serial() override { alone::unhook(); }
};

TEST_P(serial, a_barrier_in_a_handler_of_one_thread_holds_nobody_up) {
  std::atomic<std::uint64_t> passed{0};
  alone::before = [&](const message&, context& ctx) {
    EXPECT_EQ(ctx.lanes(), 1u);
    for (int i = 0; i < 3; ++i) ctx.sync(), ++passed;
  };
  kernel_options o;
  o.input = {publication::counted, 16, 128};
  o.output = {publication::counted, 16, sizeof(rondo_failure)};
  o.grid = GetParam();
  host_kernel<alone> k(o);
  k.launch_and_run();
  for (std::uint64_t id = 0; id < 6; ++id) {
    const packed<message> m(id, {false, wish::reply, 1});
    k.push(m.header, m.bytes.data());
    ring::message reply;
    ASSERT_TRUE(k.peek(reply));
    EXPECT_EQ(wrong_reply<message>(reply, id, answer_to(id)), "");
    k.out().release();
  }
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(passed, 18u);
}

INSTANTIATE_TEST_SUITE_P(every_block, serial,
                         ::testing::Values(grid_shape{1, 1, 32}, grid_shape{1, 5, 2},
                                           grid_shape{2, 3, 2}),
                         [](const auto& shape) {
                           return std::to_string(shape.param.blocks) + "x" +
                                  std::to_string(shape.param.threads);
                         });

}  // namespace
}  // namespace rondo::test
