// What every contender carries and what it does with it: messages of exactly 64, 256 and 65536
// bytes of payload, the work of the worker (reads every byte of the request, writes every byte of
// the reply) and the client's check of each reply. Included by the program and by the kernel
// module, so that all contenders run the same code.
#pragma once

#include <rondo/kernel/dispatch.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <stdexcept>

namespace bench {

enum class role { request, response };

inline constexpr std::uint32_t sum_count = 10;

// Request: ten numbers from `values` and ten more behind them. Response: their ten sums, then the
// remaining values unchanged, then every word mixed with the mark of the nonce.
template <role Role, std::uint32_t Bytes>
struct message {
  std::uint64_t nonce;
  float values[2 * sum_count];
  std::uint64_t words[(Bytes - 8 - 8 * sum_count) / 8];

  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, values, words);
  }
};

// Twenty floats do not fit into 64 bytes: the second ten begin within the first.
template <role Role>
struct message<Role, 64> {
  std::uint64_t nonce;
  float values[14];

  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, values);
  }
};

using request_64 = message<role::request, 64>;
using request_256 = message<role::request, 256>;
using request_65536 = message<role::request, 65536>;
using response_64 = message<role::response, 64>;
using response_256 = message<role::response, 256>;
using response_65536 = message<role::response, 65536>;
RONDO_MESSAGE(request_64, "BenchRequest64", 1, plain);
RONDO_MESSAGE(request_256, "BenchRequest256", 1, plain);
RONDO_MESSAGE(request_65536, "BenchRequest65536", 1, plain);
RONDO_MESSAGE(response_64, "BenchResponse64", 1, plain);
RONDO_MESSAGE(response_256, "BenchResponse256", 1, plain);
RONDO_MESSAGE(response_65536, "BenchResponse65536", 1, plain);
static_assert(sizeof(request_64) == 64 && sizeof(request_256) == 256 &&
              sizeof(request_65536) == 65536);

// What a one-way worker counted since it was last asked.
struct tally {
  std::uint64_t count;
  std::uint64_t checksum;

  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(count, checksum);
  }
};
RONDO_MESSAGE(tally, "BenchTally", 1, plain);

// A one-way worker answers this nonce with its tally, and counts from 0 again. No other request has
// it.
inline constexpr std::uint64_t tally_nonce = 0;

template <class Message>
inline constexpr std::uint32_t value_count = sizeof(Message::values) / sizeof(float);
template <class Message>
inline constexpr std::uint32_t second_values = value_count<Message> - sum_count;

// The worker's function of the nonce, which a stale or copied reply cannot have.
RONDO_HANDLER inline std::uint64_t mark(std::uint64_t nonce) {
  return (nonce ^ (nonce >> 29)) * 0xbf58476d1ce4e5b9u;
}

template <std::uint32_t Bytes>
RONDO_HANDLER inline void answer(const message<role::request, Bytes>& __restrict in,
                                 message<role::response, Bytes>& __restrict out) {
  using request = message<role::request, Bytes>;
  const std::uint64_t own = mark(in.nonce);
  out.nonce = own;
  for (std::uint32_t i = 0; i < sum_count; ++i)
    out.values[i] = in.values[i] + in.values[second_values<request> + i];
  for (std::uint32_t i = sum_count; i < value_count<request>; ++i) out.values[i] = in.values[i];
  if constexpr (Bytes > 64)
    for (std::size_t i = 0; i < sizeof(in.words) / 8; ++i) out.words[i] = in.words[i] ^ own;
}

template <class Message>
RONDO_HANDLER inline std::uint64_t xor_of_words(const Message& m) {
  std::uint64_t all = 0;
  if constexpr (sizeof(Message) > 64)
    for (const std::uint64_t word : m.words) all ^= word;
  return all;
}

// A one-way worker's part: reads every byte, does the same additions, keeps one number.
template <std::uint32_t Bytes>
RONDO_HANDLER inline std::uint64_t digest(const message<role::request, Bytes>& in) {
  using request = message<role::request, Bytes>;
  float sums[sum_count];
  for (std::uint32_t i = 0; i < sum_count; ++i)
    sums[i] = in.values[i] + in.values[second_values<request> + i];
  std::uint64_t bits[sum_count / 2];
  static_assert(sizeof bits == sizeof sums);
  __builtin_memcpy(bits, sums, sizeof bits);
  std::uint64_t all = xor_of_words(in);
  for (const std::uint64_t pair : bits) all ^= pair;
  return all + mark(in.nonce);
}

template <std::uint32_t Bytes>
RONDO_HANDLER inline void count(const message<role::request, Bytes>& in, tally& into) {
  ++into.count;
  into.checksum += digest(in);
}

// The client's side of one exchange: makes requests with nonces that no one can guess and judges
// replies, which must come in the order of the requests. One thread.
template <std::uint32_t Bytes>
class conversation {
 public:
  using request = message<role::request, Bytes>;
  using response = message<role::response, Bytes>;

  conversation() {
    std::random_device entropy;
    seed_ = std::uint64_t{entropy()} << 32 | entropy();
    for (std::uint32_t i = 0; i < value_count<request>; ++i)
      request_.values[i] = static_cast<float>(1 + i * i);
    if constexpr (Bytes > 64)
      for (std::uint64_t& word : request_.words) word = seed_ += 0x9e3779b97f4a7c15u;
    std::memcpy(&behind_nonce_, request_.values, sizeof behind_nonce_);
    request_.nonce = 1;
    answer<Bytes>(request_, expected_);
    words_of_request_ = xor_of_words(request_);
    constant_digest_ = digest<Bytes>(request_) - mark(1);
  }

  // What is sent is copied by 16 bytes at a time. A nonce that was stored by itself could not be
  // handed to such a load: that would wait until every store before had reached its line, those to
  // the other processor's too, and the benchmark would measure itself.
  const request& next() {
    using two_words = std::uint64_t __attribute__((vector_size(16)));
    const two_words front{nonce_of(++sent_), behind_nonce_};
    std::memcpy(&request_, &front, sizeof front);
    return request_;
  }

  // As next(), for a worker that only counts.
  const request& next_counted() {
    const request& r = next();
    expected_tally_.checksum += constant_digest_ + mark(r.nonce);
    ++expected_tally_.count;
    return r;
  }
  const request& tally_request() {
    request_.nonce = tally_nonce;
    return request_;
  }

  // Throws at the first wrong reply: nothing measured after it counts.
  void check(const response& r) {
    const std::uint64_t own = mark(nonce_of(checked_ + 1));
    const bool right = r.nonce == own &&
                       std::memcmp(r.values, expected_.values, sizeof r.values) == 0 &&
                       xor_of_words(r) == expected_words(own);
    if (!right) [[unlikely]]
      throw std::runtime_error("a reply is not the answer to its request");
    ++checked_;
  }
  void check(const tally& t) {
    if (t.count != expected_tally_.count || t.checksum != expected_tally_.checksum)
      throw std::runtime_error("the worker did not count what was sent");
    checked_ += t.count;
    expected_tally_ = {};
  }

  std::uint64_t checked() const { return checked_; }

 private:
  // Odd steps from a random begin: 0 comes once in 2^64, and is stepped over.
  std::uint64_t nonce_of(std::uint64_t i) const {
    const std::uint64_t nonce = seed_ + i * 0x9e3779b97f4a7c15u;
    return nonce != tally_nonce ? nonce : 1;
  }
  std::uint64_t expected_words(std::uint64_t own) const {
    if constexpr (Bytes > 64)
      return sizeof(request_.words) / 8 % 2 == 1 ? words_of_request_ ^ own : words_of_request_;
    return 0;
  }

  request request_;
  response expected_;
  tally expected_tally_{};
  std::uint64_t behind_nonce_ = 0;  // the first two values
  std::uint64_t seed_ = 0;
  std::uint64_t words_of_request_ = 0;
  std::uint64_t constant_digest_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t checked_ = 0;
};

}  // namespace bench
