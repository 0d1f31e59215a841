// Memory on the device: made, written, read, seen by handlers, and gone.
#include "../support/suite.hpp"
#include "../support/threads.hpp"
#include "buffers.hpp"

#include <mutex>
#include <numeric>
#include <set>

namespace rondo::conformance {

RONDO_CASE(buffer, use, fresh_memory_is_zeroed, core, "BUF-03", RONDO_CAP_BUFFER) {
  buffers all(it);
  for (int round = 0; round < 4; ++round)
    for (const std::uint64_t bytes : {1u, 8u, 4096u, 100'001u}) {
      const auto handle = all.create(bytes);
      std::vector<unsigned char> data(bytes, 0xc5);
      expect_status(all.read(handle, 0, data.data(), bytes), RONDO_OK, "read");
      for (const unsigned char byte : data) require(byte == 0, "a fresh buffer is not zeroed");
      std::memset(data.data(), 0x77, bytes);
      expect_status(all.write(handle, 0, data.data(), bytes), RONDO_OK, "write");
      expect_status(all.destroy(handle), RONDO_OK, "destroy");
    }
}

RONDO_CASE(buffer, use, handlers_see_what_was_written_and_the_host_what_they_wrote, core, "BUF-04",
           RONDO_CAP_BUFFER) {
  buffers all(it);
  test_kernel kernel(it, buffers::spec());
  kernel.start();
  const auto handle = all.create(1000 * sizeof(std::uint64_t));
  for (std::uint64_t round = 0; round < 10; ++round) {
    std::vector<std::uint64_t> data(1000);
    std::uint64_t sum = 0;
    for (auto& each : data) sum += each = it.number();
    expect_status(all.write(handle, 0, data.data(), data.size() * 8), RONDO_OK, "write");
    const auto reply = kernel.call<kernels::buffer_reply>(kernels::buffer_request{{handle}});
    expect_equal(reply.elements, 1000u, "the elements of the buffer that the handler sees");
    expect_equal(reply.sum, sum, "the sum of what the handler sees in the buffer");
    std::vector<std::uint64_t> back(1000);
    expect_status(all.read(handle, 0, back.data(), back.size() * 8), RONDO_OK, "read");
    for (std::size_t i = 0; i < back.size(); ++i)
      expect_equal(back[i], data[i] + 1, "what the handler wrote, read back,");
  }
  expect_status(all.destroy(handle), RONDO_OK, "destroy");
}

RONDO_CASE(buffer, use, a_dead_handle_is_no_buffer, core, "BUF-01", RONDO_CAP_BUFFER) {
  buffers all(it);
  test_kernel kernel(it, buffers::spec());
  kernel.start();
  const auto dead = all.create(64);
  expect_status(all.destroy(dead), RONDO_OK, "destroy");
  const auto alive = all.create(64);
  require(alive != dead, "a handle was given out again: its generation did not change");
  std::uint64_t word = 1;
  for (const rondo_buffer_handle none : {dead, rondo_buffer_handle{0}, ~rondo_buffer_handle{0},
                                         alive + (std::uint64_t{1} << 32), alive ^ 0xff0000}) {
    const std::string what = " of handle " + std::to_string(none) + ", which is not alive,";
    expect_status(all.read(none, 0, &word, 8), RONDO_NO_SUCH_BUFFER, "read" + what);
    expect_status(all.write(none, 0, &word, 8), RONDO_NO_SUCH_BUFFER, "write" + what);
    expect_status(all.destroy(none), RONDO_NO_SUCH_BUFFER, "destroy" + what);
    expect_equal(kernel.call<kernels::buffer_reply>(kernels::buffer_request{{none}}).elements, 0u,
                 "the elements that a handler sees behind a handle that is not alive");
  }
  expect_equal(kernel.call<kernels::buffer_reply>(kernels::buffer_request{{alive}}).elements, 8u,
               "the elements that a handler sees behind a handle that is alive");
  rule("BUF-02");
  expect_status(all.destroy(alive), RONDO_OK, "destroy");
  expect_equal(kernel.call<kernels::buffer_reply>(kernels::buffer_request{{alive}}).elements, 0u,
               "the elements that a handler sees behind a handle after destroy");
}

RONDO_CASE(buffer, use, handlers_cannot_reach_what_was_destroyed, core, "BUF-02",
           RONDO_CAP_BUFFER) {
  buffers all(it);
  test_kernel kernel(it, buffers::spec());
  kernel.start();
  for (int i = 0; i < 50; ++i) {
    const auto handle = all.create(128);
    expect_equal(kernel.call<kernels::buffer_reply>(kernels::buffer_request{{handle}}).elements,
                 16u, "the elements of a buffer");
    expect_status(all.destroy(handle), RONDO_OK, "destroy");
    expect_equal(kernel.call<kernels::buffer_reply>(kernels::buffer_request{{handle}}).elements, 0u,
                 "the elements of a buffer that was destroyed");
  }
}

RONDO_CASE(buffer, use, ranges_stay_within, core, "BUF-05", RONDO_CAP_BUFFER) {
  buffers all(it);
  const auto handle = all.create(100);
  unsigned char data[200];
  const std::uint64_t end = ~std::uint64_t{0};
  const std::pair<std::uint64_t, std::uint64_t> wrong[] = {
      {0, 101}, {100, 1}, {101, 0}, {99, 2}, {end, 1}, {end - 5, 10}, {50, end - 20}, {1, end}};
  for (const auto& [offset, bytes] : wrong) {
    const std::string what = " of " + std::to_string(bytes) + " bytes at " +
                             std::to_string(offset) + " of a buffer of 100";
    std::memset(data, 0xc5, sizeof data);
    expect_status(all.read(handle, offset, data, bytes), RONDO_INVALID_ARGUMENT, "read" + what);
    for (const unsigned char byte : data)
      require(byte == 0xc5, "a read that was refused has copied something");
    expect_status(all.write(handle, offset, data, bytes), RONDO_INVALID_ARGUMENT, "write" + what);
  }
  std::memset(data, 0xc5, sizeof data);
  expect_status(all.read(handle, 0, data, 100), RONDO_OK, "read of all");
  for (int i = 0; i < 100; ++i)
    require(data[i] == 0, "a write that was refused has copied something");
  expect_status(all.read(handle, 100, data, 0), RONDO_OK, "read of nothing at the end");
  rondo_buffer_handle none = 5;
  expect_status(it.api().buffer.create(it.device(), 0, &none, nullptr), RONDO_INVALID_ARGUMENT,
                "create of a buffer of 0 bytes");
  rule("ABI-05");
  expect_equal(none, 5u, "the out parameter of a create that failed");
  expect_status(all.destroy(handle), RONDO_OK, "destroy");
}

RONDO_CASE(buffer, use, handlers_see_a_slice_and_nothing_outside, core, "BUF-04 BUF-01",
           RONDO_CAP_BUFFER) {
  buffers all(it);
  test_kernel kernel(it, buffers::spec("ConformanceSlice"));
  kernel.start();
  const auto handle = all.create(20 * 8);
  std::vector<std::uint64_t> data(20);
  for (auto& each : data) each = it.number();
  expect_status(all.write(handle, 0, data.data(), data.size() * 8), RONDO_OK, "write");
  const auto ask = [&](rondo_buffer_handle of, std::uint64_t offset, std::uint64_t bytes) {
    return kernel.call<kernels::buffer_reply>(kernels::slice_request{{{of}, offset, bytes}});
  };
  const auto part = ask(handle, 5 * 8, 10 * 8 + 7);
  expect_equal(part.elements, 10u, "the elements of a slice of 87 bytes");
  expect_equal(part.sum, std::accumulate(data.begin() + 5, data.begin() + 15, std::uint64_t{0}),
               "the sum of what the handler sees in a slice");
  std::vector<std::uint64_t> back(20);
  expect_status(all.read(handle, 0, back.data(), back.size() * 8), RONDO_OK, "read");
  for (std::size_t i = 0; i < back.size(); ++i)
    expect_equal(back[i], data[i] + (i >= 5 && i < 15 ? 1 : 0), "a word of the buffer");
  expect_equal(ask(handle, 0, 20 * 8).elements, 20u, "the elements of a slice of all");
  constexpr std::uint64_t end = ~std::uint64_t{0};
  const std::pair<std::uint64_t, std::uint64_t> forged[] = {
      {0, 161}, {160, 8}, {152, 16}, {168, 0}, {end - 7, 8}, {8, end - 7}, {end, end}, {4, 8}};
  for (const auto& [offset, bytes] : forged)
    expect_equal(ask(handle, offset, bytes).elements, 0u,
                 "the elements of a slice of " + std::to_string(bytes) + " bytes at " +
                     std::to_string(offset) + " of a buffer of 160");
  rule("BUF-01");
  expect_status(all.destroy(handle), RONDO_OK, "destroy");
  expect_equal(ask(handle, 0, 8).elements, 0u, "the elements of a slice of a dead buffer");
}

RONDO_CASE(buffer, use, many_live_side_by_side, core, "BUF-01 BUF-04", RONDO_CAP_BUFFER) {
  buffers all(it);
  std::vector<rondo_buffer_handle> handles;
  for (std::uint64_t i = 0; i < 40; ++i) {
    handles.push_back(all.create(64 + i));
    expect_status(all.write(handles.back(), 0, &i, sizeof i), RONDO_OK, "write");
  }
  expect_equal(std::set<rondo_buffer_handle>(handles.begin(), handles.end()).size(), 40u,
               "the number of different handles of 40 buffers");
  rule("BUF-04");
  for (std::uint64_t i = 0; i < 40; ++i) {
    std::uint64_t back = 0;
    expect_status(all.read(handles[i], 0, &back, sizeof back), RONDO_OK, "read");
    expect_equal(back, i, "what one of 40 buffers holds");
  }
  for (const auto handle : handles) expect_status(all.destroy(handle), RONDO_OK, "destroy");
}

RONDO_CASE(buffer, use, threads_share_the_table, concurrent, "BUF-01 BUF-03", RONDO_CAP_BUFFER) {
  buffers all(it);
  std::mutex mutex;
  std::set<rondo_buffer_handle> seen;
  together(4, [&](unsigned thread) {
    for (std::uint64_t i = 0; i < 50; ++i) {
      const auto handle = all.create(256);
      {
        const std::lock_guard lock(mutex);
        require(seen.insert(handle).second, "a handle was given out twice");
      }
      const std::uint64_t mark = thread * 1000u + i;
      std::uint64_t back = 1;
      expect_status(all.read(handle, 0, &back, 8), RONDO_OK, "read");
      expect_equal(back, 0u, "what a fresh buffer holds");
      expect_status(all.write(handle, 8, &mark, 8), RONDO_OK, "write");
      expect_status(all.read(handle, 8, &back, 8), RONDO_OK, "read");
      expect_equal(back, mark, "what a thread wrote into its buffer");
      expect_status(all.destroy(handle), RONDO_OK, "destroy");
    }
  });
}

}  // namespace rondo::conformance
