// Launching a kernel: what the options do, and each refusal with its own code, the name of the
// thing, and what to do about it. A refused launch leaves nothing behind.
#include "support.hpp"

#include <gmock/gmock.h>

namespace {

using namespace core_test;
using testing::HasSubstr;

// Callers built from other headers than the module: the same handler id, other fields.
namespace stale {

struct question {
  std::uint64_t nonce = 0;
  std::uint32_t half[14]{};
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, half);
  }
};
RONDO_MESSAGE(question, "Question", 1, plain);

struct answer {
  std::uint64_t secret = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(secret);
  }
};
RONDO_MESSAGE(answer, "Answer", 2, plain);

struct newer_question {
  std::uint64_t nonce = 0;
  std::uint64_t filling[7]{};
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, filling);
  }
};
RONDO_MESSAGE(newer_question, "Question", 2, plain);

template <class Request, class Response>
struct oracle_with {
  static constexpr rondo::handler_id id{"Oracle"};
  using request = Request;
  using response = Response;
  void operator()(const request&, response&, rondo::context&) {}
};

}  // namespace stale

class launch : public testing::Test {
 protected:
  // Refused with a name and a remedy, and the same id can be launched afterwards.
  template <class H>
  rondo::error_info refused(const rondo::launch_options& options) {
    auto info = refusal_of([&] { runtime_.launch<H>(options); });
    EXPECT_FALSE(info.object.empty());
    EXPECT_FALSE(info.message.empty());
    EXPECT_FALSE(info.remedy.empty()) << info.text();
    EXPECT_TRUE(runtime_.kernels().empty());
    EXPECT_TRUE(runtime_.queues().empty());
    EXPECT_EQ(thread_count(), threads_);
    return info;
  }

  rondo::runtime runtime_ = open_runtime();
  const std::size_t threads_ = thread_count();
};

TEST_F(launch, of_the_default_options_makes_a_kernel_with_the_handlers_id) {
  auto kernel = runtime_.launch<oracle>();
  EXPECT_EQ(kernel.id(), "Oracle");
  EXPECT_EQ(kernel.backend(), "cpu");
  EXPECT_EQ(kernel.state(), rondo::kernel_state::launched);
  EXPECT_EQ(runtime_.find_queue(kernel.queues().input).capacity, 1024u);
}

TEST_F(launch, takes_a_backend_by_name_or_by_id) {
  EXPECT_EQ(runtime_.launch<oracle>({.backend = "cpu", .id = "a"}).backend(), "cpu");
  EXPECT_EQ(runtime_.launch<oracle>({.backend = "dev.rondo.cpu", .id = "b"}).backend(), "cpu");
}

TEST_F(launch, refuses_an_unknown_backend_and_names_the_nearest) {
  const auto info = refused<oracle>({.backend = "cpuu"});
  EXPECT_EQ(info.code, RONDO_NO_SUCH_BACKEND);
  EXPECT_EQ(info.object, "cpuu");
  EXPECT_THAT(info.message, HasSubstr("cpu"));
  EXPECT_THAT(info.remedy, HasSubstr("'cpu'"));
}

TEST_F(launch, refuses_an_unknown_handler_and_names_the_nearest) {
  const auto info = refusal_of([&] { runtime_.launch("Orakle"); });
  EXPECT_EQ(info.code, RONDO_NO_SUCH_KERNEL);
  EXPECT_EQ(info.object, "Orakle");
  EXPECT_THAT(info.remedy, HasSubstr("'Oracle'"));
}

TEST_F(launch, refuses_a_handler_that_the_named_module_has_not) {
  const auto info = refusal_of([&] { runtime_.launch("VectorAddProcessor", {.module = "tests"}); });
  EXPECT_EQ(info.code, RONDO_NO_SUCH_KERNEL);
  EXPECT_THAT(info.message, HasSubstr("Oracle"));
}

TEST_F(launch, refuses_callers_with_other_request_fields) {
  const auto info = refused<stale::oracle_with<stale::question, answer>>({});
  EXPECT_EQ(info.code, RONDO_REQUEST_MISMATCH);
  EXPECT_EQ(info.object, "Oracle");
  EXPECT_THAT(info.message, HasSubstr("Question v1"));
}

TEST_F(launch, refuses_callers_with_another_request_version) {
  const auto info = refused<stale::oracle_with<stale::newer_question, answer>>({});
  EXPECT_EQ(info.code, RONDO_REQUEST_MISMATCH);
  EXPECT_THAT(info.message, HasSubstr("Question v2"));
}

TEST_F(launch, refuses_callers_with_other_response_fields) {
  const auto info = refused<stale::oracle_with<question, stale::answer>>({});
  EXPECT_EQ(info.code, RONDO_RESPONSE_MISMATCH);
  EXPECT_EQ(info.object, "Oracle");
}

TEST_F(launch, refuses_callers_that_swap_request_and_response) {
  EXPECT_EQ((refused<stale::oracle_with<answer, question>>({}).code), RONDO_REQUEST_MISMATCH);
}

struct capacity_case {
  std::uint64_t slots;
  rondo::status code;
};

TEST_F(launch, refuses_capacities_that_make_no_sense) {
  for (const auto& it :
       {capacity_case{0, RONDO_CAPACITY_ZERO}, capacity_case{3, RONDO_CAPACITY_NOT_POWER_OF_TWO},
        capacity_case{std::uint64_t{1} << 60, RONDO_CAPACITY_OVERFLOW},
        capacity_case{std::uint64_t{1} << 63, RONDO_CAPACITY_OVERFLOW},
        capacity_case{~std::uint64_t{0} - 1, RONDO_CAPACITY_NOT_POWER_OF_TWO}}) {
    const auto in = refused<oracle>({.input_capacity = it.slots});
    EXPECT_EQ(in.code, it.code) << it.slots;
    EXPECT_THAT(in.message, HasSubstr("input_capacity is " + std::to_string(it.slots)));
    const auto out = refused<oracle>({.output_capacity = it.slots});
    EXPECT_EQ(out.code, it.code) << it.slots;
    EXPECT_THAT(out.message, HasSubstr("output_capacity is " + std::to_string(it.slots)));
  }
}

TEST_F(launch, takes_the_smallest_capacity_there_is) {
  auto kernel = runtime_.launch<oracle>({.input_capacity = 1, .output_capacity = 1});
  kernel.activate();
  for (std::uint64_t i = 1; i <= 10; ++i)
    EXPECT_TRUE(answers(*kernel.call({.nonce = i}, patience), i));
}

TEST_F(launch, refuses_an_id_that_is_taken) {
  auto kernel = runtime_.launch<oracle>({.id = "k"});
  const auto info = refusal_of([&] { runtime_.launch<gated>({.id = "k"}); });
  EXPECT_EQ(info.code, RONDO_ALREADY_EXISTS);
  EXPECT_EQ(info.object, "k");
  EXPECT_FALSE(info.remedy.empty());
  EXPECT_EQ(runtime_.kernels().size(), 1u);
  kernel.activate();
  EXPECT_TRUE(answers(*kernel.call({.nonce = 5}, patience), 5));
}

TEST_F(launch, refuses_ids_that_break_the_naming_contract) {
  for (const char* id : {"9lives", "a b", "k_input", "k_output", "_k", "k/1", "käse"})
    EXPECT_EQ(refused<oracle>({.id = id}).code, RONDO_INVALID_NAME) << id;
  EXPECT_EQ(refused<oracle>({.id = std::string(300, 'a')}).code, RONDO_INVALID_NAME);
}

TEST_F(launch, lets_one_of_many_with_the_same_id_win) {
  std::atomic<int> won{0}, lost{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        try {
          runtime_.launch<oracle>({.id = "contended"});
          ++won;
        } catch (const rondo::error& refusal) {
          EXPECT_EQ(refusal.code(), RONDO_ALREADY_EXISTS);
          ++lost;
        }
      });
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 7);
  EXPECT_EQ(runtime_.queues().size(), 2u);
}

TEST_F(launch, refuses_a_grid_a_block_and_a_lease_on_the_cpu) {
  EXPECT_EQ(refused<oracle>({.grid = 2}).code, RONDO_UNSUPPORTED);
  EXPECT_EQ(refused<oracle>({.block = 32}).code, RONDO_UNSUPPORTED);
  EXPECT_EQ(refused<oracle>({.lease = 1s}).code, RONDO_UNSUPPORTED);
}

TEST_F(launch, refuses_a_processor_that_is_not_there) {
  const auto info = refused<oracle>({.cpu = 100'000});
  EXPECT_EQ(info.code, RONDO_INVALID_ARGUMENT);
  EXPECT_THAT(info.message, HasSubstr("100000"));
}

TEST_F(launch, refuses_chunked_publication_of_a_message_that_is_too_large_for_it) {
  const auto info = refused<mirror>({.publish = rondo::publish_policy::chunked});
  EXPECT_EQ(info.code, RONDO_TOO_LARGE);
  EXPECT_THAT(info.object, HasSubstr("ringkernel_Large_Mirror_"));
}

TEST_F(launch, refuses_a_device_that_is_not_there) {
  const auto info = refused<oracle>({.device = 7});
  EXPECT_EQ(info.code, RONDO_NO_SUCH_DEVICE);
  EXPECT_THAT(info.object, HasSubstr("cpu device 7"));
}

TEST_F(launch, passes_on_why_a_handlers_state_could_not_be_made) {
  const auto info = refusal_of([&] { runtime_.launch<stillborn>(); });
  EXPECT_EQ(info.code, RONDO_HANDLER_THREW);
  EXPECT_THAT(info.message, HasSubstr("no state today"));
  EXPECT_TRUE(runtime_.kernels().empty());
}

}  // namespace
