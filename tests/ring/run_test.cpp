// Runs: the same messages as by the general way, at any sequence, and an end before whatever is not
// an ordinary message.
#include "support.hpp"

#include <rondo/ring/run.hpp>

namespace rondo::test {
namespace {

constexpr publication contiguous[] = {publication::word, publication::counted, publication::apart};
constexpr std::uint64_t starts[] = {0, 5, (std::uint64_t{1} << 40) - 3};

// A ring that begins at some sequence, with its two ends.
struct ring_and_ends {
  explicit ring_and_ends(const ring_shape& shape, std::uint64_t start = 0)
      : memory(make_ring(shape)), producer(begun_at(start)), consumer(memory.view()) {}

  backend::ring_memory memory;
  ring::producer<> producer;
  ring::consumer<> consumer;

 private:
  ring::view begun_at(std::uint64_t start) const {
    start_at(memory.view(), start);
    return memory.view();
  }
};

// use(run) with a run of this ring, which ends with it.
template <class Use>
void in_a_run(ring::consumer<>& of, Use&& use) {
  if (of.shape().how == publication::word) {
    ring::consumer_run<publication::word> run(of);
    use(run);
  } else if (of.shape().how == publication::apart) {
    ring::consumer_run<publication::apart> run(of);
    use(run);
  } else {
    ring::consumer_run<publication::counted> run(of);
    use(run);
  }
}
template <class Use>
void in_a_filling_run(ring::producer<>& of, std::uint64_t first, Use&& use) {
  if (of.shape().how == publication::word) {
    ring::filling_run<publication::word> run(of, first);
    use(run);
  } else if (of.shape().how == publication::apart) {
    ring::filling_run<publication::apart> run(of, first);
    use(run);
  } else {
    ring::filling_run<publication::counted> run(of, first);
    use(run);
  }
}

TEST(a_consumer_run, gives_every_message_through_laps_of_the_ring) {
  for (const publication how : contiguous)
    for (const std::uint64_t start : starts) {
      SCOPED_TRACE(name_of(how));
      ring_and_ends of({how, 8, 64}, start);
      auto& [memory, producer, consumer] = of;
      std::uint64_t in = 0, out = 0;
      for (std::uint64_t lap = 1; lap <= 40; ++lap) {
        for (std::uint64_t n = 0; n < lap % 9; ++n)
          ASSERT_EQ(push_id(producer, in++, 64), RONDO_OK);
        in_a_run(consumer, [&](auto& run) {
          for (ring::message m; run.peek(m); ++out) {
            ASSERT_TRUE(is_message(m, out, 64));
            ASSERT_EQ(m.sequence, start + out);
            ASSERT_EQ(m.times, nullptr);
            run.advance();
          }
          run.publish_head();
        });
        ASSERT_EQ(out, in);
        ASSERT_EQ(producer.depth(), 0u);
      }
    }
}

TEST(a_consumer_run, frees_nothing_before_it_publishes_the_head) {
  for (const publication how : contiguous) {
    SCOPED_TRACE(name_of(how));
    ring_and_ends of({how, 4, 64});
    auto& [memory, producer, consumer] = of;
    for (std::uint64_t id = 0; id < 4; ++id) ASSERT_EQ(push_id(producer, id, 64), RONDO_OK);
    in_a_run(consumer, [&, &producer = producer](auto& run) {
      ring::message m;
      ASSERT_TRUE(run.peek(m));
      run.advance();
      EXPECT_EQ(push_id(producer, 4, 64), RONDO_FULL);
      run.publish_head();
      EXPECT_EQ(push_id(producer, 4, 64), RONDO_OK);
    });
  }
}

TEST(a_consumer_run, leaves_the_consumer_where_it_ended) {
  for (const publication how : contiguous) {
    SCOPED_TRACE(name_of(how));
    ring_and_ends of({how, 8, 64});
    auto& [memory, producer, consumer] = of;
    for (std::uint64_t id = 0; id < 6; ++id) ASSERT_EQ(push_id(producer, id, 64), RONDO_OK);
    ASSERT_TRUE(pops_id(consumer, 0, 64));
    in_a_run(consumer, [&](auto& run) {
      ring::message m;
      for (std::uint64_t id = 1; id < 4; ++id) {
        ASSERT_TRUE(run.peek(m));
        ASSERT_TRUE(is_message(m, id, 64));
        run.advance();
      }
    });
    EXPECT_EQ(consumer.next_sequence(), 4u);
    EXPECT_EQ(producer.depth(), 5u) << "the head is published with the next release";
    for (std::uint64_t id = 4; id < 6; ++id) ASSERT_TRUE(pops_id(consumer, id, 64));
    EXPECT_EQ(producer.depth(), 0u);
  }
}

TEST(a_consumer_run, ends_before_an_abandoned_and_before_a_malformed_message) {
  for (const publication how : contiguous) {
    SCOPED_TRACE(name_of(how));
    ring_and_ends of({how, 8, 64});
    auto& [memory, producer, consumer] = of;
    ring::claim c;
    ASSERT_EQ(push_id(producer, 0, 64), RONDO_OK);
    ASSERT_EQ(producer.try_reserve(64, c), RONDO_OK);
    producer.abandon(c);
    ASSERT_EQ(producer.try_reserve(64, c), RONDO_OK);
    producer.commit(c, envelope_for(2, 65));  // longer than a slot
    ring::message m;
    in_a_run(consumer, [&](auto& run) {
      ASSERT_TRUE(run.peek(m));
      run.advance();
      EXPECT_FALSE(run.peek(m));
      EXPECT_EQ(run.next_sequence(), 1u);
    });
    EXPECT_EQ(consumer.peek(m), RONDO_MALFORMED) << "behind the abandoned one";
    EXPECT_EQ(consumer.skipped(), 1u);
    in_a_run(consumer, [&](auto& run) { EXPECT_FALSE(run.peek(m)); });
  }
}

// With headers apart others are counted; see apart_test.cpp.
constexpr publication with_headers[] = {publication::word, publication::counted};
template <class Run>
std::uint64_t count_ahead(Run& run, std::uint64_t most) {
  if constexpr (requires { run.count_ahead(most); }) return run.count_ahead(most);
  else return 0;
}

TEST(a_consumer_run, counts_what_lies_one_behind_the_other) {
  for (const publication how : with_headers)
    for (const std::uint64_t start : starts) {
      SCOPED_TRACE(name_of(how));
      ring_and_ends of({how, 8, 64}, start);
      auto& [memory, producer, consumer] = of;
      for (std::uint64_t id = 0; id < 8; ++id) ASSERT_EQ(push_id(producer, id, 64), RONDO_OK);
      const std::uint64_t behind = 8 - start % 8;  // up to the end of the ring's memory
      in_a_run(consumer, [&, &memory = memory](auto& run) {
        EXPECT_EQ(count_ahead(run, 0), 0u);
        EXPECT_EQ(count_ahead(run, 1), 1u);
        EXPECT_EQ(count_ahead(run, 100), behind);
        EXPECT_EQ(run.next_sequence(), start) << "it is a look";
        ring::message first, m;
        ASSERT_TRUE(run.peek(first));
        for (std::uint64_t id = 0; id < behind; ++id) {
          ASSERT_TRUE(run.peek(m));
          ASSERT_TRUE(is_message(m, id, 64));
          ASSERT_EQ(m.payload, first.payload + id * memory.view().shape.stride);
          run.advance_by(1);
        }
        EXPECT_EQ(count_ahead(run, 100), 8 - behind) << "then from its begin";
      });
    }
}

TEST(a_consumer_run, counts_up_to_what_is_no_ordinary_message) {
  for (const publication how : with_headers) {
    SCOPED_TRACE(name_of(how));
    ring_and_ends of({how, 8, 64});
    auto& [memory, producer, consumer] = of;
    ring::claim c;
    for (std::uint64_t id = 0; id < 2; ++id) ASSERT_EQ(push_id(producer, id, 64), RONDO_OK);
    ASSERT_EQ(producer.try_reserve(64, c), RONDO_OK);
    in_a_run(consumer, [](auto& run) { EXPECT_EQ(count_ahead(run, 16), 2u); });  // not committed
    producer.abandon(c);
    ASSERT_EQ(push_id(producer, 3, 64), RONDO_OK);
    in_a_run(consumer, [](auto& run) { EXPECT_EQ(count_ahead(run, 16), 2u); });
  }
}

TEST(a_consumer_run, is_for_its_publication_and_not_where_requests_may_be_given_up) {
  const auto serve = [](const ring_shape& shape) {
    const auto memory = make_ring(shape);
    const ring::consumer<> consumer(memory.view());
    return std::pair(ring::consumer_run<publication::word>::serves(consumer),
                     ring::consumer_run<publication::counted>::serves(consumer));
  };
  EXPECT_EQ(serve({.how = publication::word}), std::pair(true, false));
  EXPECT_EQ(serve({.how = publication::counted}), std::pair(false, true));
  EXPECT_EQ(serve({.how = publication::chunked}), std::pair(false, false));
  EXPECT_EQ(serve({.how = publication::word, .drop_oldest = true}), std::pair(false, false));
  EXPECT_EQ(serve({.how = publication::counted, .drop_oldest = true}), std::pair(false, false));
}

TEST(a_consumer_run, takes_nothing_from_a_counter_that_cannot_be) {
  const auto memory = make_ring({publication::counted, 4, 64});
  ring::consumer<> consumer(memory.view());
  ring::consumer_run<publication::counted> run(consumer);
  ring::message m;
  for (const std::uint64_t tail : {std::uint64_t{5}, ~std::uint64_t{0}}) {
    memory.view().producer->tail = tail;
    EXPECT_FALSE(run.peek(m));
  }
}

ring::view alone(ring::view v) {
  v.claims_alone = true;
  return v;
}

TEST(a_producer_run, claims_and_commits_until_the_ring_is_full) {
  for (const std::uint64_t start : starts) {
    const auto memory = make_ring({publication::word, 8, 64});
    start_at(memory.view(), start);
    ring::producer<> producer(alone(memory.view()));
    ring::consumer<> consumer(memory.view());
    ASSERT_TRUE(ring::producer_run<>::serves(producer));
    std::uint64_t in = 0, out = 0;
    for (std::uint64_t lap = 1; lap <= 30; ++lap) {
      ring::producer_run<> run(producer);
      ring::claim c;
      while (run.claim_next(c)) {
        ASSERT_EQ(c.sequence, start + in);
        fill_payload(c.payload, in, 64);
        run.commit(c, envelope_for(in, 64));
        ++in;
      }
      ASSERT_EQ(in - out, 8u);
      ASSERT_EQ(producer.next_sequence(), start + in);
      for (std::uint64_t n = 0; n < 1 + lap % 8; ++n) ASSERT_TRUE(pops_id(consumer, out++, 64));
    }
  }
}

TEST(a_producer_run, is_not_for_shared_timed_counted_or_chunked_producers) {
  const auto serves = [](const ring_shape& shape, bool claims_alone) {
    const auto memory = make_ring(shape);
    const ring::producer<> producer(claims_alone ? alone(memory.view()) : memory.view());
    return ring::producer_run<>::serves(producer);
  };
  EXPECT_TRUE(serves({.how = publication::word}, true));
  EXPECT_FALSE(serves({.how = publication::word}, false));
  EXPECT_FALSE(serves({.how = publication::word, .timed = true}, true));
  EXPECT_FALSE(serves({.how = publication::counted}, true));
  EXPECT_FALSE(serves({.how = publication::chunked}, true));
}

// Lengths at both sides of the pieces that are copied, and room that ends within a batch.
TEST(a_staged_run, publishes_what_was_put_together_elsewhere) {
  constexpr std::uint64_t stride = 192;
  for (const std::uint64_t start : starts) {
    const auto memory = make_ring({publication::word, 8, 100});
    start_at(memory.view(), start);
    ring::producer<> producer(alone(memory.view()));
    ring::consumer<> consumer(memory.view());
    alignas(16) std::byte staged[8 * stride]{};
    const auto length_of = [](std::uint64_t id) {
      constexpr std::uint32_t lengths[] = {1, 100, 31, 32, 33, 64, 0, 99};
      return lengths[id % 8];
    };
    std::uint64_t in = 0, out = 0;
    for (std::uint64_t lap = 0; lap < 40; ++lap) {
      {
        ring::staged_run<> run(producer);
        const std::uint64_t count = run.room(1 + lap % 8);
        ASSERT_EQ(count, std::min<std::uint64_t>(1 + lap % 8, 8 - (in - out)));
        ASSERT_EQ(run.next_sequence(), start + in);
        for (std::uint64_t i = 0; i < count; ++i) {
          const ring::envelope header = envelope_for(in + i, length_of(in + i));
          std::memcpy(staged + i * stride, &header, sizeof header);
          fill_payload(staged + i * stride + sizeof header, in + i, header.length);
        }
        run.publish(staged, stride, count);
        in += count;
      }
      for (std::uint64_t n = 0; n < 1 + lap % 5 && out < in; ++n, ++out)
        ASSERT_TRUE(pops_id(consumer, out, length_of(out)));
    }
    while (out < in) {
      ASSERT_TRUE(pops_id(consumer, out, length_of(out)));
      ++out;
    }
    EXPECT_GT(in, 80u);
  }
}

TEST(a_staged_run, is_for_word_publication_by_who_claims_alone) {
  const auto serves = [](const ring_shape& shape, bool claims_alone) {
    const auto memory = make_ring(shape);
    const ring::producer<> producer(claims_alone ? alone(memory.view()) : memory.view());
    return ring::staged_run<>::serves(producer);
  };
  EXPECT_TRUE(serves({.how = publication::word}, true));
  EXPECT_FALSE(serves({.how = publication::word}, false));
  EXPECT_FALSE(serves({.how = publication::word, .timed = true}, true));
  for (const publication how : {publication::counted, publication::apart, publication::chunked})
    EXPECT_FALSE(serves({.how = how}, true));
}

TEST(a_filling_run, publishes_what_it_has_filled) {
  for (const publication how : contiguous)
    for (const std::uint64_t start : starts) {
      SCOPED_TRACE(name_of(how));
      ring_and_ends of({how, 8, 64}, start);
      auto& [memory, producer, consumer] = of;
      std::uint64_t id = 0;
      for (std::uint64_t want : {3u, 8u, 1u, 5u, 7u}) {
        std::uint64_t first = 0;
        ASSERT_EQ(producer.try_reserve_batch(want, first), want);
        in_a_filling_run(producer, first, [&](auto& run) {
          for (std::uint64_t i = 0; i < want; ++i) {
            ASSERT_EQ(run.sequence(), first + i);
            fill_payload(run.payload(), id + i, 64);
            run.finish(envelope_for(id + i, 64));
          }
          run.publish();
        });
        for (std::uint64_t i = 0; i < want; ++i) ASSERT_TRUE(pops_id(consumer, id++, 64));
      }
    }
}

TEST(a_filling_run, publishes_by_word_at_once_and_counted_when_it_is_told) {
  for (const publication how : contiguous) {
    SCOPED_TRACE(name_of(how));
    ring_and_ends of({how, 8, 64});
    auto& [memory, producer, consumer] = of;
    std::uint64_t first = 0;
    ASSERT_EQ(producer.try_reserve_batch(2, first), 2u);
    in_a_filling_run(producer, first, [&, &consumer = consumer](auto& run) {
      for (std::uint64_t id = 0; id < 2; ++id) {
        fill_payload(run.payload(), id, 64);
        run.finish(envelope_for(id, 64));
        if (how == publication::word) {
          EXPECT_TRUE(pops_id(consumer, id, 64));
        }
      }
      ring::message m;
      EXPECT_EQ(consumer.peek(m), RONDO_EMPTY);
      run.publish();
      run.publish();  // there is nothing more
    });
    if (how != publication::word) {
      for (std::uint64_t id = 0; id < 2; ++id) EXPECT_TRUE(pops_id(consumer, id, 64));
    }
    EXPECT_EQ(producer.depth(), 0u);
  }
}

TEST(a_filling_run, is_not_for_timed_or_chunked_producers) {
  const auto serve = [](const ring_shape& shape) {
    const auto memory = make_ring(shape);
    const ring::producer<> producer(memory.view());
    return std::pair(ring::filling_run<publication::word>::serves(producer),
                     ring::filling_run<publication::counted>::serves(producer));
  };
  EXPECT_EQ(serve({.how = publication::word}), std::pair(true, false));
  EXPECT_EQ(serve({.how = publication::counted}), std::pair(false, true));
  EXPECT_EQ(serve({.how = publication::word, .timed = true}), std::pair(false, false));
  EXPECT_EQ(serve({.how = publication::chunked}), std::pair(false, false));
}

}  // namespace
}  // namespace rondo::test
