// What a queue says about itself.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

namespace rondo::conformance {

RONDO_CASE(queue, info, capacities_are_those_asked_for, core, "QUEUE-10", "") {
  for (const std::uint64_t capacity : {1u, 8u, 256u})
    // No less than the handler's messages need, which a backend may insist on.
    for (const std::uint32_t payload : {64u, 97u, 216u, 1000u, 65536u}) {
      kernel_spec spec;
      spec.input_capacity = capacity;
      spec.output_capacity = 2 * capacity;
      spec.input_payload = payload;
      spec.output_payload = payload;
      test_kernel kernel(it, spec);
      const auto in = kernel.info(kernel.input());
      const auto out = kernel.info(kernel.output());
      const auto at_least = [](std::uint64_t got, std::uint64_t asked, std::string_view what) {
        require(got >= asked, std::string(what) + " is " + std::to_string(got) + " where " +
                                  std::to_string(asked) + " were asked for");
      };
      at_least(in.capacity, capacity, "the input's capacity");
      at_least(out.capacity, 2 * capacity, "the output's capacity");
      at_least(in.payload_capacity, payload, "the input's payload_capacity");
      at_least(out.payload_capacity, payload, "the output's payload_capacity");
      require(in.payload_capacity <= payload + 4096,
              "slots of " + std::to_string(payload) + " bytes were asked for, and the input has " +
                  std::to_string(in.payload_capacity));
    }
}

RONDO_CASE(queue, info, depth_counts_what_waits, core, "QUEUE-10", "") {
  test_kernel kernel(it);
  kernel.launch();
  for (std::uint64_t i = 0; i < 10; ++i) {
    expect_equal(kernel.info(kernel.input()).depth, i, "the input's depth");
    expect_equal(kernel.info(kernel.output()).depth, 0u, "the output's depth");
    kernel.send(kernels::nonce_request{});
  }
  kernel.activate();
  (void)kernel.counters_at(10);
  eventually([&] { return kernel.info(kernel.output()).depth == 10; }, it.patience());
  for (std::uint64_t i = 10; i > 0; --i) {
    expect_equal(kernel.info(kernel.output()).depth, i, "the output's depth");
    (void)kernel.receive();
  }
  expect_equal(kernel.info(kernel.output()).depth, 0u, "the depth of an output that was emptied");
  std::uint64_t in = 0;
  eventually([&] { return (in = kernel.info(kernel.input()).depth) == 0; }, it.patience());
  expect_equal(in, 0u, "the depth of an input that was handled");
}

// A backend gets names; it neither makes nor reads any.
RONDO_CASE(queue, info, names_are_opaque, core, "NAME-01", "") {
  const std::pair<const char*, const char*> names[] = {
      {"ringkernel_Request_under-test_input", "ringkernel_Reply_under-test_output"},
      {"ringkernel_Reply_under-test_output", "ringkernel_Request_under-test_input"},
      {"ringkernel_Other.Type_some_other.kernel_input", "ringkernel_X_y_output"},
      {"q", "r"},
  };
  const auto works = [&](const std::string& in, const std::string& out, const std::string& id) {
    kernel_spec spec;
    spec.input_name = in;
    spec.output_name = out;
    spec.id = id;
    rondo_kernel* made = nullptr;
    explanation_record why;
    const auto status = try_create(it, spec, made, why.sink());
    if (status != RONDO_OK)
      fail(
          "create returned " + status_text(status) + " (" + why.message + ") for queues named '" +
          in + "' and '" + out + "' of a kernel '" + id +
          "'. The host names queues; a backend takes the names as they are, and builds, checks and "
          "reads none itself");
    it.api().kernel.destroy(made);
    test_kernel kernel(it, spec);
    kernel.start();
    (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
  };
  for (const auto& [in, out] : names) works(in, out, "under-test");
  works(std::string(248, 'n') + "_input", std::string(248, 'n') + "_output", "k");
  works("ringkernel_A_b_input", "ringkernel_C_b_output", std::string(100, 'k'));
  // Two runtimes know nothing of each other, so ids and names may be there twice.
  test_kernel one(it), two(it);
  one.start();
  two.start();
  two.send(kernels::nonce_request{});
  (void)two.receive();
  one.expect_silence(std::chrono::milliseconds(3),
                     "the request was sent to another kernel whose queues have the same names");
  one.send(kernels::nonce_request{});
  (void)one.receive();
  two.expect_silence(std::chrono::milliseconds(3),
                     "the request was sent to another kernel whose queues have the same names");
}

}  // namespace rondo::conformance
