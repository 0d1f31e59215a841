// Messages through the loop, whichever way they are published, whoever runs the handler, and
// however many threads there are: each is answered once, whole, in the order of its sender, and
// counted.
#include "traffic.hpp"

namespace rondo::test {
namespace {

using converse = void (*)(const kernel_options&, const traffic&);

template <class H>
void converse_with(const kernel_options& options, const traffic& t) {
  host_kernel<H> kernel(options);
  kernel.launch_and_run();
  conversation<H> talk(kernel, t);
  talk.run();
  // What was abandoned last has no reply that shows it is done with.
  kernel.until([&] { return kernel.input_head() == kernel.in().next_sequence(); },
               "the input to be read");
  kernel.obey(command::pause);
  talk.check_counters();
  EXPECT_EQ(kernel.stop().how, ending::ordered);
  talk.check_counters();
  EXPECT_EQ(kernel.resume().counters.input_next, kernel.in().next_sequence());
  EXPECT_EQ(kernel.resume().counters.output_next, kernel.out().next_sequence());
  EXPECT_EQ(kernel.out_view().shape.how, options.output.how);
}

struct traffic_case {
  std::string name;
  converse run;
  kernel_options options;
  traffic messages;
};

std::ostream& operator<<(std::ostream& out, const traffic_case& c) {
  return out << c.name << ": " << c.options;
}

class traffic_through_the_loop : public ::testing::TestWithParam<traffic_case> {};

TEST_P(traffic_through_the_loop, every_request_is_answered_once_whole_in_order_and_counted) {
  const traffic_case& c = GetParam();
  c.run(c.options, c.messages);
}

constexpr publication ways[] = {publication::chunked, publication::counted};

kernel_options rings(publication in, publication out, std::uint64_t capacity, std::uint32_t request,
                     std::uint32_t response) {
  kernel_options o;
  o.input = {in, capacity, request};
  o.output = {out, capacity, std::max<std::uint32_t>(response, sizeof(rondo_failure))};
  return o;
}

template <class H>
kernel_options rings_for(publication in, publication out, std::uint64_t capacity) {
  return rings(in, out, capacity, detail::max_bytes<typename H::request>(),
               detail::max_bytes<typename H::response>());
}

std::string size_name(const grid_shape& g) {
  return std::to_string(g.blocks) + "x" + std::to_string(g.threads) + "_warp" +
         std::to_string(g.warp);
}

template <class H>
void add(std::vector<traffic_case>& to, const char* name, publication in, publication out,
         std::uint64_t capacity, const grid_shape& grid, const traffic& t) {
  kernel_options o = rings_for<H>(in, out, capacity);
  o.grid = grid;
  o.input.one_producer = t.senders == 1;
  to.push_back({std::string(name) + "_" + name_of(in) + "_to_" + name_of(out) + "_" +
                    std::to_string(capacity) + "_slots_" + size_name(grid) + "_" +
                    std::to_string(t.senders) + "_senders_" + std::to_string(to.size()),
                &converse_with<H>, o, t});
}

using short_message = sized<2>;
using long_message = sized<84>;  // 352 bytes: a chunked slot of 32 pieces
using lists = listed<40>;

// One thread and few: thousands of messages around small rings.
std::vector<traffic_case> wrapping() {
  std::vector<traffic_case> all;
  for (auto in : ways)
    for (auto out : ways)
      for (std::uint64_t capacity : {2u, 8u}) {
        add<answering<short_message, long_message>>(all, "serial_plain", in, out, capacity, {1, 1},
                                                    {2000, 2, pace::flood});
        add<answering<lists, lists>>(all, "serial_encoded", in, out, capacity, {1, 2, 2},
                                     {600, 1, pace::bursts});
        add<emitting<short_message, lists>>(all, "emitting", in, out, capacity, {1, 2, 2},
                                            {600, 2, pace::flood});
        add<answering<long_message, short_message>>(all, "one_by_one", in, out, capacity, {1, 2},
                                                    {200, 1, pace::one_by_one});
      }
  return all;
}

// Each execution with threads of its own kind.
template <execution How>
void add_teams(std::vector<traffic_case>& all, const char* name,
               std::initializer_list<grid_shape> grids) {
  for (const grid_shape& grid : grids)
    for (auto way : ways) {
      const auto other = way == publication::chunked ? publication::counted : publication::chunked;
      add<answering<short_message, long_message, How>>(all, name, way, other, 8, grid,
                                                       {120, 2, pace::flood});
      add<answering<lists, lists, How>>(all, name, way, way, 4, grid, {80, 1, pace::bursts});
      add<emitting<lists, short_message, How>>(all, name, way, other, 4, grid,
                                               {60, 1, pace::flood});
    }
}

std::vector<traffic_case> teams() {
  std::vector<traffic_case> all;
  add_teams<execution::serial>(all, "serial", {{1, 5, 4}, {2, 3, 2}});
  add_teams<execution::warp>(all, "warp", {{1, 1}, {1, 5, 4}, {2, 6, 4}});
  add_teams<execution::block>(all, "block", {{1, 2, 2}, {1, 5, 4}, {3, 2, 2}});
  add_teams<execution::grid>(all, "grid", {{1, 3, 4}, {2, 3, 2}, {3, 5, 4}});
  add_teams<execution::independent>(all, "independent", {{1, 1}, {1, 5, 4}, {1, 8, 4}, {2, 3, 2}});
  return all;
}

// Warps of 32, as they are on a GPU.
std::vector<traffic_case> real_warps() {
  std::vector<traffic_case> all;
  const traffic few{30, 1, pace::flood};
  for (auto way : ways) {
    for (std::uint32_t threads : {32u, 33u})
      add<answering<long_message, long_message>>(all, "serial", way, way, 4, {1, threads}, few);
    add<answering<long_message, lists, execution::warp>>(all, "warp", way, way, 4, {1, 48}, few);
    add<answering<lists, long_message, execution::block>>(all, "block", way, way, 4, {1, 64}, few);
    add<answering<lists, lists, execution::grid>>(all, "grid", way, way, 4, {2, 33}, few);
    add<answering<short_message, lists, execution::independent>>(all, "independent", way, way, 64,
                                                                 {1, 64}, {200, 1, pace::flood});
  }
  return all;
}

// Messages beyond what a chunked slot carries, up to the largest there are.
std::vector<traffic_case> large() {
  std::vector<traffic_case> all;
  using middle = sized<200>;
  using largest = sized<16380>;
  static_assert(sizeof(largest) == RONDO_MAX_PAYLOAD);
  static_assert(!device::stage_plan<answering<largest, largest>>::in_shared_memory);
  const traffic few{40, 1, pace::flood};
  for (auto way : ways) {
    add<answering<middle, short_message>>(all, "serial", publication::counted, way, 4, {1, 5, 4},
                                          few);
    add<answering<short_message, middle, execution::block>>(all, "block", way, publication::counted,
                                                            4, {1, 5, 4}, few);
  }
  add<answering<largest, largest>>(all, "serial", publication::counted, publication::counted, 2,
                                   {1, 2, 2}, few);
  add<answering<largest, largest, execution::warp>>(all, "warp", publication::counted,
                                                    publication::counted, 2, {1, 6, 4}, few);
  add<emitting<largest, largest, execution::grid>>(all, "grid", publication::counted,
                                                   publication::counted, 2, {2, 3, 2}, few);
  add<answering<middle, middle, execution::independent>>(
      all, "independent_but_too_large_for_a_thread", publication::counted, publication::counted, 4,
      {1, 5, 4}, few);
  return all;
}

// Slots of every number of pieces, for messages that are shorter.
std::vector<traffic_case> pieces() {
  std::vector<traffic_case> all;
  using echo = answering<short_message, short_message>;
  for (std::uint32_t room : {24u, 28u, 29u, 100u, 208u, 340u, 352u}) {
    kernel_options o = rings(publication::chunked, publication::chunked, 4, room, room);
    o.grid = {1, 3, 4};
    all.push_back({"slots_of_" + std::to_string(room) + "_bytes",
                   &converse_with<echo>,
                   o,
                   {60, 1, pace::flood}});
  }
  return all;
}

// One warp with a lane for each piece: small plain messages take the short way. Replies whose end
// lies anywhere in a piece.
template <std::uint32_t N>
void add_short_way(std::vector<traffic_case>& all) {
  using small = sized<N>;
  for (unsigned senders : {1u, 2u})
    add<answering<small, small>>(all, "small", publication::chunked, publication::chunked, 4,
                                 {1, 16, 16}, {200, senders, pace::flood});
}
std::vector<traffic_case> short_way() {
  std::vector<traffic_case> all;
  add_short_way<1>(all);
  add_short_way<2>(all);
  add_short_way<3>(all);
  add_short_way<12>(all);
  return all;
}

// A warp that counts how often one of its lanes goes the short way.
struct counting_threads : host_threads {
  using host_threads::host_threads;
  static inline std::atomic<std::uint64_t> short_ways{0};
  static std::byte* at_place(std::uintptr_t place) {
    short_ways.fetch_add(1, std::memory_order_relaxed);
    return host_threads::at_place(place);
  }
};

TEST(short_way, is_taken_by_small_messages_unless_timed_or_in_a_lap_that_writes_all_chunks) {
  using echo = answering<short_message, short_message>;
  constexpr std::uint32_t lanes = 16;
  constexpr std::uint64_t messages = 3 * RONDO_SAMPLE_EVERY;
  constexpr std::uint64_t slots = 8;
  kernel_options o = rings_for<echo>(publication::chunked, publication::chunked, slots);
  o.grid = {1, lanes, lanes};
  host_kernel<echo, ring::platform, counting_threads> kernel(o);
  kernel.launch_and_run();
  conversation talk(kernel, {messages, 1, pace::flood, true, false});
  counting_threads::short_ways = 0;
  talk.run();
  // Sequence 0 is both, one of the first lap and timed.
  EXPECT_EQ(counting_threads::short_ways.load(), lanes * (messages - 3 - (slots - 1)));
  EXPECT_EQ(kernel.stop().how, ending::ordered);
  talk.check_counters();
  EXPECT_EQ(kernel.counters().handler_samples, 3u);
}

std::string case_name(const ::testing::TestParamInfo<traffic_case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(wrapping, traffic_through_the_loop, ::testing::ValuesIn(wrapping()),
                         case_name);
INSTANTIATE_TEST_SUITE_P(teams, traffic_through_the_loop, ::testing::ValuesIn(teams()), case_name);
INSTANTIATE_TEST_SUITE_P(real_warps, traffic_through_the_loop, ::testing::ValuesIn(real_warps()),
                         case_name);
INSTANTIATE_TEST_SUITE_P(short_way, traffic_through_the_loop, ::testing::ValuesIn(short_way()),
                         case_name);
INSTANTIATE_TEST_SUITE_P(large, traffic_through_the_loop, ::testing::ValuesIn(large()), case_name);
INSTANTIATE_TEST_SUITE_P(pieces, traffic_through_the_loop, ::testing::ValuesIn(pieces()),
                         case_name);

}  // namespace
}  // namespace rondo::test
