// Memory on the device: made, written, read, seen by handlers, and gone.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"
#include "../support/threads.hpp"

#include <rondo/host_services.hpp>

#include <mutex>
#include <set>

namespace rondo::conformance {

namespace {

class buffers {
 public:
  explicit buffers(bench& it) : it_(it), api_(it.api().buffer), device_(it.device()) {}

  rondo_buffer_handle create(std::uint64_t bytes, const place& at = place::current()) {
    rondo_buffer_handle out = 0;
    explanation_record why;
    const host_call_guard guard;
    const auto status = api_.create(device_, bytes, &out, why.sink());
    if (status != RONDO_OK)
      fail("create of a buffer of " + std::to_string(bytes) + " bytes returned " +
               status_text(status) + ": " + why.message,
           at);
    require(out != 0, "create gave the handle 0, which means none", at);
    return out;
  }
  rondo_status destroy(rondo_buffer_handle handle) {
    const host_call_guard guard;
    return api_.destroy(device_, handle);
  }
  rondo_status write(rondo_buffer_handle handle, std::uint64_t at, const void* from,
                     std::uint64_t bytes) {
    const host_call_guard guard;
    return api_.write(device_, handle, at, from, bytes, nullptr);
  }
  rondo_status read(rondo_buffer_handle handle, std::uint64_t at, void* to, std::uint64_t bytes) {
    const host_call_guard guard;
    return api_.read(device_, handle, at, to, bytes, nullptr);
  }

 private:
  bench& it_;
  const rondo_buffer_table& api_;
  rondo_device* device_;
};

kernel_spec spec() {
  kernel_spec of;
  of.handler = "ConformanceBuffer";
  return of;
}

}  // namespace

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
  test_kernel kernel(it, spec());
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
  test_kernel kernel(it, spec());
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
  test_kernel kernel(it, spec());
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
