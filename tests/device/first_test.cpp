#include "handlers.hpp"
#include "host_kernel.hpp"

namespace rondo::test {
namespace {

using echo = answering<sized<4>, sized<4>>;

TEST(first, serial_chunked) {
  for (std::uint32_t threads : {1u, 2u, 5u, 32u, 33u}) {
    for (auto how : {publication::chunked, publication::counted}) {
      SCOPED_TRACE(name_of(how) + " " + std::to_string(threads));
      kernel_options o;
      o.input = {how, 4, sizeof(sized<4>)};
      o.output = {how, 4, 208};
      o.grid.threads = threads;
      host_kernel<echo> k(o);
      k.launch_and_run();
      for (std::uint64_t i = 0; i < 50 && !k.gave_up(); ++i) {
        sized<4> m{};
        fill(m, i);
        ring::envelope e = envelope_for(i, sizeof m);
        e.version = 3;
        k.push(e, &m);
        ring::message r;
        ASSERT_TRUE(k.peek(r));
        EXPECT_EQ(r.header->correlation_id, ~i);
        EXPECT_EQ(r.header->flags, 0u);
        sized<4> got;
        std::memcpy(&got, r.payload, sizeof got);
        EXPECT_EQ(got.id, answer_to(i));
        EXPECT_TRUE(is_filled(got, answer_to(i)));
        k.out().release();
      }
      EXPECT_TRUE(k.obey(command::pause));
      EXPECT_TRUE(k.obey(command::run));
      EXPECT_EQ(k.stop().how, ending::ordered);
      EXPECT_EQ(k.counters().messages_in, 50u);
      EXPECT_EQ(k.handler().handled, 50u);
    }
  }
}

}  // namespace
}  // namespace rondo::test
