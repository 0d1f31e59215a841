// Requests that cannot be answered: the caller learns why, the next request is handled as if
// nothing had been, and what is not a request at all is dropped and counted.
#include "traffic.hpp"

namespace rondo::test {
namespace {

using plain = sized<4>;
using lists = listed<8>;

struct way {
  publication how;
  grid_shape grid;
};
std::ostream& operator<<(std::ostream& o, const way& w) {
  return o << name_of(w.how) << ", " << w.grid;
}

kernel_options options_of(const way& w) {
  kernel_options o;
  o.input = {w.how, 16, 128};
  o.output = {w.how, 16, sizeof(rondo_failure)};
  o.grid = w.grid;
  return o;
}

template <class H>
class failing_kernel : public host_kernel<H> {
 public:
  using host_kernel<H>::host_kernel;
  using request = typename H::request;
  using response = typename H::response;

  void send(ring::envelope header, const std::vector<std::byte>& bytes) {
    this->push(header, bytes.data());
  }
  void send_good(std::uint64_t id) {
    const packed<request> m(id, {false, wish::reply, 1});
    send(m.header, m.bytes);
  }
  void expect_answer(std::uint64_t id) {
    ring::message m;
    if (!this->peek(m)) return;
    const std::uint64_t number = replying_handler<H> ? id : id << 8;
    EXPECT_EQ(wrong_reply<response>(m, id, answer_to(number)), "");
    this->out().release();
  }
  void expect_failure(std::uint64_t id, std::int32_t code, std::int32_t user_code,
                      const std::string& text) {
    ring::message m;
    if (!this->peek(m)) return;
    EXPECT_EQ(wrong_failure(m, id, code, user_code, text), "");
    this->out().release();
  }
  // A header alone, in a claimed slot, that no producer would write.
  void write_raw(const ring::envelope& header) {
    ring::claim c;
    ASSERT_EQ(this->in().try_reserve(1, c), RONDO_OK);
    if (this->in_view().shape.how == publication::counted) return this->in().commit(c, header);
    auto* to = reinterpret_cast<ring::chunk*>(this->in_view().slot(c.sequence));
    std::byte content[ring::max_chunked_content]{};
    std::memcpy(content, &header, sizeof header);
    for (std::uint32_t k = ring::chunks_in_slot(this->in_view().shape); k-- > 0;) {
      ring::chunk piece{{}, ring::chunk_tag(c.sequence)};
      std::memcpy(piece.content, content + 12 * k, 12);
      ring::platform::store_chunk(to + k, piece);
    }
  }
};

template <class H>
void refuses_foreign_requests(const way& w) {
  SCOPED_TRACE(testing::PrintToString(w));
  failing_kernel<H> k(options_of(w));
  k.launch_and_run();
  packed<typename H::request> m(1, {false, wish::reply, 1});
  m.bytes.resize(128);
  std::uint64_t id = 0;
  const auto refused = [&](std::int32_t code, auto&& change) {
    ring::envelope header = m.header;
    header.correlation_id = correlation_for(++id);
    change(header);
    k.send(header, m.bytes);
    k.expect_failure(id, code, 0, any_text);
    k.send_good(++id);
    k.expect_answer(id);
  };
  refused(RONDO_MALFORMED, [](ring::envelope& e) { --e.length; });
  refused(RONDO_MALFORMED, [](ring::envelope& e) { e.length = 0; });
  refused(RONDO_MALFORMED, [](ring::envelope& e) { ++e.length; });
  refused(RONDO_MALFORMED, [](ring::envelope& e) { e.length = 128; });
  refused(RONDO_REQUEST_MISMATCH, [](ring::envelope& e) { e.type = RONDO_TYPE_RESPONSE; });
  refused(RONDO_VERSION_MISMATCH, [](ring::envelope& e) { e.version = 4; });
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.counters().messages_failed, 6u);
  EXPECT_EQ(k.counters().messages_in, 12u);
  EXPECT_EQ(k.counters().messages_out, 12u);
}

template <class H>
void tells_what_the_handler_said(const way& w) {
  SCOPED_TRACE(testing::PrintToString(w));
  failing_kernel<H> k(options_of(w));
  k.launch_and_run();
  for (std::uint64_t id = 0; id < 6; ++id) {
    const packed<typename H::request> m(id, {false, id % 2 == 0 ? wish::fail : wish::fail_last, 0});
    k.send(m.header, m.bytes);
    k.expect_failure(id, RONDO_HANDLER_FAILED, wanted_code, "as you wish");
  }
  k.send_good(6);
  k.expect_answer(6);
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.counters().messages_failed, 6u);
}

// Slots of the output that are smaller than the handler's response: the reason still arrives, cut.
template <class H>
void refuses_what_its_slot_cannot_carry(const way& w) {
  SCOPED_TRACE(testing::PrintToString(w));
  kernel_options o = options_of(w);
  o.output.payload = 28;
  failing_kernel<H> k(o);
  k.launch_and_run();
  for (std::uint64_t id = 0; id < 3; ++id) {
    k.send_good(id);
    k.expect_failure(id, RONDO_TOO_LARGE, 0,
                     std::string("the response may not fit a slot").substr(0, 20));
  }
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.counters().messages_failed, 3u);
}

// A slot too small for any reason: nothing comes, the failure is counted, the kernel lives.
template <class H>
void survives_slots_without_room_for_a_reason(const way& w) {
  SCOPED_TRACE(testing::PrintToString(w));
  kernel_options o = options_of(w);
  o.output.payload = 4;
  failing_kernel<H> k(o);
  k.launch_and_run();
  for (std::uint64_t id = 0; id < 12; ++id) k.send_good(id);
  EXPECT_EQ(k.drain(12).how, ending::ordered);
  ring::message m;
  EXPECT_EQ(k.out().peek(m), RONDO_EMPTY);
  EXPECT_EQ(k.counters().messages_failed, 12u);
}

// Abandoned slots, what lies below skip_below, lengths beyond the slot.
template <class H>
void drops_and_counts_what_is_no_message(const way& w) {
  SCOPED_TRACE(testing::PrintToString(w));
  kernel_options o = options_of(w);
  o.skip_below = 3;
  failing_kernel<H> k(o);
  for (std::uint64_t id = 0; id < 4; ++id) k.send_good(id);
  k.write_raw(envelope_of<typename H::request>(90, 129));
  k.send_good(4);
  k.write_raw(envelope_of<typename H::request>(91, 0xffffffff));
  ring::claim c;
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(k.in().try_reserve(1, c), RONDO_OK);
    k.in().abandon(c);
  }
  k.send_good(5);
  k.launch_and_run();
  for (std::uint64_t id : {3u, 4u, 5u}) k.expect_answer(id);
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.counters().messages_dropped, 7u);
  EXPECT_EQ(k.counters().messages_in, 3u);
  EXPECT_EQ(k.counters().messages_failed, 0u);
}

class failures : public ::testing::TestWithParam<way> {};

// One test for each property, on every kind of handler.
#define RONDO_ON_EVERY_HANDLER(property)                                 \
  property<answering<plain, plain>>(GetParam());                         \
  property<answering<lists, lists>>(GetParam());                         \
  property<emitting<lists, plain>>(GetParam());                          \
  property<answering<plain, plain, execution::warp>>(GetParam());        \
  property<answering<lists, lists, execution::block>>(GetParam());       \
  property<answering<plain, lists, execution::grid>>(GetParam());        \
  property<emitting<plain, plain, execution::grid>>(GetParam());         \
  property<answering<plain, plain, execution::independent>>(GetParam()); \
  property<answering<lists, lists, execution::independent>>(GetParam())

TEST_P(failures, a_message_that_is_no_request_of_the_handler_is_refused_and_its_caller_told) {
  RONDO_ON_EVERY_HANDLER(refuses_foreign_requests);
}
TEST_P(failures, what_the_handler_says_reaches_the_caller_from_whichever_lane) {
  RONDO_ON_EVERY_HANDLER(tells_what_the_handler_said);
}
TEST_P(failures, a_response_that_may_not_fit_its_slot_is_refused) {
  RONDO_ON_EVERY_HANDLER(refuses_what_its_slot_cannot_carry);
}
TEST_P(failures, slots_without_room_for_a_reason_carry_none) {
  RONDO_ON_EVERY_HANDLER(survives_slots_without_room_for_a_reason);
}
TEST_P(failures, what_is_no_message_is_dropped_and_counted) {
  RONDO_ON_EVERY_HANDLER(drops_and_counts_what_is_no_message);
}

std::string way_name(const ::testing::TestParamInfo<way>& info) {
  const way& w = info.param;
  return name_of(w.how) + "_" + std::to_string(w.grid.blocks) + "x" +
         std::to_string(w.grid.threads);
}

INSTANTIATE_TEST_SUITE_P(
    every_kernel, failures,
    ::testing::Values(way{publication::chunked, {1, 1, 32}}, way{publication::counted, {1, 1, 32}},
                      way{publication::chunked, {1, 5, 2}}, way{publication::counted, {1, 5, 2}},
                      way{publication::chunked, {2, 3, 2}}, way{publication::counted, {2, 3, 2}}),
    way_name);

}  // namespace
}  // namespace rondo::test
