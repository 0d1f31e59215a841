// Messages that only Cereal can read: their round trip, their limits, and bytes that lie about
// their length. Such a message is refused without asking for the memory that it claims to need.
#include "kernel/reply_collector.hpp"
#include "kernel/values.hpp"

#include <rondo/kernel/cereal.hpp>
#include <rondo/kernel/registration.hpp>

#include <gtest/gtest.h>
#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

namespace kernel_test {
namespace {

enum class mode : std::uint8_t { slow, fast };

struct settings {
  std::map<std::string, std::vector<double>> curves;
  std::optional<std::string> title;
  std::vector<bool> marks;
  mode speed = mode::slow;
  std::int32_t corners[3]{};
  rondo::buffer_ref buffer;

  bool operator==(const settings&) const = default;
  template <class A>
  void serialize(A& ar) {
    ar(curves, title, marks, speed, CEREAL_NVP(corners), buffer);
  }
};
RONDO_HOST_MESSAGE(settings, "Settings", 2, 256);

// One container, to lie about its length.
template <class Container>
struct holding {
  Container value;
  template <class A>
  void serialize(A& ar) {
    ar(value);
  }
};
using holding_text = holding<std::string>;
using holding_numbers = holding<std::vector<std::uint64_t>>;
using holding_texts = holding<std::vector<std::string>>;
using holding_marks = holding<std::vector<bool>>;
using holding_map = holding<std::map<std::uint8_t, std::uint8_t>>;
RONDO_HOST_MESSAGE(holding_text, "Text", 1, 256);
RONDO_HOST_MESSAGE(holding_numbers, "Numbers", 1, 256);
RONDO_HOST_MESSAGE(holding_texts, "Texts", 1, 256);
RONDO_HOST_MESSAGE(holding_marks, "Marks", 1, 256);
RONDO_HOST_MESSAGE(holding_map, "Map", 1, 256);

settings sample() {
  settings s;
  s.curves = {{"", {}}, {"one", {1.5}}, {"two", {2.5, -3.5}}};
  s.title = "a title";
  s.marks = {true, false, true};
  s.speed = mode::fast;
  s.corners[2] = -7;
  s.buffer.handle = 0x100000002;
  return s;
}

TEST(a_host_only_message, comes_back_equal) {
  for (const settings& sent : {sample(), settings{}}) {
    settings received = sample();
    received.title = "before";
    EXPECT_TRUE(decodes(encoded(sent), received));
    EXPECT_EQ(received, sent);
  }
}

TEST(a_host_only_message, has_the_bytes_of_cereals_binary_archive) {
  std::ostringstream stream;
  const settings sent = sample();
  cereal::BinaryOutputArchive{stream}(sent);
  const std::string written = std::move(stream).str();
  EXPECT_EQ(encoded(sent), bytes(written.begin(), written.end()));
}

TEST(a_host_only_message, is_described_as_such) {
  constexpr rondo_message_type record = rondo::detail::describe_message<settings>();
  EXPECT_EQ(record.flags, std::uint32_t{RONDO_MESSAGE_HOST_ONLY});
  EXPECT_EQ(record.encoding, std::uint32_t{RONDO_ENCODING_ENCODED});
  EXPECT_EQ(record.max_bytes, 256u);
  EXPECT_EQ(record.version, 2u);
  EXPECT_EQ(record.alignment, 1u);
}

TEST(a_host_only_message, is_not_written_into_too_small_a_room) {
  const settings sent = sample();
  const auto needed = static_cast<std::uint32_t>(encoded(sent).size());
  for (std::uint32_t room = 0; room < needed; ++room) {
    bytes to(room + 16, 0xa5);
    EXPECT_EQ(rondo::encode(sent, to.data(), room), -1) << room;
    EXPECT_TRUE(std::all_of(to.begin() + room, to.end(), [](int b) { return b == 0xa5; })) << room;
  }
}

TEST(a_host_only_message, is_refused_when_cut_short_or_followed_by_more) {
  bytes whole = encoded(sample());
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(
        decodes<settings>({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)}))
        << length;
  whole.push_back(0);
  EXPECT_FALSE(decodes<settings>(whole));
}

template <class T>
void expect_false_counts_refused(const T& message) {
  const bytes sent = encoded(message);
  ASSERT_TRUE(decodes<T>(sent));
  for (int bit = 3; bit < 64; ++bit) {
    const std::uint64_t count = std::uint64_t{1} << bit;
    bytes changed = sent;
    std::memcpy(changed.data(), &count, sizeof count);
    EXPECT_FALSE(decodes<T>(changed)) << "count 2^" << bit;
  }
}

TEST(a_host_only_message, that_claims_any_length_is_refused) {
  expect_false_counts_refused(holding_text{"text"});
  expect_false_counts_refused(holding_numbers{{1}});
  expect_false_counts_refused(holding_texts{{"text"}});
  expect_false_counts_refused(holding_marks{{true, false}});
  expect_false_counts_refused(holding_map{{{std::uint8_t{1}, std::uint8_t{2}}}});
}

TEST(a_host_only_message, with_a_bool_or_a_mark_that_is_neither_0_nor_1_is_refused) {
  bytes marks = encoded(holding_marks{{true}});
  marks.back() = 2;
  EXPECT_FALSE(decodes<holding_marks>(marks));

  settings empty;
  bytes sent = encoded(empty);
  ASSERT_EQ(sent.at(8), 1) << "behind the empty map: no title";
  sent[8] = 2;
  EXPECT_FALSE(decodes<settings>(sent));
}

struct complete {
  static constexpr rondo::handler_id id{"Complete"};
  using request = settings;
  using response = settings;
  void operator()(const settings& in, settings& out, rondo::context&) {
    out = in;
    out.title.emplace(in.corners[0] == 1 ? 1000u : 1u, '!');
  }
};

TEST(a_handler_of_host_only_messages, is_called_like_any_other) {
  complete handler;
  request_bytes request(sample());
  reply_collector replies;
  ASSERT_EQ(rondo::detail::invoke_handler<complete>(&handler, request.payload(), &replies,
                                                    &request.invocation),
            RONDO_OK);
  EXPECT_EQ(replies.decoded<settings>(0).title, "!");
  EXPECT_EQ(replies.decoded<settings>(0).curves, sample().curves);
}

TEST(a_handler_of_host_only_messages, fails_when_its_response_exceeds_what_was_declared) {
  complete handler;
  settings sent;
  sent.corners[0] = 1;
  request_bytes request(sent);
  reply_collector replies;
  EXPECT_EQ(rondo::detail::invoke_handler<complete>(&handler, request.payload(), &replies,
                                                    &request.invocation),
            RONDO_TOO_LARGE);
  EXPECT_TRUE(replies.replies().empty());
}

}  // namespace
}  // namespace kernel_test
