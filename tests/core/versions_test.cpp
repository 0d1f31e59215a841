// Messages of another version than the kernel's: a request that is newer or older, and a reply that
// its caller does not know. Two modules, built from the headers of two versions; handles that were
// made for one are laid on kernels of the other, as a program does that opens a kernel by its id.
#include "../fixtures/versions.hpp"
#include "ways.hpp"

#include <rondo/async.hpp>

#include <gmock/gmock.h>

namespace {

using namespace core_test;
using namespace versions_test;
using rondo::kernel_state;
using testing::HasSubstr;

std::string module_of(int version) {
  const auto file = "versions_" + std::to_string(version) + ".so";
  return (rondo::test::fixtures_dir() / "kernels" / file).string();
}

void expect_both_named(const rondo::error_info& why, const std::string& came,
                       const std::string& due) {
  EXPECT_EQ(why.code, RONDO_VERSION_MISMATCH) << why.text();
  EXPECT_THAT(why.message, HasSubstr(came));
  EXPECT_THAT(why.message, HasSubstr(due));
  EXPECT_THAT(why.remedy, HasSubstr("same headers"));
}

class versions : public on_each_kind<way> {
 protected:
  // A kernel that was built from the headers of `version`, known by its id alone.
  template <class H>
  rondo::kernel_handle open(int version) {
    auto options = std::get<1>(GetParam()).options(64, 64);
    options.threads = threads_in_use;
    options.module = module_of(version);
    auto kernel = runtime.launch({H::id.text, H::id.size}, options);
    kernel.activate();
    return kernel;
  }
  rondo::runtime runtime = open_runtime();
};

template <class H>
void expect_answer(rondo::kernel<H>& kernel, std::uint64_t nonce, std::uint64_t version) {
  typename H::request in;
  in.nonce = nonce;
  const auto reply = kernel.call(in, patience);
  ASSERT_TRUE(reply) << reply.failure().text();
  EXPECT_EQ(reply->proof, prove(nonce, version));
}

// One request in each way that there is to send it.
template <class Foreign, class Own>
void expect_refused(rondo::kernel_handle handle, std::uint64_t version, const std::string& came,
                    const std::string& due) {
  rondo::kernel<Foreign> foreign(handle);
  rondo::kernel<Own> own(handle);
  const typename Foreign::request request;
  expect_answer(own, 1, version);
  const auto called = foreign.call(request, patience);
  ASSERT_FALSE(called);
  expect_both_named(called.failure(), came, due);
  expect_answer(own, 2, version);

  const auto awaited = foreign.call_async(request, patience).get();
  ASSERT_FALSE(awaited);
  expect_both_named(awaited.failure(), came, due);
  expect_answer(own, 3, version);

  // One that does not fit the kernel's slots is refused where it is sent, in the same words.
  if (const auto sent = foreign.send(request, patience); sent) {
    const auto reply = own.receive(patience);
    ASSERT_TRUE(reply) << reply.failure().text();
    EXPECT_EQ(reply->correlation_id, *sent);
    expect_both_named(reply->outcome.failure(), came, due);
  } else {
    expect_both_named(sent.failure(), came, due);
  }
  const std::vector<typename Foreign::request> three(3);
  if (const auto batch = foreign.send_batch(three, patience); batch) {
    for (int i = 0; i < 3; ++i)
      expect_both_named(own.receive(patience).value().outcome.failure(), came, due);
  } else {
    expect_both_named(batch.failure(), came, due);
  }
  expect_answer(own, 4, version);
  EXPECT_EQ(handle.state(), kernel_state::active);
  EXPECT_TRUE(eventually([&] {
    const auto now = handle.snapshot();
    return now.messages_in - now.messages_failed == 4;
  }));
}

TEST_P(versions, newer_requests_are_refused_and_both_versions_named) {
  expect_refused<v2::plain_handler, v1::plain_handler>(open<v1::plain_handler>(1), 1, "version 2",
                                                       "version 1 of VersionsPlainNote");
  expect_refused<v2::encoded_handler, v1::encoded_handler>(
      open<v1::encoded_handler>(1), 1, "version 2", "version 1 of VersionsEncodedNote");
}

TEST_P(versions, older_requests_are_refused_and_both_versions_named) {
  expect_refused<v1::plain_handler, v2::plain_handler>(open<v2::plain_handler>(2), 2, "version 1",
                                                       "version 2 of VersionsPlainNote");
  expect_refused<v1::encoded_handler, v2::encoded_handler>(
      open<v2::encoded_handler>(2), 2, "version 1", "version 2 of VersionsEncodedNote");
}

// The caller of version `Stranger` knows the request and not the reply.
template <class Stranger, class Own>
void expect_unread(rondo::kernel_handle handle, std::uint64_t version, const std::string& came,
                   const std::string& due) {
  rondo::kernel<Stranger> stranger(handle);
  rondo::kernel<Own> own(handle);
  constexpr std::uint64_t rounds = 50;
  std::jthread beside([&] {
    for (std::uint64_t i = 0; i < rounds; ++i) expect_answer(own, i, version);
  });
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const auto reply =
        i % 2 == 0 ? stranger.call({i}, patience) : stranger.call_async({i}, patience).get();
    ASSERT_FALSE(reply);
    expect_both_named(reply.failure(), came, due);
  }
  beside.join();

  // Who receives gets each reply, the one that cannot be read by its name; the next is whole.
  for (std::uint64_t i = 0; i < 4; ++i) stranger.send({i}, patience).value();
  const auto unread = stranger.receive(patience);
  ASSERT_TRUE(unread) << unread.failure().text();
  EXPECT_NE(unread->correlation_id, 0u);
  expect_both_named(unread->outcome.failure(), came, due);
  EXPECT_EQ(own.receive(patience).value().outcome.value().proof, prove(1, version));
  {
    auto peeked = stranger.peek(patience);
    ASSERT_TRUE(peeked) << peeked.failure().text();
    expect_both_named(peeked->failure(), came, due);
  }  // not released: it stays
  EXPECT_EQ(own.receive(patience).value().outcome.value().proof, prove(2, version));
  std::uint64_t taken = 0;
  while (taken < 1) {
    const auto got = stranger.receive_batch(
        8,
        [&](const rondo::reply_view<typename Stranger::response>& one) {
          ++taken;
          expect_both_named(one.failure(), came, due);
        },
        patience);
    ASSERT_TRUE(got) << got.failure().text();
  }
  EXPECT_EQ(taken, 1u);
  expect_answer(own, 9, version);
  EXPECT_EQ(handle.snapshot().messages_failed, 0u) << "the kernel has answered all of them";
}

TEST_P(versions, of_replies_that_are_newer_reach_the_caller_as_an_error_and_nobody_else) {
  expect_unread<v1::reply_handler, v2::reply_handler>(open<v2::reply_handler>(2), 2, "version 2",
                                                      "version 1 of VersionsAnswer");
  expect_unread<v1::encoded_reply_handler, v2::encoded_reply_handler>(
      open<v2::encoded_reply_handler>(2), 2, "version 2", "version 1 of VersionsEncodedAnswer");
}

TEST_P(versions, of_replies_that_are_older_reach_the_caller_as_an_error_and_nobody_else) {
  expect_unread<v2::reply_handler, v1::reply_handler>(open<v1::reply_handler>(1), 1, "version 1",
                                                      "version 2 of VersionsAnswer");
  expect_unread<v2::encoded_reply_handler, v1::encoded_reply_handler>(
      open<v1::encoded_reply_handler>(1), 1, "version 1", "version 2 of VersionsEncodedAnswer");
}

// Those with several senders.
INSTANTIATE_TEST_SUITE_P(threads, versions,
                         testing::Combine(each_kind,
                                          testing::Values(all_ways[0], all_ways[1], all_ways[3],
                                                          all_ways[4], all_ways[5])),
                         [](const auto& it) {
                           return name_of_kind(it) + "_" + std::get<1>(it.param).name;
                         });

TEST(version, of_a_module_that_differs_from_the_callers_is_refused_at_launch_with_both_named) {
  auto runtime = open_runtime();
  const auto newer =
      refusal_of([&] { runtime.launch<v2::plain_handler>({.module = module_of(1)}); });
  EXPECT_EQ(newer.code, RONDO_REQUEST_MISMATCH);
  EXPECT_THAT(newer.message, HasSubstr("VersionsPlainNote v1"));
  EXPECT_THAT(newer.message, HasSubstr("VersionsPlainNote v2"));
  const auto older =
      refusal_of([&] { runtime.launch<v1::encoded_reply_handler>({.module = module_of(2)}); });
  EXPECT_EQ(older.code, RONDO_RESPONSE_MISMATCH);
  EXPECT_THAT(older.message, HasSubstr("VersionsEncodedAnswer v2"));
  EXPECT_THAT(older.message, HasSubstr("VersionsEncodedAnswer v1"));
  runtime.launch("VersionsPlain", {.module = module_of(1)});
  const auto sender = refusal_of([&] {
    (void)runtime.open_sender<v2::plain_note>("ringkernel_VersionsPlainNote_VersionsPlain_input");
  });
  EXPECT_EQ(sender.code, RONDO_REQUEST_MISMATCH);
  EXPECT_THAT(sender.message, HasSubstr("v1"));
  EXPECT_THAT(sender.message, HasSubstr("v2"));
}

}  // namespace
