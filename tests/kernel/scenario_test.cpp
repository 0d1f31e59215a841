// The glue between a scenario class and the C record that the host drives: requests out, replies
// in, buffers, and exceptions turned into reports that name the scenario.
#include <rondo/kernel/scenario.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <map>

namespace kernel_test {
namespace {

struct question {
  std::uint32_t index;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(index);
  }
};
RONDO_MESSAGE(question, "Question", 1, plain);

struct answer {
  rondo::bounded_string<8> text;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(text);
  }
};
RONDO_MESSAGE(answer, "Answer", 4, encoded);

struct oracle {
  static constexpr rondo::handler_id id{"Oracle"};
  using request = question;
  using response = answer;
  void operator()(const question&, answer& out, rondo::context&) { out.text = "yes"; }
};

// Which step is to go wrong, and whether an instance is alive.
int fail_open = 0, fail_next = 0, fail_check = 0, alive = 0;

void maybe_throw(int how) {
  if (how == 1) throw std::runtime_error("went wrong");
  if (how == 2) throw 2;
}

struct quiz {
  static constexpr const char* name = "quiz";
  static constexpr std::uint32_t message_count = 2;

  explicit quiz(rondo::scenario_buffers host) : buffers(host) {
    maybe_throw(fail_open);
    numbers = buffers.create<std::int32_t>(3);
    buffers.write(numbers, std::vector<std::int32_t>{1, 2, 3});
    ++alive;
  }
  ~quiz() {
    buffers.release(numbers);
    --alive;
  }
  question next(std::uint32_t i, std::string& label) {
    maybe_throw(fail_next);
    label = "question " + std::to_string(i);
    return {i + 100};
  }
  void check(std::uint32_t i, const answer& reply) {
    maybe_throw(fail_check);
    const bool right = reply.text == rondo::bounded_string<8>("yes") &&
                       buffers.read<std::int32_t>(numbers, 3)[i] > 0;
    if (!right) throw std::runtime_error("wrong answer to " + std::to_string(i));
  }

  rondo::scenario_buffers buffers;
  rondo::buffer_ref numbers;
};

// A device with nothing but buffers.
struct memory_host : rondo_scenario_host {
  std::map<rondo_buffer_handle, std::vector<unsigned char>> buffers;
  rondo_status next_status = RONDO_OK;

  memory_host() : rondo_scenario_host{} {
    struct_size = sizeof(rondo_scenario_host);
    self = this;
    buffer_create = [](void* at, std::uint64_t bytes, rondo_buffer_handle* out) {
      auto& me = *static_cast<memory_host*>(at);
      if (me.next_status != RONDO_OK) return me.next_status;
      *out = (std::uint64_t{1} << 32) + me.buffers.size();
      me.buffers[*out].resize(bytes);
      return rondo_status{RONDO_OK};
    };
    buffer_write = [](void* at, rondo_buffer_handle handle, std::uint64_t offset, const void* from,
                      std::uint64_t bytes) {
      auto& buffer = static_cast<memory_host*>(at)->buffers.at(handle);
      if (offset + bytes > buffer.size()) return rondo_status{RONDO_INVALID_ARGUMENT};
      std::memcpy(buffer.data() + offset, from, bytes);
      return rondo_status{RONDO_OK};
    };
    buffer_read = [](void* at, rondo_buffer_handle handle, std::uint64_t offset, void* to,
                     std::uint64_t bytes) {
      const auto& buffer = static_cast<memory_host*>(at)->buffers.at(handle);
      if (offset + bytes > buffer.size()) return rondo_status{RONDO_INVALID_ARGUMENT};
      std::memcpy(to, buffer.data() + offset, bytes);
      return rondo_status{RONDO_OK};
    };
    buffer_release = [](void* at, rondo_buffer_handle handle) {
      static_cast<memory_host*>(at)->buffers.erase(handle);
    };
  }
};

struct a_scenario : testing::Test {
  const rondo_scenario& record = rondo::detail::scenario_glue<oracle, quiz>::record;
  memory_host host;
  void* self = nullptr;
  rondo_error_sink sink{};
  rondo_status reported = RONDO_OK;
  std::string report;
  unsigned char payload[64]{};
  std::uint32_t length = 0;
  char label[32]{};

  a_scenario() {
    fail_open = fail_next = fail_check = 0;
    sink.struct_size = sizeof sink;
    sink.self = this;
    sink.report = [](void* at, rondo_status code, rondo_string subject, rondo_string message,
                     rondo_string) {
      auto& me = *static_cast<a_scenario*>(at);
      me.reported = code;
      me.report =
          std::string(subject.data, subject.size) + ": " + std::string(message.data, message.size);
    };
  }
  ~a_scenario() override {
    if (self != nullptr) record.close(self);
    EXPECT_EQ(alive, 0);
    EXPECT_TRUE(host.buffers.empty());
  }
  rondo_status open() { return record.open(&host, &self, &sink); }
  rondo_status next(std::uint32_t i, std::uint32_t capacity = sizeof payload) {
    return record.next(self, i, payload, capacity, &length, label, sizeof label, &sink);
  }
  // The reply as a backend would hand it over.
  rondo_envelope reply_with(const char (&text)[4]) {
    answer reply;
    reply.text = text;
    length = static_cast<std::uint32_t>(rondo::encode(reply, payload, sizeof payload));
    rondo_envelope envelope{};
    envelope.length = length;
    envelope.type = RONDO_TYPE_RESPONSE;
    envelope.version = 4;
    return envelope;
  }
  rondo_status check(std::uint32_t i, const rondo_envelope& reply) {
    return record.check(self, i, &reply, payload, &sink);
  }
};

TEST_F(a_scenario, says_what_it_is) {
  EXPECT_EQ(record.struct_size, sizeof(rondo_scenario));
  EXPECT_EQ(record.message_count, 2u);
  EXPECT_EQ(std::string(record.name.data, record.name.size), "quiz");
  EXPECT_EQ(std::string(record.handler_id.data, record.handler_id.size), "Oracle");
}

TEST_F(a_scenario, makes_requests_and_accepts_right_replies) {
  ASSERT_EQ(open(), RONDO_OK) << report;
  for (const std::uint32_t i : {0u, 1u}) {
    ASSERT_EQ(next(i), RONDO_OK) << report;
    question sent{};
    ASSERT_TRUE(rondo::decode(payload, length, sent));
    EXPECT_EQ(sent.index, i + 100);
    EXPECT_EQ(std::string(label), "question " + std::to_string(i));
    EXPECT_EQ(check(i, reply_with("yes")), RONDO_OK) << report;
  }
  EXPECT_EQ(host.buffers.size(), 1u);
  EXPECT_EQ(reported, RONDO_OK) << "nothing to report";
}

TEST_F(a_scenario, refuses_a_wrong_reply_by_name) {
  ASSERT_EQ(open(), RONDO_OK);
  EXPECT_EQ(check(1, reply_with("no.")), RONDO_HANDLER_FAILED);
  EXPECT_EQ(report, "quiz: wrong answer to 1");
}

TEST_F(a_scenario, cuts_a_label_that_is_too_long_and_terminates_it) {
  ASSERT_EQ(open(), RONDO_OK);
  char room[] = "################";
  ASSERT_EQ(record.next(self, 0, payload, sizeof payload, &length, room, 9, &sink), RONDO_OK);
  EXPECT_EQ(std::string(room), "question");
  EXPECT_EQ(room[9], '#');
  EXPECT_EQ(record.next(self, 0, payload, sizeof payload, &length, nullptr, 0, &sink), RONDO_OK);
}

TEST_F(a_scenario, refuses_a_room_that_is_too_small) {
  ASSERT_EQ(open(), RONDO_OK);
  EXPECT_EQ(next(0, 3), RONDO_TOO_LARGE);
  EXPECT_EQ(reported, RONDO_TOO_LARGE);
}

TEST_F(a_scenario, refuses_a_reply_of_another_version) {
  ASSERT_EQ(open(), RONDO_OK);
  rondo_envelope reply = reply_with("yes");
  reply.version = 5;
  EXPECT_EQ(check(0, reply), RONDO_VERSION_MISMATCH);
  EXPECT_EQ(report, "quiz: the reply has another version");
}

TEST_F(a_scenario, refuses_a_malformed_reply) {
  ASSERT_EQ(open(), RONDO_OK);
  rondo_envelope reply = reply_with("yes");
  reply.length -= 1;
  EXPECT_EQ(check(0, reply), RONDO_MALFORMED);
}

TEST_F(a_scenario, takes_no_failure_and_no_request_for_a_response) {
  ASSERT_EQ(open(), RONDO_OK);
  rondo_envelope failed = reply_with("yes");
  failed.flags = RONDO_FLAG_FAILED;
  EXPECT_EQ(check(0, failed), RONDO_HANDLER_FAILED);
  rondo_envelope request = reply_with("yes");
  request.type = RONDO_TYPE_REQUEST;
  EXPECT_EQ(check(0, request), RONDO_RESPONSE_MISMATCH);
}

TEST_F(a_scenario, names_itself_when_a_step_throws) {
  fail_open = 1;
  EXPECT_EQ(open(), RONDO_HANDLER_FAILED);
  EXPECT_EQ(report, "quiz: went wrong");
  EXPECT_EQ(self, nullptr) << "left untouched";
  fail_open = 0;
  ASSERT_EQ(open(), RONDO_OK);
  report.clear();
  fail_next = 1;
  EXPECT_EQ(next(0), RONDO_HANDLER_FAILED);
  EXPECT_EQ(report, "quiz: went wrong");
  report.clear();
  fail_check = 1;
  EXPECT_EQ(check(0, reply_with("yes")), RONDO_HANDLER_FAILED);
  EXPECT_EQ(report, "quiz: went wrong");
}

TEST_F(a_scenario, names_itself_when_a_step_throws_no_std_exception) {
  fail_open = 2;
  EXPECT_EQ(open(), RONDO_HANDLER_THREW);
  EXPECT_EQ(report, "quiz: an exception that is no std::exception");
  fail_open = 0;
  ASSERT_EQ(open(), RONDO_OK);
  fail_next = fail_check = 2;
  EXPECT_EQ(next(0), RONDO_HANDLER_THREW);
  EXPECT_EQ(check(0, reply_with("yes")), RONDO_HANDLER_THREW);
}

TEST_F(a_scenario, needs_no_error_sink) {
  fail_open = 1;
  EXPECT_EQ(record.open(&host, &self, nullptr), RONDO_HANDLER_FAILED);
}

TEST_F(a_scenario, says_that_the_device_has_no_buffer_to_give) {
  host.next_status = RONDO_OUT_OF_MEMORY;
  EXPECT_EQ(open(), RONDO_HANDLER_FAILED);
  EXPECT_EQ(report, "quiz: the device could not create a buffer (status -4)");
}

}  // namespace
}  // namespace kernel_test
