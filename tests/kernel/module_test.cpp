// RONDO_KERNEL, RONDO_SCENARIO and RONDO_MODULE: the record that a module's one entry returns, here
// for handlers linked into the program, and from libraries that lack what a module may lack.
#include "kernel/reply_collector.hpp"
#include "paths.hpp"

#include <rondo/kernel/module.hpp>
#include <rondo/kernel/scenario.hpp>

#include <gtest/gtest.h>

#include <dlfcn.h>

#include <set>

namespace kernel_test {
namespace {

struct celsius {
  double degrees;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(degrees);
  }
};
RONDO_MESSAGE(celsius, "test.Celsius", 2, plain);

struct comment {
  rondo::bounded_string<10> text;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(text);
  }
};
RONDO_MESSAGE(comment, "test.Comment", 1, encoded);

struct alignas(64) judge {
  static constexpr rondo::handler_id id{"Judge-1.a_b"};
  using request = celsius;
  using response = comment;
  static inline int alive = 0;
  int judged = 0;
  judge() { ++alive; }
  ~judge() { --alive; }
  void operator()(const celsius& in, comment& out, rondo::context&) {
    ++judged;
    if (in.degrees > 25) out.text = "hot";
  }
};
RONDO_KERNEL(judge);

struct shout {
  static constexpr rondo::handler_id id{"Shout"};
  using request = comment;
  using response = comment;
  shout() { throw std::runtime_error("lost its voice"); }
  void operator()(const comment& in, rondo::emitter<comment>& out, rondo::context&) {
    out.emit(in);
  }
};
RONDO_KERNEL(shout);

struct mute {
  static constexpr rondo::handler_id id{"Mute"};
  using request = comment;
  using response = comment;
  mute() { throw 1; }
  void operator()(const comment&, comment&, rondo::context&) {}
};
RONDO_KERNEL(mute);

// Doubles what is not negative.
struct brisk {
  static constexpr rondo::handler_id id{"Brisk"};
  static constexpr bool is_brief = true;
  using request = celsius;
  using response = celsius;
  int calls = 0;
  std::vector<std::uint64_t> seen_ids{};
  void operator()(const celsius& in, celsius& out, rondo::context& ctx) {
    ++calls;
    seen_ids.push_back(ctx.message_id());
    if (in.degrees == -1) return ctx.fail(7, "below zero");
    if (in.degrees == -2) throw std::runtime_error("far below zero");
    out.degrees = 2 * in.degrees;
  }
};
RONDO_KERNEL(brisk);

struct summer {
  static constexpr const char* name = "summer";
  static constexpr std::uint32_t message_count = 1;
  explicit summer(rondo::scenario_buffers) {}
  celsius next(std::uint32_t, std::string&) { return {30}; }
  void check(std::uint32_t, const comment&) {}
};
RONDO_SCENARIO(judge, summer);

}  // namespace
}  // namespace kernel_test

RONDO_MODULE("kernel_test");

namespace kernel_test {
namespace {

std::string text_of(rondo_string s) { return {s.data, s.size}; }

const rondo_handler& handler_called(const std::string& id) {
  const rondo_module* module = rondo_module_entry();
  for (std::uint64_t i = 0; i < module->handler_count; ++i)
    if (text_of(module->handlers[i]->id) == id) return *module->handlers[i];
  throw std::runtime_error("no handler " + id);
}

TEST(a_module, describes_itself) {
  const rondo_module* module = rondo_module_entry();
  EXPECT_EQ(module, rondo_module_entry()) << "the record is constant";
  EXPECT_EQ(module->struct_size, sizeof(rondo_module));
  EXPECT_EQ(module->abi_version, RONDO_ABI_VERSION);
  EXPECT_EQ(module->magic, RONDO_MODULE_MAGIC);
  EXPECT_EQ(std::memcmp(&module->magic, "RONDMOD", 8), 0);
  EXPECT_EQ(text_of(module->name), "kernel_test");
  EXPECT_EQ(text_of(module->build), "C++ " __VERSION__);
  EXPECT_EQ(module->image_count, 0u);
}

TEST(a_module, lists_each_handler_once) {
  const rondo_module* module = rondo_module_entry();
  std::multiset<std::string> ids;
  for (std::uint64_t i = 0; i < module->handler_count; ++i)
    ids.insert(text_of(module->handlers[i]->id));
  EXPECT_EQ(ids, (std::multiset<std::string>{"Brisk", "Judge-1.a_b", "Mute", "Shout"}));
}

TEST(a_module, lists_each_scenario_once) {
  const rondo_module* module = rondo_module_entry();
  ASSERT_EQ(module->scenario_count, 1u);
  EXPECT_EQ(text_of(module->scenarios[0]->name), "summer");
  EXPECT_EQ(text_of(module->scenarios[0]->handler_id), "Judge-1.a_b");
}

TEST(a_handler_record, says_what_the_handler_is) {
  const rondo_handler& record = handler_called("Judge-1.a_b");
  EXPECT_EQ(record.struct_size, sizeof(rondo_handler));
  EXPECT_EQ(record.flags, 0u);
  EXPECT_EQ(text_of(record.request.wire_name), "test.Celsius");
  EXPECT_EQ(record.request.version, 2u);
  EXPECT_EQ(text_of(record.response.wire_name), "test.Comment");
  EXPECT_EQ(record.response.max_bytes, 18u);
  EXPECT_EQ(text_of(record.device_entry), "rondo_kernel_judge");
  EXPECT_EQ(record.state_bytes, sizeof(judge));
  EXPECT_EQ(record.state_alignment, 64u);
  EXPECT_EQ(handler_called("Shout").flags, std::uint32_t{RONDO_HANDLER_EMITS});
}

TEST(a_handler_record, constructs_runs_and_destroys_the_state) {
  const rondo_handler& record = handler_called("Judge-1.a_b");
  alignas(64) unsigned char state[sizeof(judge)]{};
  ASSERT_EQ(record.construct(state, nullptr), RONDO_OK);
  EXPECT_EQ(judge::alive, 1);
  request_bytes request(celsius{31});
  reply_collector replies;
  EXPECT_EQ(record.invoke(state, request.payload(), &replies, &request.invocation), RONDO_OK);
  ASSERT_EQ(replies.replies().size(), 1u);
  EXPECT_EQ(replies.decoded<comment>(0).text, rondo::bounded_string<10>("hot"));
  EXPECT_EQ(std::launder(reinterpret_cast<judge*>(state))->judged, 1);
  record.destroy(state);
  EXPECT_EQ(judge::alive, 0);
}

// Requests in slots of 64 bytes, and places for replies of which each is longer than it need be.
struct bursting {
  struct alignas(16) slot {
    rondo_envelope header{};
    celsius payload{};
    std::byte rest[64 - sizeof(rondo_envelope) - sizeof(celsius)]{};
  };
  slot requests[4], replies[4];
  brisk handler;
  rondo_invocation invocation{};
  rondo_burst burst{};

  explicit bursting(std::initializer_list<double> degrees) {
    for (slot& reply : replies) std::memset(static_cast<void*>(&reply), 0xa5, sizeof reply);
    std::uint32_t n = 0;
    for (const double each : degrees) {
      requests[n].header = {sizeof(celsius), RONDO_TYPE_REQUEST, 2, 0, 0, n + 1, 100 + n};
      requests[n++].payload.degrees = each;
    }
    invocation.struct_size = sizeof invocation;
    burst = {sizeof burst,
             n,
             requests,
             sizeof(slot),
             &requests[0].payload,
             sizeof(slot),
             replies,
             sizeof(slot),
             &replies[0].payload,
             sizeof(slot),
             41,
             0,
             0,
             0,
             RONDO_INTERNAL};
  }
  rondo_burst& run() {
    handler_called("Brisk").invoke_burst(&handler, &burst, &invocation);
    return burst;
  }
};

TEST(a_brief_handler, answers_each_request_of_a_burst) {
  bursting all{1, 2, 3};
  EXPECT_EQ(all.run().answered, 3u);
  EXPECT_EQ(all.burst.bytes_in, 3 * sizeof(celsius));
  EXPECT_EQ(all.burst.bytes_out, 3 * sizeof(celsius));
  EXPECT_EQ(all.handler.calls, 3);
  for (std::uint32_t i = 0; i < 3; ++i) {
    const rondo_envelope& header = all.replies[i].header;
    EXPECT_EQ(all.replies[i].payload.degrees, 2.0 * (i + 1));
    EXPECT_EQ(header.length, sizeof(celsius));
    EXPECT_EQ(header.type, RONDO_TYPE_RESPONSE);
    EXPECT_EQ(header.version, 2u);
    EXPECT_EQ(header.flags, 0u);
    EXPECT_EQ(header.message_id, 41u + i);
    EXPECT_EQ(header.correlation_id, 100u + i);
  }
  EXPECT_EQ(all.replies[3].rest[0], std::byte{0xa5}) << "behind the last";
}

// One envelope for all, payloads that lie close together, and replies without envelopes.
TEST(a_brief_handler, answers_requests_that_share_an_envelope) {
  bursting all{1, 2, 3};
  celsius close[3] = {{1}, {2}, {3}};
  celsius answers[3] = {};
  all.burst.request_stride = 0;
  all.burst.payloads = close;
  all.burst.payload_stride = sizeof(celsius);
  all.burst.replies = nullptr;
  all.burst.reply_payloads = answers;
  all.burst.reply_payload_stride = sizeof(celsius);
  EXPECT_EQ(all.run().answered, 3u);
  EXPECT_EQ(all.burst.bytes_in, 3 * sizeof(celsius));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(answers[i].degrees, 2.0 * (i + 1));
  EXPECT_EQ(all.handler.seen_ids, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(all.requests[0].header.message_id, 1u) << "the request's own stays";
  EXPECT_EQ(all.replies[0].rest[0], std::byte{0xa5});
}

TEST(a_brief_handler, ends_a_burst_where_it_fails_throws_or_refuses) {
  bursting fails{1, -1, 3};
  EXPECT_EQ(fails.run().answered, 1u);
  EXPECT_EQ(fails.burst.status, RONDO_HANDLER_FAILED);
  EXPECT_EQ(fails.invocation.user_code, 7);
  EXPECT_EQ(fails.invocation.request, &fails.requests[1].header);
  EXPECT_EQ(fails.burst.bytes_in, sizeof(celsius)) << "of those that were answered";
  EXPECT_EQ(fails.handler.calls, 2) << "none behind the failure is touched";

  bursting throws{1, 2, -2, 4};
  EXPECT_EQ(throws.run().answered, 2u);
  EXPECT_EQ(throws.burst.status, RONDO_HANDLER_THREW);
  EXPECT_EQ(std::string(throws.invocation.failure_text, throws.invocation.failure_length),
            "far below zero");

  bursting refuses{1, 2};
  refuses.requests[0].header.version = 9;
  EXPECT_EQ(refuses.run().answered, 0u);
  EXPECT_EQ(refuses.burst.status, RONDO_VERSION_MISMATCH);
  EXPECT_EQ(refuses.handler.calls, 0);
}

TEST(a_brief_handler, alone_takes_bursts) {
  EXPECT_NE(handler_called("Brisk").invoke_burst, nullptr);
  EXPECT_EQ(handler_called("Judge-1.a_b").invoke_burst, nullptr);
  EXPECT_EQ(handler_called("Shout").invoke_burst, nullptr);
}

// Keeps what is reported as "subject: message".
struct error_report : rondo_error_sink {
  error_report() : rondo_error_sink{sizeof(rondo_error_sink), 0, this, &keep} {}
  static void keep(void* at, rondo_status status, rondo_string subject, rondo_string message,
                   rondo_string) {
    auto& me = *static_cast<error_report*>(at);
    me.code = status;
    me.text = text_of(subject) + ": " + text_of(message);
  }
  rondo_status code = RONDO_OK;
  std::string text;
};

TEST(a_constructor_that_throws, is_reported_with_its_text_and_the_handlers_name) {
  unsigned char state[sizeof(shout)]{};
  error_report error;
  EXPECT_EQ(handler_called("Shout").construct(state, &error), RONDO_HANDLER_THREW);
  EXPECT_EQ(error.code, RONDO_HANDLER_THREW);
  EXPECT_EQ(error.text, "Shout: lost its voice");
  EXPECT_EQ(handler_called("Shout").construct(state, nullptr), RONDO_HANDLER_THREW);
}

TEST(a_constructor_that_throws, no_std_exception_is_reported_too) {
  unsigned char state[sizeof(mute)]{};
  error_report error;
  EXPECT_EQ(handler_called("Mute").construct(state, &error), RONDO_HANDLER_THREW);
  EXPECT_EQ(error.text, "Mute: the handler's constructor threw");
}

// Opens a kernel module among the fixtures for the length of a test.
struct library {
  explicit library(const char* name) {
    const auto path = rondo::test::fixtures_dir() / "kernels" / (std::string(name) + ".so");
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) throw std::runtime_error(dlerror());
    entry = reinterpret_cast<rondo_module_entry_fn>(dlsym(handle, RONDO_MODULE_ENTRY_NAME));
    if (entry == nullptr) throw std::runtime_error(dlerror());
  }
  ~library() { dlclose(handle); }
  void* handle;
  rondo_module_entry_fn entry;
};

TEST(a_module_library, has_its_own_handlers_and_not_the_programs) {
  const library handler_only("handler_only");
  const rondo_module* module = handler_only.entry();
  EXPECT_EQ(text_of(module->name), "handler_only");
  ASSERT_EQ(module->handler_count, 1u);
  EXPECT_EQ(text_of(module->handlers[0]->id), "Ticker");
}

TEST(a_module_library, may_have_no_scenario) {
  const library handler_only("handler_only");
  EXPECT_EQ(handler_only.entry()->scenario_count, 0u);
}

TEST(a_module_library, may_have_nothing_at_all) {
  const library blank("blank");
  const rondo_module* module = blank.entry();
  EXPECT_EQ(text_of(module->name), "blank");
  EXPECT_EQ(module->handler_count, 0u);
  EXPECT_EQ(module->scenario_count, 0u);
}

}  // namespace
}  // namespace kernel_test
