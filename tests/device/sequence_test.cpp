// Where sequences and tags come to their edges, and rings that are not what they should be: garbage
// in slots, pieces that are missing, counters that are impossible. And the facts that both sides
// compare before the first launch.
#include "traffic.hpp"

namespace rondo::test {
namespace {

using message = sized<4>;
using echo = answering<message, message>;

constexpr publication ways[] = {publication::chunked, publication::counted};

kernel_options options_of(publication in, publication out, std::uint32_t threads = 3) {
  kernel_options o;
  o.input = {in, 4, 100};
  o.output = {out, 4, sizeof(rondo_failure)};
  o.grid = {1, threads, 2};
  o.nap_ns = 1000;
  return o;
}

TEST(sequence, messages_pass_where_chunks_are_refreshed_and_tags_wrap) {
  constexpr std::uint64_t period = ring::chunk_refresh_period;
  constexpr std::uint64_t wrap = std::uint64_t{1} << 32;
  for (auto in : ways)
    for (auto out : ways)
      for (std::uint64_t begin : {period - 6, 3 * period - 1, wrap - 7, wrap - 1, 5 * wrap - 5}) {
        SCOPED_TRACE(begin);
        kernel_options o = options_of(in, out);
        o.input_begins_at = begin;
        o.output_begins_at = begin - 3;
        o.input.one_producer = false;
        host_kernel<emitting<listed<8>, listed<8>>> k(o);
        k.launch_and_run();
        conversation<emitting<listed<8>, listed<8>>> talk(k, {30, 2, pace::flood});
        talk.run();
        EXPECT_EQ(k.drain(k.in().next_sequence()).how, ending::ordered);
        talk.check_counters();
        EXPECT_EQ(k.counters().input_next, k.in().next_sequence());
        EXPECT_EQ(k.counters().output_next, k.out().next_sequence());
      }
}

TEST(sequence, garbage_in_slots_is_no_message) {
  for (auto in : ways) {
    host_kernel<echo> k(options_of(in, in));
    k.launch_and_run();
    for (int i = 0; i < 3; ++i) k.let_it_look();
    EXPECT_EQ(k.input_head(), 0u);
    EXPECT_EQ(k.stop().how, ending::ordered);
    EXPECT_EQ(k.counters().messages_in, 0u);
    EXPECT_EQ(k.counters().messages_dropped, 0u);
  }
}

// Pieces of a chunked message may come in any order, and it is none before all are there.
void wait_for_each_piece(std::uint64_t begin, std::uint32_t needed) {
  SCOPED_TRACE(begin);
  kernel_options o = options_of(publication::chunked, publication::chunked);
  o.input_begins_at = begin;
  host_kernel<echo> k(o);
  k.launch_and_run();
  const ring::view v = k.in_view();
  for (std::uint32_t late = 0; late < needed; ++late) {
    const packed<message> m(late);
    const std::uint64_t sequence = begin + late * v.shape.capacity;
    // The slots between are for messages that do not matter.
    while (k.in().next_sequence() < sequence) {
      ring::claim c;
      ASSERT_TRUE(k.until([&] { return k.in().try_reserve(1, c) == RONDO_OK; }, "a slot"));
      k.in().abandon(c);
    }
    ring::claim c;
    ASSERT_TRUE(k.until([&] { return k.in().try_reserve(1, c) == RONDO_OK; }, "a slot"));
    std::byte content[ring::max_chunked_content]{};
    std::memcpy(content, &m.header, sizeof m.header);
    std::memcpy(content + sizeof m.header, m.bytes.data(), m.header.length);
    const auto store = [&](std::uint32_t piece) {
      ring::chunk p{{}, ring::chunk_tag(sequence)};
      std::memcpy(p.content, content + 12 * piece, 12);
      ring::platform::store_chunk(reinterpret_cast<ring::chunk*>(v.slot(sequence)) + piece, p);
    };
    for (std::uint32_t piece = 0; piece < needed; ++piece)
      if (piece != late) store(piece);
    k.until([&] { return k.input_head() == sequence; }, "the slots before");
    k.let_it_look();
    EXPECT_EQ(k.input_head(), sequence) << "piece " << late << " was missing";
    store(late);
    ring::message r;
    ASSERT_TRUE(k.peek(r));
    EXPECT_EQ(wrong_reply<message>(r, late, answer_to(late)), "");
    k.out().release();
  }
  EXPECT_EQ(k.stop().how, ending::ordered);
}

TEST(sequence, a_chunked_message_is_none_before_its_last_piece_is_there) {
  const std::uint32_t needed = ring::chunks_for(sizeof(ring::envelope) + sizeof(message));
  wait_for_each_piece(1000, needed);
}

TEST(sequence, where_chunks_are_refreshed_all_pieces_of_the_slot_are_awaited) {
  // Each of these is in its slot's refresh lap, so only one piece can be late in each run.
  kernel_options o = options_of(publication::chunked, publication::chunked);
  o.input_begins_at = ring::chunk_refresh_period;
  host_kernel<echo> k(o);
  k.launch_and_run();
  const ring::view v = k.in_view();
  const std::uint32_t all = ring::chunks_in_slot(v.shape);
  const packed<message> m(5);
  std::byte content[ring::max_chunked_content]{};
  std::memcpy(content, &m.header, sizeof m.header);
  std::memcpy(content + sizeof m.header, m.bytes.data(), m.header.length);
  const auto store = [&](std::uint32_t piece) {
    ring::chunk p{{}, ring::chunk_tag(o.input_begins_at)};
    std::memcpy(p.content, content + 12 * piece, 12);
    ring::platform::store_chunk(reinterpret_cast<ring::chunk*>(v.slot(o.input_begins_at)) + piece,
                                p);
  };
  ring::claim c;
  ASSERT_EQ(k.in().try_reserve(1, c), RONDO_OK);
  for (std::uint32_t piece = 0; piece + 1 < all; ++piece) store(piece);
  k.let_it_look();
  EXPECT_EQ(k.input_head(), o.input_begins_at) << "the last piece was missing";
  store(all - 1);
  ring::message r;
  ASSERT_TRUE(k.peek(r));
  EXPECT_EQ(wrong_reply<message>(r, 5, answer_to(5)), "");
  k.out().release();
  EXPECT_EQ(k.stop().how, ending::ordered);
}

TEST(sequence, an_impossible_tail_ends_the_kernel) {
  for (auto out : ways)
    for (std::uint64_t tail : {std::uint64_t{100 + 5}, std::uint64_t{99}, ~std::uint64_t{0}}) {
      SCOPED_TRACE(tail);
      kernel_options o = options_of(publication::counted, out);
      o.input_begins_at = 100;
      host_kernel<echo> k(o);
      k.launch_and_run();
      ring::platform::store_release(&k.in_view().producer->tail, tail);  // SYNC: tail-published
      EXPECT_EQ(k.join().how, ending::broken_ring);
      EXPECT_EQ(k.counters().messages_in, 0u);
      EXPECT_EQ(k.input_head(), 100u);
    }
}

// ---- before the first launch

template <class H>
device::probe_record probed() {
  host_kernel<H> k(options_of(publication::counted, publication::counted));
  device::probe<H>(k.args(), 42);
  return k.probed();
}

TEST(probe, tells_the_layout_that_this_side_has_too) {
  const device::probe_record r = probed<echo>();
  const device::layout_facts here = device::current_layout();
  EXPECT_EQ(std::memcmp(&r.layout, &here, sizeof here), 0);
  EXPECT_EQ(here.launch_args_bytes, sizeof(device::launch_args));
  EXPECT_EQ(r.done, 1u);
  EXPECT_EQ(r.clock, 42u);
}

TEST(probe, tells_what_the_handler_is) {
  using handler = emitting<listed<8>, message, execution::grid>;
  const device::probe_record r = probed<handler>();
  EXPECT_EQ(r.handler_flags, RONDO_HANDLER_EMITS | RONDO_HANDLER_GRID_COOPERATIVE);
  EXPECT_EQ(r.request_max_bytes, 16u + 8 + 8 * 4);
  EXPECT_EQ(r.response_max_bytes, sizeof(message));
  EXPECT_EQ(r.request_schema, detail::schema_hash<listed<8>>());
  EXPECT_EQ(r.response_schema, detail::schema_hash<message>());
  EXPECT_EQ(r.state_bytes, sizeof(handler));
  EXPECT_EQ(r.state_alignment, alignof(handler));
  EXPECT_EQ(r.destroys, 0u);
  EXPECT_EQ(r.scratch_bytes, device::stage_plan<handler>::bytes) << "blocks share it";
  EXPECT_EQ(probed<echo>().scratch_bytes, 0u);
}

// ---- what a handler reaches beside its request

struct reads_a_buffer {
  static constexpr handler_id id{"ReadsABuffer"};
  using request = message;
  using response = message;
  void operator()(const message& in, message& out, context& ctx) {
    const auto words = ctx.resolve<std::uint32_t>({std::uint64_t{in.words[0]} << 32 | 2});
    out.id = words ? words.size * 1000 + words[1] : 0;
    out.many = static_cast<std::uint32_t>(ctx.kernel_tag());
    out.words[0] = ctx.lanes();
  }
};

TEST(buffers, a_handler_resolves_what_is_alive_and_nothing_else) {
  host_kernel<reads_a_buffer> k(options_of(publication::chunked, publication::counted));
  std::uint32_t words[] = {5, 6, 7};
  const std::uint64_t handle = std::uint64_t{9} << 32 | 2;
  k.buffers()[2] = {handle, reinterpret_cast<std::uint64_t>(words), sizeof words, 0};
  k.launch_and_run();
  for (std::uint32_t generation : {9u, 8u}) {
    packed<message> m(1);
    std::memcpy(m.bytes.data() + offsetof(message, words), &generation, sizeof generation);
    k.push(m.header, m.bytes.data());
    ring::message r;
    ASSERT_TRUE(k.peek(r));
    message got;
    std::memcpy(&got, r.payload, sizeof got);
    EXPECT_EQ(got.id, generation == 9 ? 3006u : 0u);
    EXPECT_EQ(got.many, 77u);
    EXPECT_EQ(got.words[0], 1u);
    k.out().release();
  }
  EXPECT_EQ(k.stop().how, ending::ordered);
}

struct reads_a_slice {
  static constexpr handler_id id{"ReadsASlice"};
  using request = message;
  using response = message;
  void operator()(const message& in, message& out, context& ctx) {
    const buffer_slice part{{std::uint64_t{9} << 32 | 2}, in.words[0], in.words[1]};
    const auto words = ctx.resolve<std::uint32_t>(part);
    out.id = words ? words.size * 1000 + (words.size > 0 ? words[0] : 0) : 77;
  }
};

TEST(buffers, a_handler_resolves_a_slice_that_lies_in_its_buffer_and_nothing_else) {
  host_kernel<reads_a_slice> k(options_of(publication::chunked, publication::chunked));
  std::uint32_t words[] = {5, 6, 7};
  k.buffers()[2] = {std::uint64_t{9} << 32 | 2, reinterpret_cast<std::uint64_t>(words),
                    sizeof words, 0};
  k.launch_and_run();
  const std::uint32_t asked[][3] = {{4, 8, 2006}, {8, 4, 1007}, {12, 0, 0},   {0, 13, 77},
                                    {8, 8, 77},   {16, 0, 77},  {~3u, 8, 77}, {2, 4, 77}};
  for (const auto& [offset, bytes, expected] : asked) {
    packed<message> m(1);
    const std::uint32_t where[] = {offset, bytes};
    std::memcpy(m.bytes.data() + offsetof(message, words), where, sizeof where);
    k.push(m.header, m.bytes.data());
    ring::message r;
    ASSERT_TRUE(k.peek(r));
    message got;
    std::memcpy(&got, r.payload, sizeof got);
    EXPECT_EQ(got.id, expected) << offset << ' ' << bytes;
    k.out().release();
  }
  EXPECT_EQ(k.stop().how, ending::ordered);
}

}  // namespace
}  // namespace rondo::test
