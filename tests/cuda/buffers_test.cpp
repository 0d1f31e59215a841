// Buffers on a GPU: parts of them, those that the host sees without a copy, and those that come
// back in a reply. The same meaning as on the CPU, see tests/core/buffer*_test.cpp.
#include "slicers.hpp"
#include "support.hpp"

#include <map>
#include <numeric>
#include <vector>

namespace cuda_test {
namespace {

using numbers = std::vector<std::uint32_t>;

class buffers_on_gpu : public each_placement {
 protected:
  template <class H>
  rondo::kernel<H> started(rondo::launch_options options = how(GetParam())) {
    auto kernel = rt->launch<H>(options);
    kernel.activate();
    return kernel;
  }
  static rondo::buffer filled(const rondo::kernel_handle& on, const numbers& with,
                              rondo::memory kind = rondo::memory::device) {
    auto made = on.create_buffer(with.size() * 4, kind);
    made.write<std::uint32_t>(with);
    return made;
  }
  static numbers counted(std::uint32_t count, std::uint32_t from = 1) {
    numbers out(count);
    std::iota(out.begin(), out.end(), from);
    return out;
  }
  static std::uint64_t total(const numbers& of) {
    return std::accumulate(of.begin(), of.end(), std::uint64_t{0});
  }
  template <class H>
  static slice_answer ask(rondo::kernel<H>& kernel, const slice_question& q) {
    const auto reply = kernel.call(q, 5s);
    if (!reply.has_value()) {
      ADD_FAILURE() << reply.failure().message;
      return {};
    }
    EXPECT_EQ(reply->proof, secret(q.nonce, 8));
    EXPECT_EQ(reply->on_device, 1u) << "the handler ran on the host";
    return *reply;
  }
  std::uint64_t figure(const std::string& key) const {
    const std::string text = property(*rt, key);
    EXPECT_FALSE(text.empty()) << key;
    return text.empty() ? 0 : std::stoull(text);
  }
};
INSTANTIATE_TEST_SUITE_P(placements, buffers_on_gpu, ::testing::Values("pinned", "bar", "event"),
                         [](const auto& p) { return std::string(p.param); });

constexpr std::uint64_t none = ~std::uint64_t{0};

template <class Kernel>
void expect_parts_and_nothing_else(Kernel& kernel, rondo::memory kind) {
  auto data = kernel.create_buffer(1000 * 4, kind);
  numbers values(1000);
  std::iota(values.begin(), values.end(), 1);
  data.template write<std::uint32_t>(values);
  // Words 100 to 149 and 998 with half of 999.
  const auto reply = kernel.call(
      {.nonce = 1000, .first = data.slice(400, 200), .second = data.slice(3992, 6)}, 5s);
  ASSERT_TRUE(reply.has_value()) << reply.failure().message;
  EXPECT_EQ(reply->words[0], 50u);
  EXPECT_EQ(reply->words[1], 1u);
  EXPECT_EQ(reply->sums[0], 50u * (101 + 150) / 2);
  EXPECT_EQ(reply->sums[1], 999u);
  EXPECT_EQ(reply->on_device, 1u);
  const auto after = data.template read<std::uint32_t>(1000);
  for (std::uint32_t i = 0; i < 1000; ++i)
    ASSERT_EQ(after[i], values[i] + ((i >= 100 && i < 150) || i == 998 ? 1000 : 0)) << "word " << i;
}

TEST_P(buffers_on_gpu, a_slice_is_a_part_and_nothing_else) {
  auto serial = started<serial_slicer>();
  auto block = started<block_slicer>();
  for (const auto kind : {rondo::memory::device, rondo::memory::host_visible}) {
    expect_parts_and_nothing_else(serial, kind);
    expect_parts_and_nothing_else(block, kind);
  }
}

// A wild pointer would end the device's context, and every later call with it.
TEST_P(buffers_on_gpu, a_slice_that_is_forged_stale_or_misplaced_is_empty) {
  auto kernel = started<serial_slicer>();
  auto data = std::make_optional(filled(kernel, counted(16)));
  const auto ref = data->ref();
  for (const auto& forged : std::vector<rondo::buffer_slice>{{ref, 0, 65},
                                                             {ref, 64, 4},
                                                             {ref, 68, 0},
                                                             {ref, none - 3, 4},
                                                             {ref, 4, none - 3},
                                                             {ref, none - 3, none - 3},
                                                             {ref, 2, 4},
                                                             {{}, 0, 4},
                                                             {{ref.handle + 1}, 0, 4},
                                                             {{ref.handle + (1ull << 32)}, 0, 4},
                                                             {{none}, 0, 4},
                                                             {ref, 1ull << 40, 1ull << 40}}) {
    const auto reply = ask(kernel, {.nonce = 5, .first = forged, .second = data->slice(0, 0)});
    EXPECT_EQ(reply.words[0], none) << forged.offset << ' ' << forged.bytes;
    EXPECT_EQ(reply.words[1], 0u) << "a sound slice of no bytes";
  }
  EXPECT_EQ(data->read<std::uint32_t>(16), counted(16)) << "something was written";
  const auto part = data->slice(8, 8);
  EXPECT_EQ(ask(kernel, {.nonce = 0, .first = part, .second = part}).words[0], 2u);
  data.reset();
  EXPECT_EQ(ask(kernel, {.nonce = 5, .first = part, .second = part}).words[0], none);
  const auto successor = filled(kernel, counted(16));
  EXPECT_EQ(ask(kernel, {.nonce = 5, .first = part, .second = successor.slice(0)}).words[0], none)
      << "another buffer has the place";
}

TEST_P(buffers_on_gpu, a_handle_in_a_reply_is_a_buffer_that_lives_as_long_as_it_is_held) {
  auto kernel = started<block_slicer>();
  const std::uint64_t used_before = figure("device_used_bytes");
  auto low = std::make_optional(filled(kernel, counted(1000)));
  auto high = std::make_optional(filled(kernel, counted(2000, 7)));
  const auto reply = ask(kernel, {.nonce = 1, .first = low->slice(0), .second = high->slice(4)});
  EXPECT_EQ(reply.larger, high->slice(4));
  auto found = std::make_optional(kernel.find_buffer(reply.larger.buffer));
  EXPECT_EQ(found->use_count(), 2);
  low.reset();
  high.reset();
  numbers rest(1999);
  found->read_bytes(reply.larger.offset, rest.data(), reply.larger.bytes);
  EXPECT_EQ(rest, counted(1999, 9)) << "each word but the first, with the nonce added";
  auto other = std::move(*found);
  found.reset();
  EXPECT_EQ(ask(kernel, {.nonce = 0, .first = other.slice(0), .second = {}}).words[0], 2000u);
  const auto ref = other.ref();
  other = filled(kernel, counted(1));
  EXPECT_EQ(ask(kernel, {.nonce = 0, .first = {ref, 0, 4}, .second = {}}).words[0], none);
  try {
    kernel.find_buffer(ref);
    ADD_FAILURE() << "a buffer that is gone was found";
  } catch (const rondo::error& refused) {
    EXPECT_EQ(refused.code(), RONDO_NO_SUCH_BUFFER) << refused.what();
  }
  EXPECT_EQ(figure("device_used_bytes"), used_before + 4) << "memory of a buffer stayed behind";
}

TEST_P(buffers_on_gpu, a_buffer_outlives_its_kernel_and_its_runtime) {
  auto kernel = std::make_optional(started<serial_slicer>());
  auto device = filled(*kernel, counted(100));
  auto seen = filled(*kernel, counted(100), rondo::memory::host_visible);
  kernel->terminate();
  rt->remove("SerialSlicer");
  EXPECT_EQ(kernel->find_buffer(device.ref()).read<std::uint32_t>(100), counted(100));
  kernel.reset();
  auto next = started<block_slicer>();
  EXPECT_EQ(ask(next, {.nonce = 1, .first = device.slice(0), .second = seen.slice(0)}).sums[1],
            5050u);
  rt.reset();
  EXPECT_EQ(device.read<std::uint32_t>(100), counted(100, 2));
  EXPECT_EQ(seen.host_span<std::uint32_t>()[99], 101u);
  const auto copy = seen;
  seen = device;
  copy.host_span<std::uint32_t>()[0] = 9;
  EXPECT_EQ(copy.read<std::uint32_t>(1).front(), 9u);
}

// Every word, as soon as the reply is there: one that came late would be found.
template <class Kernel>
void expect_turns(Kernel& kernel, std::uint32_t words, int rounds) {
  const auto data = kernel.create_buffer(words * 4, rondo::memory::host_visible);
  const auto seen = data.template host_span<std::uint32_t>();
  ASSERT_EQ(seen.size(), words);
  ASSERT_EQ(seen[words - 1], 0u) << "not zeroed";
  for (int round = 1; round <= rounds; ++round) {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < words; ++i)
      sum += seen[i] = static_cast<std::uint32_t>(round) * 2654435761u + i;
    const std::uint32_t nonce = static_cast<std::uint32_t>(round) * 7;
    const auto reply =
        kernel.call({.nonce = nonce, .first = data.slice(0), .second = data.slice(0, 0)}, 5s);
    const std::uint32_t last = seen[words - 1], first = seen[0];
    ASSERT_TRUE(reply.has_value()) << reply.failure().message;
    ASSERT_EQ(reply->sums[0], sum) << "round " << round << ": the handler saw something else";
    ASSERT_EQ(last, static_cast<std::uint32_t>(round) * 2654435761u + words - 1 + nonce) << round;
    ASSERT_EQ(first, static_cast<std::uint32_t>(round) * 2654435761u + nonce) << round;
    for (std::uint32_t i = 0; i < words; ++i)
      ASSERT_EQ(seen[i], static_cast<std::uint32_t>(round) * 2654435761u + i + nonce)
          << "word " << i << " of round " << round;
  }
}

TEST_P(buffers_on_gpu, host_and_handler_use_the_same_memory_in_turn) {
  auto kernel = started<serial_slicer>();
  expect_turns(kernel, 40, 2000);
}
TEST_P(buffers_on_gpu, host_and_all_threads_of_a_block_use_the_same_memory_in_turn) {
  auto options = how(GetParam());
  options.block = 256;
  auto kernel = started<block_slicer>(options);
  expect_turns(kernel, 50'000, 100);
}
TEST_P(buffers_on_gpu, what_is_seen_comes_before_a_counted_reply_too) {
  auto options = how(GetParam());
  if (std::string(GetParam()) == "bar") GTEST_SKIP() << "behind the bus there is no counted ring";
  options.publish = rondo::publish_policy::counted;
  auto kernel = started<serial_slicer>(options);
  expect_turns(kernel, 40, 500);
}

TEST_P(buffers_on_gpu, independent_requests_write_before_their_own_reply) {
  constexpr std::uint32_t parts = 512, words = 16;
  auto kernel = started<independent_slicer>();
  const auto data = kernel.create_buffer(parts * words * 4, rondo::memory::host_visible);
  const auto seen = data.host_span<std::uint32_t>();
  for (std::uint32_t round = 0; round < 10; ++round) {
    for (std::uint32_t i = 0; i < seen.size(); ++i) seen[i] = i + round;
    std::map<std::uint64_t, std::uint32_t> part_of;
    for (std::uint32_t p = 0; p < parts; ++p) {
      const auto sent = kernel.send(
          {.nonce = p + 1, .first = data.slice(p * words * 4, words * 4), .second = {}}, 5s);
      ASSERT_TRUE(sent.has_value()) << sent.failure().message;
      part_of[*sent] = p;
    }
    for (std::uint32_t n = 0; n < parts; ++n) {
      const auto reply = kernel.receive(5s);
      ASSERT_TRUE(reply.has_value()) << reply.failure().message;
      ASSERT_TRUE(reply->outcome.has_value()) << reply->outcome.failure().message;
      ASSERT_EQ(part_of.count(reply->correlation_id), 1u);
      const std::uint32_t p = part_of[reply->correlation_id];
      for (std::uint32_t i = p * words; i < (p + 1) * words; ++i)
        ASSERT_EQ(seen[i], i + round + p + 1) << "word " << i << " of round " << round;
      EXPECT_EQ(reply->outcome->words[0], words);
    }
  }
}

TEST_P(buffers_on_gpu, each_reply_of_many_comes_behind_its_word) {
  auto kernel = started<slice_emitter>();
  const auto data = kernel.create_buffer(200 * 4, rondo::memory::host_visible);
  const auto seen = data.host_span<std::uint32_t>();
  for (std::uint32_t i = 0; i < 200; ++i) seen[i] = i;
  const auto sent = kernel.send({.nonce = 1000, .first = data.slice(0), .second = {}}, 5s);
  ASSERT_TRUE(sent.has_value()) << sent.failure().message;
  for (std::uint32_t i = 0; i < 200; ++i) {
    const auto reply = kernel.receive(5s);
    ASSERT_TRUE(reply.has_value()) << reply.failure().message;
    ASSERT_TRUE(reply->outcome.has_value()) << reply->outcome.failure().message;
    EXPECT_EQ(seen[i], i + 1000) << "the reply overtook what it is about";
    EXPECT_EQ(reply->outcome->words[0], i);
    EXPECT_EQ(reply->outcome->sums[0], i);
    EXPECT_EQ(reply->outcome->proof, secret(1000, 8 + i));
    EXPECT_EQ(reply->more, i + 1 < 200);
  }
}

TEST_P(buffers_on_gpu, flush_tells_that_what_was_asked_for_is_seen) {
  auto kernel = started<serial_slicer>();
  const auto data = kernel.create_buffer(100 * 4, rondo::memory::host_visible);
  const auto seen = data.host_span<std::uint32_t>();
  for (std::uint32_t round = 1; round <= 50; ++round) {
    const auto sent = kernel.send({.nonce = 3, .first = data.slice(0), .second = {}}, 5s);
    ASSERT_TRUE(sent.has_value()) << sent.failure().message;
    const auto done = kernel.flush(5s);
    ASSERT_TRUE(done.has_value()) << done.failure().message;
    for (const std::uint32_t word : seen) ASSERT_EQ(word, 3 * round);
    ASSERT_TRUE(kernel.receive(5s).has_value());
  }
}

TEST_P(buffers_on_gpu, copies_in_and_out_are_of_the_same_memory) {
  auto kernel = started<serial_slicer>();
  auto data = filled(kernel, counted(100), rondo::memory::host_visible);
  EXPECT_EQ(data.kind(), rondo::memory::host_visible);
  EXPECT_EQ(data.host_span<std::uint32_t>()[99], 100u);
  data.host_span<std::uint32_t>()[50] = 7;
  EXPECT_EQ(data.read<std::uint32_t>(1, 50).front(), 7u);
  EXPECT_THROW(data.read<std::uint32_t>(101), rondo::error);
  EXPECT_THROW(data.write_bytes(400, &data, 1), rondo::error);
  const auto hidden = kernel.create_buffer(64);
  try {
    hidden.host_bytes();
    ADD_FAILURE() << "device memory was given to the host";
  } catch (const rondo::error& refused) {
    EXPECT_EQ(refused.code(), RONDO_UNSUPPORTED) << refused.what();
  }
}

// The reply of the busy kernel is not there when all of it is done, so none of it waited for that.
TEST_P(buffers_on_gpu, memory_that_the_host_sees_is_made_and_released_beside_a_busy_kernel) {
  auto busy = started<sleeper>();
  auto idle = started<serial_slicer>();
  question q{};
  q.nonce = 1;
  q.value[0] = 2500;
  const auto sent = busy.send(q, 5s);
  ASSERT_TRUE(sent.has_value()) << sent.failure().message;
  for (std::uint32_t i = 0; i < 20; ++i) {
    const auto data = filled(idle, counted(1000, i), rondo::memory::host_visible);
    EXPECT_EQ(ask(idle, {.nonce = 1, .first = data.slice(0), .second = {}}).sums[0],
              total(counted(1000, i)));
  }
  EXPECT_EQ(busy.try_receive().code(), RONDO_EMPTY) << "something waited for the busy kernel";
  EXPECT_TRUE(busy.receive(5s).has_value());
}

TEST_P(buffers_on_gpu, pinned_memory_is_used_again_and_comes_back) {
  auto kernel = started<serial_slicer>();
  constexpr std::uint64_t large = 100ull << 20;
  const std::uint64_t used = figure("pinned_used_bytes");
  kernel.create_buffer(large, rondo::memory::host_visible);
  const std::uint64_t pinned = figure("pinned_bytes");
  for (int i = 0; i < 5; ++i) {
    const auto data = kernel.create_buffer(large, rondo::memory::host_visible);
    const auto seen = data.host_bytes();
    ASSERT_EQ(seen[0], std::byte{0}) << "memory that is used again is zeroed";
    ASSERT_EQ(seen[large - 1], std::byte{0});
    seen[0] = seen[large - 1] = std::byte{0xc5};
    EXPECT_GE(figure("pinned_used_bytes"), used + large);
  }
  EXPECT_EQ(figure("pinned_bytes"), pinned) << "it was not used again";
  EXPECT_EQ(figure("pinned_used_bytes"), used);
}

}  // namespace
}  // namespace cuda_test
