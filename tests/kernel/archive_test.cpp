// The encoding's limits: its largest size, its refusal of bytes that no writer makes, and its round
// trip. That the bytes are the right ones is the matter of golden_test.cpp.
#include "kernel/values.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace kernel_test {
namespace {

struct bounds {
  rondo::bounded_vector<std::int32_t, 3> numbers;
  rondo::bounded_vector<inner, 2> inners;
  rondo::bounded_string<5> text;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(numbers, inners, text);
  }
};
RONDO_MESSAGE(bounds, "Bounds", 1, encoded);

struct flags {
  bool one = false;
  bool several[2]{};
  rondo::bounded_vector<bool, 2> vector;
  rondo::optional<std::uint8_t> maybe;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(one, several, vector, maybe);
  }
};
RONDO_MESSAGE(flags, "Flags", 1, encoded);

struct nothing {
  template <class A>
  RONDO_HANDLER constexpr void serialize(A&) {}
};
RONDO_MESSAGE(nothing, "Nothing", 1, encoded);

struct point {
  float x, y;
  bool operator==(const point&) const = default;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(x, y);
  }
};
RONDO_MESSAGE(point, "Point", 1, plain);

// As large as a message may be, of elements as small as they can be: the rules are checked without
// walking over each of them.
struct page {
  unsigned char bytes[RONDO_MAX_PAYLOAD];
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(bytes);
  }
};
RONDO_MESSAGE(page, "Page", 1, plain);

struct encoded_page {
  std::uint16_t words[RONDO_MAX_PAYLOAD / 2];
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(words);
  }
};
RONDO_MESSAGE(encoded_page, "EncodedPage", 1, encoded);

constexpr std::uint32_t inner_max = 1 + (8 + 7) + (1 + 8 + 3 * 2);
static_assert(rondo::detail::max_bytes<bounds>() == 8 + 3 * 4 + 8 + 2 * inner_max + 8 + 5);
static_assert(rondo::detail::max_bytes<flags>() == 1 + 2 + 8 + 2 + 2);
static_assert(rondo::detail::max_bytes<nothing>() == 0);
static_assert(rondo::detail::max_bytes<point>() == sizeof(point));
static_assert(rondo::detail::max_bytes<page>() == RONDO_MAX_PAYLOAD);
static_assert(rondo::detail::max_bytes<encoded_page>() == RONDO_MAX_PAYLOAD);

// Calls f with the bytes of `count` random messages.
template <class F>
void for_random_messages(int count, F&& f) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RONDO_TEST_SEED=" + std::to_string(seed));
  random_values fill(seed);
  for (int i = 0; i < count && !testing::Test::HasFailure(); ++i) {
    everything message;
    fill.field(message);
    f(message, fill);
  }
}

template <class T>
void expect_largest_value_takes_max_bytes() {
  EXPECT_EQ(encoded(largest_value<T>()).size(), rondo::detail::max_bytes<T>());
}

TEST(archive, the_largest_value_takes_exactly_max_bytes) {
  expect_largest_value_takes_max_bytes<everything>();
  expect_largest_value_takes_max_bytes<bounds>();
  expect_largest_value_takes_max_bytes<flags>();
  expect_largest_value_takes_max_bytes<page>();
  expect_largest_value_takes_max_bytes<encoded_page>();
}

TEST(archive, random_messages_come_back_equal_and_within_max_bytes) {
  for_random_messages(500, [](const everything& message, random_values&) {
    const bytes sent = encoded(message);
    EXPECT_LE(sent.size(), rondo::detail::max_bytes<everything>());
    everything received;
    EXPECT_TRUE(decodes(sent, received));
    EXPECT_EQ(received, message);
  });
}

TEST(archive, decoding_overwrites_whatever_the_value_held) {
  for_random_messages(100, [](const everything& message, random_values&) {
    everything received = largest_value<everything>();
    EXPECT_TRUE(decodes(encoded(message), received));
    EXPECT_EQ(received, message);
  });
}

TEST(archive, a_message_cut_short_anywhere_is_refused) {
  for_random_messages(20, [](const everything& message, random_values&) {
    const bytes whole = encoded(message);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_FALSE(decodes<everything>(part)) << length << " of " << whole.size() << " bytes";
    }
  });
}

TEST(archive, a_trailing_byte_is_refused) {
  bytes sent = encoded(largest_value<everything>());
  ASSERT_TRUE(decodes<everything>(sent));
  sent.push_back(0);
  EXPECT_FALSE(decodes<everything>(sent));
}

// One bit changed: either a value that encodes to just these bytes, or no message at all.
TEST(archive, what_decodes_is_what_a_writer_would_have_written) {
  int refused = 0, accepted = 0;
  for_random_messages(300, [&](const everything& message, random_values& fill) {
    bytes changed = encoded(message);
    const std::uint64_t bit = fill.numbers() % (changed.size() * 8);
    changed[bit / 8] = static_cast<unsigned char>(changed[bit / 8] ^ (1u << bit % 8));
    everything received;
    if (!decodes(changed, received)) {
      ++refused;
      return;
    }
    ++accepted;
    EXPECT_EQ(encoded(received), changed);
  });
  EXPECT_GT(refused, 0);
  EXPECT_GT(accepted, 0);
}

TEST(archive, a_room_that_is_too_small_gives_minus_one_and_is_not_overrun) {
  const everything message = largest_value<everything>();
  const auto needed = static_cast<std::uint32_t>(encoded(message).size());
  for (std::uint32_t room = 0; room < needed; ++room) {
    bytes to(room + 16, 0xa5);
    EXPECT_EQ(rondo::encode(message, to.data(), room), -1) << room;
    EXPECT_TRUE(std::all_of(to.begin() + room, to.end(), [](int b) { return b == 0xa5; })) << room;
  }
  bytes to(needed);
  EXPECT_EQ(rondo::encode(message, to.data(), needed), needed);
}

TEST(archive, counts_beyond_the_bound_are_refused) {
  const bytes sent = encoded(bounds{});
  ASSERT_EQ(sent.size(), 24u);  // three counts and nothing else
  ASSERT_TRUE(decodes<bounds>(sent));
  const std::uint32_t bound[] = {3, 2, 5};
  for (std::size_t field = 0; field < 3; ++field)
    for (const std::uint64_t count :
         {std::uint64_t{bound[field]} + 1, std::uint64_t{1} << 32, std::uint64_t{1} << 63,
          (std::uint64_t{1} << 32) + 1, ~std::uint64_t{0}}) {
      bytes changed = sent;
      changed.resize(4096);  // long enough for a reader that believed the count's low half
      std::memcpy(changed.data() + 8 * field, &count, sizeof count);
      EXPECT_FALSE(decodes<bounds>(changed)) << "field " << field << ", count " << count;
      changed.resize(24);
      EXPECT_FALSE(decodes<bounds>(changed)) << "field " << field << ", count " << count;
    }
}

TEST(archive, a_count_within_the_bound_but_without_its_elements_is_refused) {
  bytes sent = encoded(bounds{});
  for (const std::size_t at : {0u, 8u, 16u}) {
    bytes changed = sent;
    changed[at] = 2;
    EXPECT_FALSE(decodes<bounds>(changed)) << "at byte " << at;
  }
}

TEST(archive, a_bool_or_a_mark_that_is_neither_0_nor_1_is_refused) {
  const bytes sent = encoded(largest_value<flags>());
  ASSERT_EQ(sent.size(), 15u);
  ASSERT_EQ(sent[13], 0) << "the mark of an optional that is set";
  for (const std::size_t at : {0u, 1u, 2u, 11u, 12u, 13u})
    for (const int value : {2, 0x80, 0xff}) {
      bytes changed = sent;
      changed[at] = static_cast<unsigned char>(value);
      EXPECT_FALSE(decodes<flags>(changed)) << value << " at byte " << at;
    }
}

TEST(archive, a_plain_message_travels_as_it_lies_in_memory) {
  const point p{1.5f, -2.25f};
  const bytes sent = encoded(p);
  ASSERT_EQ(sent.size(), sizeof p);
  EXPECT_EQ(std::memcmp(sent.data(), &p, sizeof p), 0);
  point back{};
  EXPECT_TRUE(decodes(sent, back));
  EXPECT_EQ(back, p);
}

TEST(archive, a_plain_message_of_another_size_is_refused) {
  bytes sent = encoded(point{1, 2});
  for (std::uint32_t room = 0; room < sizeof(point); ++room)
    EXPECT_EQ(rondo::encode(point{1, 2}, sent.data(), room), -1);
  for (std::size_t length = 0; length < sizeof(point); ++length)
    EXPECT_FALSE(decodes<point>(bytes(length)));
  EXPECT_FALSE(decodes<point>(bytes(sizeof(point) + 1)));
}

TEST(archive, a_message_without_fields_takes_no_bytes) {
  EXPECT_EQ(rondo::encode(nothing{}, nullptr, 0), 0);
  nothing out;
  EXPECT_TRUE(rondo::decode(nullptr, 0, out));
  EXPECT_FALSE(decodes<nothing>(bytes(1)));
}

}  // namespace
}  // namespace kernel_test
