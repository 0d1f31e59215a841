// Memory that the host and the handlers use in place.
#include "../support/suite.hpp"
#include "buffers.hpp"

#include <span>

namespace rondo::conformance {

RONDO_CASE(buffer, visible, the_host_has_the_memory_and_not_a_copy, core, "BUF-06 BUF-03 ABI-05",
           RONDO_CAP_HOST_VISIBLE) {
  buffers all(it);
  for (const std::uint64_t bytes : {1u, 24u, 4096u, 100'001u}) {
    void* at = nullptr;
    const auto handle = all.create_visible(bytes, at);
    require(reinterpret_cast<std::uintptr_t>(at) % 16 == 0,
            "the memory that the host sees is not aligned to 16 bytes");
    const std::span<unsigned char> seen(static_cast<unsigned char*>(at), bytes);
    rule("BUF-03");
    for (const unsigned char byte : seen) require(byte == 0, "a fresh buffer is not zeroed");
    rule("BUF-06");
    std::vector<unsigned char> data(bytes, 0);
    seen.back() = 0x77;
    expect_status(all.read(handle, bytes - 1, data.data(), 1), RONDO_OK, "read");
    require(data[0] == 0x77, "read does not see what the host put into the buffer's memory");
    std::memset(data.data(), 0x31, bytes);
    expect_status(all.write(handle, 0, data.data(), bytes), RONDO_OK, "write");
    for (const unsigned char byte : seen)
      require(byte == 0x31, "the host does not see in the buffer's memory what write put there");
    expect_status(all.write(handle, bytes, data.data(), 1), RONDO_INVALID_ARGUMENT,
                  "write beyond the end of a buffer that the host sees");
    expect_status(all.destroy(handle), RONDO_OK, "destroy");
    expect_status(all.destroy(handle), RONDO_NO_SUCH_BUFFER, "destroy once more");
  }
  rule("ABI-05");
  rondo_buffer_handle none = 5;
  void* at = &none;
  expect_status(it.api().buffer.create_visible(it.device(), 0, &none, &at, nullptr),
                RONDO_INVALID_ARGUMENT, "create_visible of a buffer of 0 bytes");
  require(none == 5 && at == &none, "a create that failed has changed its out parameters");
}

RONDO_CASE(buffer, visible, what_is_written_in_place_is_seen_with_the_message, core, "BUF-07",
           RONDO_CAP_HOST_VISIBLE) {
  buffers all(it);
  test_kernel kernel(it, buffers::spec());
  kernel.start();
  constexpr std::size_t words = 1000;
  void* at = nullptr;
  const auto handle = all.create_visible(words * sizeof(std::uint64_t), at);
  const std::span<std::uint64_t> seen(static_cast<std::uint64_t*>(at), words);
  for (std::uint64_t round = 0; round < 20; ++round) {
    std::uint64_t sum = 0;
    std::vector<std::uint64_t> data(words);
    for (std::size_t i = 0; i < words; ++i) sum += seen[i] = data[i] = it.number();
    const auto reply = kernel.call<kernels::buffer_reply>(kernels::buffer_request{{handle}});
    expect_equal(reply.elements, words, "the elements of the buffer that the handler sees");
    expect_equal(reply.sum, sum, "the sum of what the handler sees in memory that the host wrote");
    for (std::size_t i = 0; i < words; ++i)
      expect_equal(seen[i], data[i] + 1, "what the handler wrote, where the host sees it,");
  }
  expect_status(all.destroy(handle), RONDO_OK, "destroy");
  expect_equal(kernel.call<kernels::buffer_reply>(kernels::buffer_request{{handle}}).elements, 0u,
               "the elements of a buffer that was destroyed");
}

}  // namespace rondo::conformance
