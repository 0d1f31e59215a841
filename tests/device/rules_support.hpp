// What the tests of queues with rules share: kernels of every shape, requests with all that a rule
// asks about, and replies held to what is due.
#pragma once

#include "test_clock.hpp"
#include "traffic.hpp"

namespace rondo::test {

using message = sized<2>;
using echo = answering<message, message>;
using many = emitting<message, message>;

struct setup {
  publication in;
  publication out;
  grid_shape grid;
};
inline std::ostream& operator<<(std::ostream& o, const setup& s) {
  return o << name_of(s.in) << " to " << name_of(s.out) << ", " << s.grid;
}

// How a request is sent.
struct sending {
  bool is_urgent = false;
  bool is_awaited = true;
  std::uint64_t deadline_ns = 0;
  message_plan plan{.many = 1};
};
constexpr sending urgently{.is_urgent = true};
constexpr sending unawaited{.is_awaited = false};

class ruled : public ::testing::TestWithParam<setup> {
 protected:
  static constexpr std::uint64_t capacity = 4;

  static kernel_options options(std::uint64_t output = 16) {
    kernel_options o;
    o.input = {GetParam().in, capacity, sizeof(message)};
    o.output = {GetParam().out, output, sizeof(rondo_failure)};
    o.grid = GetParam().grid;
    o.nap_ns = 1000;
    return o;
  }
  static kernel_options output_that(std::uint32_t flag, std::uint64_t output) {
    kernel_options o = options(output);
    o.input.capacity = 16;
    o.flags |= flag;
    return o;
  }

  template <class Kernel>
  static rondo_status try_push(Kernel& k, std::uint64_t id, const sending& how = {}) {
    packed<message> m(id, how.plan);
    if (!how.is_awaited) m.header.correlation_id = id;
    const ring::envelope_times times{how.deadline_ns, 0};
    return (how.is_urgent ? k.urgent() : k.in()).try_push(m.header, m.bytes.data(), &times);
  }
  template <class Kernel>
  static void push(Kernel& k, std::uint64_t id, const sending& how = {}) {
    EXPECT_TRUE(k.until([&] { return try_push(k, id, how) == RONDO_OK; }, "room in the input"));
  }

  template <class Kernel>
  static void expect_reply(Kernel& k, std::uint64_t id, std::uint64_t number) {
    ring::message m;
    ASSERT_TRUE(k.peek(m)) << "reply to " << id;
    ring::envelope header = *m.header;
    const bool is_awaited = (header.correlation_id & RONDO_CORRELATION_AWAITED) != 0;
    if (!is_awaited) header.correlation_id = correlation_for(header.correlation_id);
    m.header = &header;
    EXPECT_EQ(wrong_reply<message>(m, id, number), "");
    k.out().release();
  }
  template <class Kernel>
  static void expect_reply(Kernel& k, std::uint64_t id) {
    expect_reply(k, id, answer_to(id));
  }
  template <class Kernel>
  static void expect_failure(Kernel& k, std::uint64_t id, std::int32_t code, const char* text,
                             std::int32_t user_code = 0) {
    ring::message m;
    ASSERT_TRUE(k.peek(m)) << "failure of " << id;
    EXPECT_EQ(wrong_failure(m, id, code, user_code, text), "");
    k.out().release();
  }
  template <class Kernel>
  static void expect_no_reply(Kernel& k) {
    ring::message m;
    EXPECT_EQ(k.out().peek(m), RONDO_EMPTY);
  }
  // Of an active kernel. Its counters are those of now, then.
  template <class Kernel>
  static void await_handled(Kernel& k, std::uint64_t count) {
    k.until([&] { return k.counters().messages_in == count; }, "requests to be handled");
    k.obey(command::pause);
    k.obey(command::run);
  }

  static constexpr const char* given_up = "given up for newer requests: the input was full";
  static constexpr const char* too_old = "it waited longer than its time to live";
  static constexpr const char* not_done = "not done: the kernel's output was full";
  static constexpr const char* lost = "it was handled, and the reply dropped: the output was full";
};

inline std::string setup_name(const ::testing::TestParamInfo<setup>& info) {
  const setup& s = info.param;
  return name_of(s.in) + "_to_" + name_of(s.out) + "_" + std::to_string(s.grid.blocks) + "x" +
         std::to_string(s.grid.threads);
}
inline std::vector<setup> setups() {
  std::vector<setup> all;
  for (auto in : {publication::chunked, publication::counted})
    for (auto out : {publication::chunked, publication::counted})
      for (const grid_shape& g : {grid_shape{1, 1, 32}, grid_shape{1, 5, 2}, grid_shape{2, 3, 2}})
        all.push_back({in, out, g});
  return all;
}

}  // namespace rondo::test
