// What comes back for a request: envelope, fields, failures.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <set>

namespace rondo::conformance {

namespace {

kernels::types_request filled(bench& it, bool optionals, std::uint32_t length) {
  kernels::types_request in;
  in.flag = it.number() % 2 == 0;
  in.i8 = static_cast<std::int8_t>(it.number());
  in.u8 = static_cast<std::uint8_t>(it.number());
  in.i16 = static_cast<std::int16_t>(it.number());
  in.u16 = static_cast<std::uint16_t>(it.number());
  in.i32 = static_cast<std::int32_t>(it.number());
  in.u32 = static_cast<std::uint32_t>(it.number());
  in.i64 = static_cast<std::int64_t>(it.number());
  in.u64 = it.number();
  in.f32 = static_cast<float>(it.number() % 4096);
  in.f64 = static_cast<double>(it.number() % 1'000'000) / 8;
  in.colour = it.number() % 2 == 0 ? kernels::shade::dark : kernels::shade::light;
  for (auto& each : in.array) each = static_cast<std::int32_t>(it.number());
  in.text.resize(length % 41);
  for (std::uint32_t i = 0; i < in.text.size(); ++i) in.text.data()[i] = kernels::letter(i * 5);
  in.numbers.resize(length % 9);
  for (auto& each : in.numbers) each = static_cast<std::uint32_t>(it.number());
  in.points.resize(length % 4);
  for (auto& each : in.points) each = {static_cast<float>(it.number() % 100), 5};
  if (optionals) {
    in.maybe = static_cast<std::int32_t>(it.number() % 1000);
    in.maybe_point = kernels::point{2.5f, 3};
  }
  return in;
}

std::vector<std::byte> bytes_of(const kernels::types_request& message) {
  std::vector<std::byte> bytes(rondo::detail::max_bytes<kernels::types_request>());
  const auto n = encode(message, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(n));
  return bytes;
}

}  // namespace

RONDO_CASE(message, reply, its_envelope_is_complete, core, "MSG-03 MSG-04", "") {
  test_kernel kernel(it);
  kernel.start();
  std::set<std::uint64_t> used;
  for (std::uint64_t i = 1; i <= 50; ++i) {
    rule("MSG-03");
    std::uint64_t correlation = it.number();
    if (i == 1) correlation = ~std::uint64_t{0};
    if (i == 2) correlation = std::uint64_t{1} << 63;
    kernel.send(kernels::nonce_request{}, correlation);
    const received reply = kernel.receive();
    expect_equal(reply.header.type, RONDO_TYPE_RESPONSE, "the type of a reply");
    expect_equal(reply.header.version, 5u, "the version of a reply");
    expect_equal(reply.header.flags, 0u, "the flags of a reply that is no failure");
    expect_equal(reply.header.reserved, 0u, "the reserved field of a reply");
    expect_equal(reply.header.length, sizeof(kernels::nonce_reply), "the length of a reply");
    expect_equal(reply.header.correlation_id, correlation, "the correlation_id of a reply");
    rule("MSG-04");
    expect_equal(reply.header.message_id, i, "the message_id of a reply");
  }
}

RONDO_CASE(message, reply, every_kind_of_field_travels_both_ways, core, "MSG-02", "") {
  kernel_spec spec;
  spec.handler = "ConformanceTypes";
  test_kernel kernel(it, spec);
  kernel.start();
  for (std::uint32_t i = 0; i < 90; ++i) {
    const auto request = filled(it, i % 2 == 0, i);
    const auto reply = kernel.call<kernels::types_reply>(request);
    require(bytes_of(reply.changed) == bytes_of(kernels::change(request)),
            "a field came back with another value than the same code computes in this process; "
            "optionals were " +
                std::string(i % 2 == 0 ? "set" : "not set") + ", the text had " +
                std::to_string(request.text.size()) + " bytes");
  }
}

RONDO_CASE(message, reply, bytes_that_are_no_message_are_refused, core, "MSG-05 MSG-07", "") {
  kernel_spec spec;
  spec.handler = "ConformanceTypes";
  test_kernel kernel(it, spec);
  kernel.start();
  const auto whole = bytes_of(filled(it, true, 30));
  const auto expect_malformed = [&](std::span<const std::byte> bytes, const std::string& what) {
    rule("MSG-05");
    expect_status(kernel.try_push(bytes, 2), RONDO_OK, "push");
    expect_status(kernel.receive().failure().code, RONDO_MALFORMED, "a request " + what);
  };
  for (std::size_t cut = 0; cut < whole.size(); cut += 9)
    expect_malformed(std::span(whole).first(cut), "cut to " + std::to_string(cut) + " bytes");
  auto longer = whole;
  longer.push_back(std::byte{0});
  if (longer.size() <= kernel.info(kernel.input()).payload_capacity)
    expect_malformed(longer, "with a byte too many");
  rule("MSG-07");
  const auto request = filled(it, false, 3);
  require(bytes_of(kernel.call<kernels::types_reply>(request).changed) ==
              bytes_of(kernels::change(request)),
          "a request behind malformed ones is answered wrongly");
}

RONDO_CASE(message, reply, another_version_or_type_is_refused, core, "MSG-01", "") {
  test_kernel kernel(it);
  kernel.start();
  const std::vector<std::byte> bytes(sizeof(kernels::nonce_request));
  for (const std::uint32_t version : {0u, 1u, 2u, 4u, 65535u}) {
    expect_status(kernel.try_push(bytes, version), RONDO_OK, "push");
    expect_status(kernel.receive().failure().code, RONDO_VERSION_MISMATCH,
                  "a request of version " + std::to_string(version) + " where 3 is due");
  }
  expect_status(kernel.try_push(bytes, 3, 0, RONDO_TYPE_RESPONSE), RONDO_OK, "push");
  expect_status(kernel.receive().failure().code, RONDO_REQUEST_MISMATCH,
                "a message that is no request");
  expect_equal(kernel.call<kernels::nonce_reply>(kernels::nonce_request{}).count, 1u,
               "the requests that the handler saw, of which refused ones are no part,");
}

// By a backend that carries failures whole: the words are cut to what a slot of the output carries.
RONDO_CASE(message, reply, another_version_is_named_beside_the_handlers_own, core, "MSG-08", "") {
  const auto expect_named = [](test_kernel& kernel, std::uint32_t came, std::uint32_t due) {
    const auto why = kernel.receive().failure();
    const std::string label = "a request of version " + std::to_string(came) + " where " +
                              std::to_string(due) + " is due";
    expect_status(why.code, RONDO_VERSION_MISMATCH, label);
    const std::string padded = " " + why.text + " ";
    for (const auto version : {came, due})
      require(padded.find("version " + std::to_string(version)) != std::string::npos,
              "the failure of " + label + " does not name version " + std::to_string(version) +
                  ": '" + why.text + "'");
  };
  test_kernel plain(it);
  kernel_spec spec;
  spec.handler = "ConformanceTypes";
  spec.id = "encoded";
  test_kernel encoded(it, spec);
  plain.start();
  encoded.start();
  // Newer and older, with more bytes and with fewer, and each beside a request that is answered.
  const std::vector<std::byte> bytes(plain.info(plain.input()).payload_capacity);
  std::uint64_t answered = 0;
  for (const std::uint32_t version : {1u, 2u, 4u, 65535u})
    for (const std::size_t length : {std::size_t{0}, std::size_t{8}, bytes.size()}) {
      expect_status(plain.try_push(std::span(bytes).first(length), version), RONDO_OK, "push");
      plain.send(kernels::nonce_request{});
      expect_named(plain, version, 3);
      expect_equal(plain.receive().as<kernels::nonce_reply>().count, ++answered,
                   "the requests that the handler saw, of which refused ones are no part,");
    }
  const auto whole = bytes_of(filled(it, true, 7));
  for (const std::uint32_t version : {1u, 3u, 10'000u}) {
    expect_status(encoded.try_push(whole, version), RONDO_OK, "push");
    expect_named(encoded, version, 2);
    (void)encoded.call<kernels::types_reply>(filled(it, false, 3));
  }
  plain.expect_state(RONDO_STATE_ACTIVE, "after requests of other versions");
}

RONDO_CASE(message, reply, a_failure_brings_the_handlers_words, core, "MSG-05 MSG-03", "") {
  kernel_spec spec;
  spec.handler = "ConformanceFail";
  test_kernel kernel(it, spec);
  kernel.start();
  for (const std::uint32_t length : {0u, 1u, 37u, 200u, 250u})
    for (const auto what : {kernels::misdeed::fail, kernels::misdeed::fail_twice}) {
      rule("MSG-05");
      const auto code = static_cast<std::int32_t>(it.number());
      kernel.send(kernels::fail_request{what, code, length}, 4711);
      const received reply = kernel.receive();
      const auto why = reply.failure();
      expect_status(why.code, RONDO_HANDLER_FAILED, "the code of a handler's failure");
      expect_equal(why.user_code, code, "the user_code of a handler's failure");
      std::string due;
      for (std::uint32_t i = 0; i < length && i < RONDO_FAILURE_TEXT_MAX; ++i)
        due += kernels::letter(i);
      expect_text(why.text, due, "the text of a handler's failure");
      rule("MSG-03");
      expect_equal(reply.header.correlation_id, 4711u, "the correlation_id of a failure");
      expect_equal(reply.header.type, RONDO_TYPE_RESPONSE, "the type of a failure");
    }
}

RONDO_CASE(message, reply, an_exception_brings_its_text, core, "MSG-06", RONDO_CAP_HOST_IMAGE) {
  kernel_spec spec;
  spec.handler = "ConformanceFail";
  test_kernel kernel(it, spec);
  kernel.start();
  kernel.send(kernels::fail_request{kernels::misdeed::raise, 3, 26}, 12);
  const received reply = kernel.receive();
  const auto why = reply.failure();
  expect_status(why.code, RONDO_HANDLER_THREW, "the code of a handler that throws");
  expect_text(why.text, "abcdefghijklmnopqrstuvwxyz", "the text of a handler that throws");
  expect_equal(reply.header.correlation_id, 12u, "the correlation_id of a handler that throws");
}

RONDO_CASE(message, reply, a_failure_ends_its_request_and_nothing_else, core, "MSG-07 TEL-15", "") {
  kernel_spec spec;
  spec.handler = "ConformanceFail";
  test_kernel kernel(it, spec);
  kernel.start();
  std::uint64_t failed = 0;
  for (std::uint64_t i = 1; i <= 60; ++i) {
    const auto what = i % 3 == 0   ? kernels::misdeed::fail
                      : i % 3 == 1 ? kernels::misdeed::none
                                   : kernels::misdeed::fail_and_fill;
    kernel.send(kernels::fail_request{what, 1, 5}, i);
    const received reply = kernel.receive();
    expect_equal(reply.header.correlation_id, i, "the correlation_id of the next reply");
    if (what == kernels::misdeed::none) {
      expect_equal(reply.as<kernels::fail_reply>().value, 42u, "a response among failures");
    } else {
      (void)reply.failure();
      ++failed;
    }
  }
  kernel.expect_silence(std::chrono::milliseconds(3), "each request had its one reply");
  kernel.expect_state(RONDO_STATE_ACTIVE, "after many failures");
  rule("TEL-15");
  kernel.counters_when([&](const rondo_kernel_counters& now) {
    expect_equal(now.messages_failed, failed, "messages_failed");
  });
}

RONDO_CASE(message, reply, more_is_what_the_handler_said, core, "EXEC-13", RONDO_CAP_EMITS) {
  kernel_spec spec;
  spec.handler = "ConformanceEmit";
  test_kernel kernel(it, spec);
  kernel.start();
  constexpr std::uint32_t more = RONDO_FLAG_MORE;
  for (const std::uint32_t count : {1u, 2u, 7u}) {
    kernel.send(kernels::emit_request{count, count, 0});
    for (std::uint32_t i = 1; i <= count; ++i) {
      const received reply = kernel.receive();
      expect_equal(reply.as<kernels::emit_reply>().index, i - 1, "the place of a reply");
      expect_equal(
          reply.header.flags & more, i < count ? more : 0u,
          "RONDO_FLAG_MORE of reply " + std::to_string(i) + " of " + std::to_string(count));
    }
  }
}

RONDO_CASE(message, reply, an_emitting_handler_may_fail_behind_its_replies, core, "MSG-05 EXEC-05",
           RONDO_CAP_EMITS) {
  kernel_spec spec;
  spec.handler = "ConformanceEmit";
  test_kernel kernel(it, spec);
  kernel.start();
  kernel.send(kernels::emit_request{1, 3, 1});
  for (std::uint64_t i = 0; i < 3; ++i)
    expect_equal(kernel.receive().as<kernels::emit_reply>().index, i, "the place of a reply");
  const auto why = kernel.receive().failure();
  expect_equal(why.user_code, 5, "the user_code of a failure behind three replies");
  kernel.expect_silence(std::chrono::milliseconds(3), "the failure was the last");
}

}  // namespace rondo::conformance
