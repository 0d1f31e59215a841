// The arithmetic of stamps and buckets, at its edges, and that every sender puts a stamp where it
// belongs and nowhere else.
#include "support.hpp"

#include <rondo/backend/ring_queue.hpp>
#include <rondo/ring/latency.hpp>

namespace rondo::test {
namespace {

constexpr std::uint64_t round_ns = std::uint64_t{1} << (32 + RONDO_STAMP_SHIFT);

TEST(bucket, of_a_duration_is_the_power_of_two_that_it_reaches) {  // TEL-10
  EXPECT_EQ(ring::latency_bucket(0), 0u);
  EXPECT_EQ(ring::latency_bucket(1), 0u);
  for (std::uint32_t i = 1; i < RONDO_LATENCY_BUCKETS; ++i) {
    const std::uint64_t first = std::uint64_t{1} << i;
    EXPECT_EQ(ring::latency_bucket(first - 1), i - 1);
    EXPECT_EQ(ring::latency_bucket(first), i);
    EXPECT_EQ(ring::latency_bucket(first + first / 2), i);
  }
  for (std::uint32_t i = RONDO_LATENCY_BUCKETS; i < 64; ++i)
    EXPECT_EQ(ring::latency_bucket(std::uint64_t{1} << i), RONDO_LATENCY_BUCKETS - 1u);
  EXPECT_EQ(ring::latency_bucket(~std::uint64_t{0}), RONDO_LATENCY_BUCKETS - 1u);
}

TEST(stamp, is_never_0_and_never_makes_a_wait_shorter) {
  for (const std::uint64_t sent :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{63}, std::uint64_t{64}, round_ns - 64,
        round_ns - 1, round_ns, round_ns + 63, 5 * round_ns + 12'345}) {
    const std::uint32_t stamp = ring::stamp_of(sent);
    EXPECT_NE(stamp, 0u) << sent;
    for (const std::uint64_t waited : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000},
                                       std::uint64_t{270'000'000'000}}) {
      const std::uint64_t since = ring::since_stamp(stamp, sent + waited);
      EXPECT_GE(since, waited) << sent;
      EXPECT_LT(since, waited + 128) << sent;
    }
  }
}

TEST(stamp, that_lies_a_little_ahead_means_no_wait) {
  for (const std::uint64_t now : {std::uint64_t{1'000'000}, round_ns + 3, 7 * round_ns}) {
    EXPECT_EQ(ring::since_stamp(ring::stamp_of(now + 64), now), 0u);
    EXPECT_EQ(ring::since_stamp(ring::stamp_of(now + 999'000'000), now), 0u);
  }
}

// Sequences 0 and 64 of each lane have a stamp of now; the others what they were pushed with.
class stamped_by_calls : public ::testing::TestWithParam<ring::publication> {};

TEST_P(stamped_by_calls, is_every_64th_request_however_it_is_pushed) {  // TEL-08
  const std::uint64_t before = ring::now_ns();
  backend::ring_input queue(make_ring({GetParam(), 256, 16}));
  ring::consumer<> consumer(queue.view());
  const ring::envelope header{8, RONDO_TYPE_REQUEST, 1, 0, 0, 1, 1};
  const std::uint64_t payload = 7;
  const void* const payloads[] = {&payload};
  for (int i = 0; i < 195; ++i) {
    std::uint64_t done = 0;
    if (i < 64) {
      ASSERT_EQ(queue.push(header, &payload), RONDO_OK);
    } else if (i < 128) {
      ASSERT_EQ(queue.push_batch(&header, payloads, 1, done), RONDO_OK);
    } else {
      rondo_claim claim{};
      ASSERT_EQ(queue.reserve(8, claim), RONDO_OK);
      ASSERT_EQ(queue.commit(claim, header), RONDO_OK);
    }
  }
  for (std::uint64_t i = 0; i < 195; ++i) {
    ring::message m;
    ASSERT_EQ(consumer.peek(m), RONDO_OK);
    EXPECT_EQ(m.header->reserved != 0, i % 64 == 0) << i;
    if (i % 64 == 0) {
      const auto now = ring::now_ns();
      EXPECT_LE(ring::since_stamp(m.header->reserved, now), now - before + 64);
    }
    consumer.release();
  }
}

INSTANTIATE_TEST_SUITE_P(over, stamped_by_calls,
                         ::testing::Values(ring::publication::word, ring::publication::counted,
                                           ring::publication::apart, ring::publication::chunked),
                         [](const auto& it) { return name_of(it.param); });

}  // namespace
}  // namespace rondo::test
