// Queues by name, whatever the backend: descriptions, and typed ends for programs that know only
// the name.
#include "support.hpp"

#include <gmock/gmock.h>

namespace {

using namespace core_test;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* in_name = "ringkernel_Question_k_input";
constexpr const char* out_name = "ringkernel_Answer_k_output";

class queue_lookup : public testing::Test {
 protected:
  rondo::runtime runtime_ = open_runtime();
  rondo::kernel<oracle> kernel_ =
      runtime_.launch<oracle>({.id = "k", .input_capacity = 16, .output_capacity = 8});
};

TEST_F(queue_lookup, describes_both_queues_of_a_kernel) {  // NAME-02
  EXPECT_EQ(kernel_.queues().input, in_name);
  EXPECT_EQ(kernel_.queues().output, out_name);
  for (int i = 0; i < 3; ++i) kernel_.send({}, patience).value();
  const auto in = runtime_.find_queue(in_name);
  EXPECT_EQ(in.name, in_name);
  EXPECT_EQ(in.message_type, "Question");
  EXPECT_EQ(in.kernel_id, "k");
  EXPECT_EQ(in.direction, rondo::queue_direction::input);
  EXPECT_EQ(in.backend, "cpu");
  EXPECT_EQ(in.capacity, 16u);
  EXPECT_EQ(in.payload_capacity, sizeof(question));
  EXPECT_EQ(in.depth, 3u);
  const auto out = runtime_.find_queue(out_name);
  EXPECT_EQ(out.direction, rondo::queue_direction::output);
  EXPECT_EQ(out.capacity, 8u);
  EXPECT_GE(out.payload_capacity, sizeof(rondo_failure));
  EXPECT_EQ(out.depth, 0u);
}

TEST_F(queue_lookup, lists_the_queues_of_all_kernels_in_order) {
  auto other = runtime_.launch<gated>({.id = "a"});
  std::vector<std::string> names;
  for (const auto& queue : runtime_.queues()) names.push_back(queue.name);
  EXPECT_THAT(names, ElementsAre("ringkernel_Answer_a_output", out_name,
                                 "ringkernel_GatedQuestion_a_input", in_name));
}

TEST_F(queue_lookup, resolves_a_name_without_direction_if_one_queue_fits) {  // NAME-09
  EXPECT_EQ(runtime_.find_queue("ringkernel_Question_k").name, in_name);
  EXPECT_EQ(runtime_.find_queue("ringkernel_Answer_k").name, out_name);
}

TEST_F(queue_lookup, names_both_queues_that_a_name_without_direction_fits) {
  auto both = runtime_.launch<mirror>({.id = "m"});  // the same type in both directions
  const auto info = refusal_of([&] { runtime_.find_queue("ringkernel_Large_m"); });
  EXPECT_EQ(info.code, RONDO_AMBIGUOUS_NAME);
  EXPECT_THAT(info.message, HasSubstr("ringkernel_Large_m_input"));
  EXPECT_THAT(info.message, HasSubstr("ringkernel_Large_m_output"));
  EXPECT_EQ(refusal_of([&] { runtime_.open_sender<large>("ringkernel_Large_m"); }).code,
            RONDO_AMBIGUOUS_NAME);
}

TEST_F(queue_lookup, that_misses_says_what_exists_and_what_is_nearest) {  // NAME-10
  const auto info = refusal_of([&] { runtime_.find_queue("ringkernel_Qestion_k_input"); });
  EXPECT_EQ(info.code, RONDO_NO_SUCH_QUEUE);
  EXPECT_EQ(info.object, "ringkernel_Qestion_k_input");
  EXPECT_THAT(info.message, HasSubstr(in_name));
  EXPECT_THAT(info.message, HasSubstr(out_name));
  EXPECT_THAT(info.remedy, HasSubstr(in_name));
}

TEST_F(queue_lookup, opens_typed_ends_by_name) {
  kernel_.activate();
  auto sender = runtime_.open_sender<question>(in_name);
  auto receiver = runtime_.open_receiver<answer>("ringkernel_Answer_k");
  const auto id = sender.send({.nonce = 21}, patience).value();
  const auto reply = receiver.receive(patience).value();
  EXPECT_EQ(reply.correlation_id, id);
  EXPECT_TRUE(answers(*reply.outcome, 21));
  EXPECT_EQ(receiver.try_receive().code(), RONDO_EMPTY);
}

TEST_F(queue_lookup, refuses_an_end_of_the_wrong_type) {
  const auto in = refusal_of([&] { runtime_.open_sender<answer>(in_name); });
  EXPECT_EQ(in.code, RONDO_REQUEST_MISMATCH);
  EXPECT_EQ(in.object, in_name);
  EXPECT_THAT(in.message, HasSubstr("Question v1"));
  EXPECT_THAT(in.message, HasSubstr("Answer v2"));
  EXPECT_FALSE(in.remedy.empty());
  EXPECT_EQ(refusal_of([&] { runtime_.open_receiver<question>(out_name); }).code,
            RONDO_RESPONSE_MISMATCH);
}

TEST_F(queue_lookup, refuses_an_end_of_the_wrong_direction) {
  const auto in = refusal_of([&] { runtime_.open_sender<answer>(out_name); });
  EXPECT_EQ(in.code, RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(in.object, out_name);
  EXPECT_FALSE(in.remedy.empty());
  EXPECT_EQ(refusal_of([&] { runtime_.open_receiver<question>(in_name); }).code,
            RONDO_INVALID_ARGUMENT);
}

TEST_F(queue_lookup, forgets_the_queues_of_a_removed_kernel_and_keeps_its_ends_harmless) {
  auto sender = runtime_.open_sender<question>(in_name);
  kernel_.terminate();
  EXPECT_EQ(runtime_.find_queue(in_name).name, in_name);
  runtime_.remove("k");
  EXPECT_EQ(refusal_of([&] { runtime_.find_queue(in_name); }).code, RONDO_NO_SUCH_QUEUE);
  EXPECT_EQ(sender.send({}, patience).code(), RONDO_TERMINATED);
}

}  // namespace
