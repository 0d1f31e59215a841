// The handlers that the tests of the runtime launch, and their messages. They are linked into the
// test program as the module "tests", registered in module_test.cpp. A handler that waits does so
// at a gate which the test opens, and never longer than a minute.
#pragma once

#include <rondo/kernel/cereal.hpp>
#include <rondo/kernel/dispatch.hpp>

#include <cereal/types/map.hpp>
#include <cereal/types/string.hpp>

#include <array>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

extern "C" const rondo_module* rondo_module_entry(void);

namespace core_test {

// What no one can guess who has not run the handler: a mix of the nonce and the kernel's state.
constexpr std::uint64_t secret(std::uint64_t nonce, std::uint64_t count) {
  std::uint64_t x = nonce ^ (count * 0x9e3779b97f4a7c15u);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Where handlers wait for the test. Closed at first; reset() closes it again.
class gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  void reset() {
    const std::lock_guard lock(mutex_);
    is_open_ = false;
    arrived_ = 0;
  }
  // By a handler. False if the test forgot to open it.
  bool pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return is_open_; });
  }
  // By the test: whether `count` handlers came to the gate before the deadline.
  bool wait_for_arrivals(std::uint64_t count, std::chrono::seconds deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, deadline, [&] { return arrived_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t arrived_ = 0;
  bool is_open_ = false;
};

inline constexpr std::uint32_t gate_count = 4;
inline std::array<gate, gate_count> gates;

// ---- 64 bytes, plain: a request and a reply of different types

struct question {
  std::uint64_t nonce = 0;
  std::uint64_t filling[7]{};
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, filling);
  }
};
RONDO_MESSAGE(question, "Question", 1, plain);

struct answer {
  std::uint64_t secret = 0;
  std::uint64_t count = 0;  // requests that this kernel had handled, this one included
  std::uint64_t kernel_tag = 0;
  std::uint64_t correlation_id = 0;
  std::uint64_t message_id = 0;
  std::uint64_t filling[3]{};
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(secret, count, kernel_tag, correlation_id, message_id, filling);
  }
};
RONDO_MESSAGE(answer, "Answer", 2, plain);

inline bool answers(const answer& a, std::uint64_t nonce) {
  return a.secret == secret(nonce, a.count);
}

struct oracle {
  static constexpr rondo::handler_id id{"Oracle"};
  using request = question;
  using response = answer;
  void operator()(const request& in, response& out, rondo::context& ctx) {
    out.count = ++count;
    out.secret = secret(in.nonce, count);
    out.kernel_tag = ctx.kernel_tag();
    out.correlation_id = ctx.correlation_id();
    out.message_id = ctx.message_id();
  }
  std::uint64_t count = 0;
};

// ---- waits at a gate

struct gated_question {
  std::uint32_t gate = 0;
  std::uint64_t nonce = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(gate, nonce);
  }
};
RONDO_MESSAGE(gated_question, "GatedQuestion", 1, encoded);

struct gated {
  static constexpr rondo::handler_id id{"Gated"};
  using request = gated_question;
  using response = answer;
  void operator()(const request& in, response& out, rondo::context& ctx) {
    if (in.gate < gate_count && !gates[in.gate].pass()) return ctx.fail(1, "the gate stayed shut");
    out.count = ++count;
    out.secret = secret(in.nonce, count);
  }
  std::uint64_t count = 0;
};
inline constexpr std::uint32_t no_gate = gate_count;

// ---- fails or throws as it is told

enum class misdeed : std::uint32_t { none, fail, fail_twice, throw_error, throw_number };

struct order {
  misdeed what = misdeed::none;
  std::int32_t user_code = 0;
  rondo::bounded_string<400> text;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(what, user_code, text);
  }
};
RONDO_MESSAGE(order, "Order", 1, encoded);

struct small_reply {
  std::uint32_t value = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(value);
  }
};
RONDO_MESSAGE(small_reply, "SmallReply", 1, plain);

struct culprit {
  static constexpr rondo::handler_id id{"Culprit"};
  using request = order;
  using response = small_reply;
  void operator()(const request& in, response& out, rondo::context& ctx) {
    const auto text = in.text.to<std::string>();
    out.value = 42;
    if (in.what == misdeed::fail || in.what == misdeed::fail_twice)
      ctx.fail(in.user_code, text.c_str());
    if (in.what == misdeed::fail_twice) ctx.fail(-1, "a second failure");
    if (in.what == misdeed::throw_error) throw std::runtime_error(text);
    if (in.what == misdeed::throw_number) throw 17;
  }
};

// ---- none, one or many replies

struct burst {
  std::uint32_t count = 0;
  bool fails_after = false;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(count, fails_after);
  }
};
RONDO_MESSAGE(burst, "Burst", 1, encoded);

struct emitting {
  static constexpr rondo::handler_id id{"Emitting"};
  using request = burst;
  using response = small_reply;
  void operator()(const request& in, rondo::emitter<response>& out, rondo::context& ctx) {
    for (std::uint32_t i = 0; i < in.count; ++i)
      if (!out.emit({i})) return;
    if (in.fails_after) ctx.fail(5, "after the last one");
  }
};

// ---- 64 KiB

inline constexpr std::uint32_t large_words = RONDO_MAX_PAYLOAD / sizeof(std::uint64_t);

struct large {
  std::uint64_t words[large_words]{};
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(words);
  }
};
RONDO_MESSAGE(large, "Large", 1, plain);

struct mirror {
  static constexpr rondo::handler_id id{"Mirror"};
  using request = large;
  using response = large;
  void operator()(const request& in, response& out, rondo::context&) {
    for (std::uint32_t i = 0; i < large_words; ++i)
      out.words[i] = secret(in.words[large_words - 1 - i], i);
  }
};

// ---- without initializers

struct bare_words {
  std::uint64_t words[8];
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(words);
  }
};
RONDO_MESSAGE(bare_words, "BareWords", 1, plain);

struct repeating {
  static constexpr rondo::handler_id id{"Repeating"};
  static constexpr bool fills_response = true;
  using request = bare_words;
  using response = bare_words;
  void operator()(const request& in, response& out, rondo::context&) { out = in; }
};

// ---- what only a host can read

struct word_list {
  std::map<std::string, std::int32_t> words;
  bool breaks_its_reader = false;
  template <class A>
  void save(A& ar) const {
    ar(words, breaks_its_reader);
  }
  template <class A>
  void load(A& ar) {
    ar(words, breaks_its_reader);
    if (breaks_its_reader) throw std::domain_error("a reader that throws what it likes");
  }
};
RONDO_HOST_MESSAGE(word_list, "WordList", 1, 2048);

struct word_lengths {
  std::map<std::string, std::uint64_t> lengths;
  bool breaks_its_reader = false;
  template <class A>
  void save(A& ar) const {
    ar(lengths, breaks_its_reader);
  }
  template <class A>
  void load(A& ar) {
    ar(lengths, breaks_its_reader);
    if (breaks_its_reader) throw std::domain_error("a reader that throws what it likes");
  }
};
RONDO_HOST_MESSAGE(word_lengths, "WordLengths", 1, 2048);

struct measuring {
  static constexpr rondo::handler_id id{"Measuring"};
  using request = word_list;
  using response = word_lengths;
  void operator()(const request& in, response& out, rondo::context&) {
    for (const auto& [word, weight] : in.words)
      out.lengths[word] = word.size() + static_cast<std::uint64_t>(weight);
    out.breaks_its_reader = in.words.contains("poison");
  }
};

// ---- buffers

struct sum_request {
  rondo::buffer_ref buffer;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(buffer);
  }
};
RONDO_MESSAGE(sum_request, "SumRequest", 1, plain);

struct sum_reply {
  std::uint64_t elements = 0;  // as the handler sees the buffer; 0 if it is not alive
  std::uint64_t sum = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(elements, sum);
  }
};
RONDO_MESSAGE(sum_reply, "SumReply", 1, plain);

// Adds the elements up and then adds one to each.
struct summing {
  static constexpr rondo::handler_id id{"Summing"};
  using request = sum_request;
  using response = sum_reply;
  void operator()(const request& in, response& out, rondo::context& ctx) {
    const auto values = ctx.resolve<std::uint64_t>(in.buffer);
    out.elements = values ? values.size : 0;
    for (std::uint64_t i = 0; i < out.elements; ++i) out.sum += values[i]++;
  }
};

struct part_request {
  rondo::bounded_vector<rondo::buffer_slice, 3> parts;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(parts);
  }
};
RONDO_MESSAGE(part_request, "PartRequest", 1, encoded);

// The same of parts of buffers, one after the other.
struct part_summing {
  static constexpr rondo::handler_id id{"PartSumming"};
  using request = part_request;
  using response = sum_reply;
  void operator()(const request& in, response& out, rondo::context& ctx) {
    for (const auto& part : in.parts) {
      const auto values = ctx.resolve<std::uint64_t>(part);
      if (!values) return ctx.fail(3, "a slice of no buffer");
      out.elements += values.size;
      for (std::uint64_t i = 0; i < values.size; ++i) out.sum += values[i]++;
    }
  }
};

struct two_buffers {
  rondo::buffer_ref first, second;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(first, second);
  }
};
RONDO_MESSAGE(two_buffers, "TwoBuffers", 1, plain);

struct chosen_part {
  rondo::buffer_slice part;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(part);
  }
};
RONDO_MESSAGE(chosen_part, "ChosenPart", 1, plain);

// Gives back the buffer with the larger first word, all of it but that word.
struct choosing {
  static constexpr rondo::handler_id id{"Choosing"};
  using request = two_buffers;
  using response = chosen_part;
  void operator()(const request& in, response& out, rondo::context& ctx) {
    const auto first = ctx.resolve<std::uint64_t>(in.first);
    const auto second = ctx.resolve<std::uint64_t>(in.second);
    if (!first || !second) return ctx.fail(4, "two buffers are needed");
    const bool is_first = first[0] >= second[0];
    const std::uint64_t words = is_first ? first.size : second.size;
    out.part = {is_first ? in.first : in.second, 8, 8 * (words - 1)};
  }
};

// ---- a state that cannot be made

struct stillborn {
  static constexpr rondo::handler_id id{"Stillborn"};
  using request = question;
  using response = answer;
  stillborn() { throw std::runtime_error("no state today"); }
  void operator()(const request&, response&, rondo::context&) {}
};

}  // namespace core_test
