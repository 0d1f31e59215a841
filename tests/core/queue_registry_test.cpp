// Looking queues up by name: exact, without direction, and what a miss says.
#include <rondo/error.hpp>
#include <rondo/queue_registry.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::shared_ptr<int> queue(int value) { return std::make_shared<int>(value); }

int value_of(const rondo::queue_registry::entry& found) {
  return *static_cast<const int*>(found.object.get());
}

template <class Call>
rondo::error_info refusal_of(Call call) {
  try {
    call();
  } catch (const rondo::error& refusal) {
    return refusal.info();
  }
  ADD_FAILURE() << "was not refused";
  return {};
}

rondo::error_info miss(const rondo::queue_registry& registry, std::string_view name) {
  return refusal_of([&] { registry.resolve(name); });
}

TEST(queue_registry, what_is_registered_is_found_by_the_same_name) {  // NAME-08
  rondo::queue_registry registry;
  registry.add("ringkernel_Request_k_input", queue(1));
  registry.add("ringkernel_Response_k_output", queue(2));
  EXPECT_EQ(value_of(registry.resolve("ringkernel_Request_k_input")), 1);
  const auto output = registry.resolve("ringkernel_Response_k_output");
  EXPECT_EQ(value_of(output), 2);
  EXPECT_EQ(output.name.message_type, "Response");
  EXPECT_EQ(output.name.direction, rondo::queue_direction::output);
  EXPECT_THAT(registry.list(),
              ElementsAre("ringkernel_Request_k_input", "ringkernel_Response_k_output"));
}

TEST(queue_registry, a_second_registration_is_refused_and_changes_nothing) {  // NAME-07
  rondo::queue_registry registry;
  registry.add("ringkernel_T_k_input", queue(1));
  const auto info = refusal_of([&] { registry.add("ringkernel_T_k_input", queue(2)); });
  EXPECT_EQ(info.code, RONDO_ALREADY_EXISTS);
  EXPECT_EQ(info.object, "ringkernel_T_k_input");
  EXPECT_FALSE(info.remedy.empty());
  EXPECT_EQ(value_of(registry.resolve("ringkernel_T_k_input")), 1);
  EXPECT_EQ(registry.size(), 1u);
}

TEST(queue_registry, a_name_that_breaks_the_contract_is_not_registered) {
  rondo::queue_registry registry;
  EXPECT_EQ(refusal_of([&] { registry.add("my_queue", queue(1)); }).code, RONDO_INVALID_NAME);
  EXPECT_EQ(registry.size(), 0u);
}

TEST(queue_registry, without_its_direction_a_name_finds_the_only_queue_that_fits) {  // NAME-09
  rondo::queue_registry registry;
  registry.add("ringkernel_Request_k_input", queue(1));
  registry.add("ringkernel_Response_k_output", queue(2));
  EXPECT_EQ(value_of(registry.resolve("ringkernel_Request_k")), 1);
  EXPECT_EQ(value_of(registry.resolve("ringkernel_Response_k")), 2);
}

TEST(queue_registry, a_name_that_fits_two_queues_is_refused_and_both_are_named) {  // NAME-09
  rondo::queue_registry registry;
  registry.add("ringkernel_T_k_input", queue(1));
  registry.add("ringkernel_T_k_output", queue(2));
  const auto info = miss(registry, "ringkernel_T_k");
  EXPECT_EQ(info.code, RONDO_AMBIGUOUS_NAME);
  EXPECT_THAT(info.message, HasSubstr("ringkernel_T_k_input"));
  EXPECT_THAT(info.message, HasSubstr("ringkernel_T_k_output"));
  ASSERT_TRUE(registry.remove("ringkernel_T_k_output"));
  EXPECT_EQ(value_of(registry.resolve("ringkernel_T_k")), 1);
}

TEST(queue_registry, a_kernel_called_input_is_told_from_a_direction) {
  rondo::queue_registry registry;
  registry.add("ringkernel_T_input_input", queue(1));
  EXPECT_EQ(value_of(registry.resolve("ringkernel_T_input")), 1);
  EXPECT_EQ(miss(registry, "ringkernel_T").code, RONDO_NO_SUCH_QUEUE);
}

TEST(queue_registry, a_miss_says_what_exists_and_what_is_nearest) {  // NAME-10
  rondo::queue_registry registry;
  registry.add("ringkernel_VectorAddRequest_VectorAdd_input", queue(1));
  registry.add("ringkernel_Other_else_input", queue(2));
  for (const auto* mistyped :
       {"ringkernel_VectorAddRequest_VectorAdd_inptu", "VectorAdd",
        "ringkernel_VectoraddRequest_VectorAd", "VectorAddRequest_VectorAdd"}) {
    const auto info = miss(registry, mistyped);
    EXPECT_EQ(info.code, RONDO_NO_SUCH_QUEUE);
    EXPECT_EQ(info.object, mistyped);
    EXPECT_THAT(info.message,
                HasSubstr("there are 2: ringkernel_Other_else_input, ringkernel_Vec"));
    EXPECT_EQ(info.remedy, "Did you mean ringkernel_VectorAddRequest_VectorAdd_input?") << mistyped;
  }
  EXPECT_THAT(miss(registry, "ringkernel_Nothing_alike_output").remedy, Not(HasSubstr("mean")));
}

TEST(queue_registry, a_miss_shows_eight_names_and_counts_the_rest) {  // NAME-10
  rondo::queue_registry registry;
  EXPECT_THAT(miss(registry, "x").message, HasSubstr("there are no queues"));
  for (char c = 'a'; c < 'a' + 11; ++c)
    registry.add("ringkernel_T_" + std::string(1, c) + "_input", queue(c));
  const auto message = miss(registry, "x y").message;
  EXPECT_THAT(message, HasSubstr("there are 11: "));
  EXPECT_THAT(message, HasSubstr("ringkernel_T_h_input and 3 more"));
  EXPECT_THAT(message, Not(HasSubstr("ringkernel_T_i_input")));
}

TEST(queue_registry, removal_takes_the_full_name_and_frees_the_queue) {
  rondo::queue_registry registry;
  auto object = queue(1);
  const std::weak_ptr<int> alive = object;
  registry.add("ringkernel_T_k_input", std::move(object));
  EXPECT_FALSE(registry.remove("ringkernel_T_k"));
  EXPECT_FALSE(alive.expired());
  EXPECT_TRUE(registry.remove("ringkernel_T_k_input"));
  EXPECT_TRUE(alive.expired());
  EXPECT_FALSE(registry.remove("ringkernel_T_k_input"));
  registry.add("ringkernel_T_k_input", queue(2));
}

TEST(queue_registry, of_many_threads_registering_a_name_exactly_one_succeeds) {
  constexpr int threads = 8;
  constexpr int names = 200;
  rondo::queue_registry registry;
  std::latch start(threads);
  std::atomic<int> added{0};
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> pool;
    for (int thread = 0; thread < threads; ++thread)
      pool.emplace_back([&, thread] {
        start.arrive_and_wait();
        for (int i = 0; i < names; ++i) {
          const auto name = "ringkernel_T_k" + std::to_string(i) + "_input";
          try {
            registry.add(name, queue(thread));
            ++added;
          } catch (const rondo::error&) {
            ++refused;
          }
          registry.resolve(name.substr(0, name.rfind('_')));
          EXPECT_FALSE(registry.list().empty());
        }
      });
  }
  EXPECT_EQ(added, names);
  EXPECT_EQ(refused, names * (threads - 1));
  EXPECT_EQ(registry.size(), static_cast<std::size_t>(names));
}

}  // namespace
