// The tables of functions as the plugin hands them over.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <rondo/host_services.hpp>

#include <cstddef>
#include <cstring>
#include <thread>

namespace rondo::conformance {

namespace {

// A struct that the host has grown: what lies behind the part that the plugin knows stays as it is.
template <class T>
struct grown {
  T known{};
  unsigned char beyond[64];
  grown() {
    std::memset(beyond, 0xc5, sizeof beyond);
    known.struct_size = sizeof(grown);
  }
  void expect_untouched(std::string_view what, const place& at = place::current()) const {
    for (const unsigned char byte : beyond)
      require(byte == 0xc5, std::string(what) + " wrote behind the struct that it knows", at);
    expect_equal(known.struct_size, sizeof(grown),
                 std::string(what) + " changed struct_size, which is the caller's; it", at);
  }
};

}  // namespace

RONDO_CASE(plugin, tables, out_structs_of_a_newer_host_are_filled_and_no_more, core, "ABI-02", "") {
  grown<rondo_device_info> device;
  expect_status(it.api().backend.device_info(it.backend(), it.with().device, &device.known),
                RONDO_OK, "device_info with a larger struct_size");
  device.expect_untouched("device_info");
  test_kernel kernel(it);
  grown<rondo_kernel_counters> counters;
  expect_status(it.api().kernel.counters(kernel.handle(), &counters.known), RONDO_OK,
                "counters with a larger struct_size");
  counters.expect_untouched("counters");
  grown<rondo_queue_info> queue;
  expect_status(it.api().queue.info(kernel.input(), &queue.known), RONDO_OK,
                "info with a larger struct_size");
  queue.expect_untouched("info");
  kernel.start();
  grown<rondo_terminate_report> report;
  expect_status(it.api().kernel.terminate(kernel.handle(), RONDO_TERMINATE_DRAIN, it.patience_ns(),
                                          &report.known, nullptr),
                RONDO_OK, "terminate with a larger struct_size");
  report.expect_untouched("terminate");
}

// What lies behind the part that an older host knows is not the plugin's, to write or to read.
RONDO_CASE(plugin, tables, structs_of_an_older_host_end_where_it_says, core, "ABI-02", "") {
  constexpr std::size_t known = offsetof(rondo_kernel_counters, dropped_oldest);
  rondo_handler handler = it.handler("ConformanceNonce");
  handler.struct_size = offsetof(rondo_handler, on_start);
  std::memset(reinterpret_cast<std::byte*>(&handler) + handler.struct_size, 0xc5,
              sizeof handler - handler.struct_size);
  kernel_spec spec;
  spec.other_handler = &handler;
  spec.params_size = offsetof(rondo_kernel_params, threads);
  test_kernel kernel(it, spec);
  kernel.start();
  const std::uint64_t nonce = it.number();
  expect_equal(kernel.call<kernels::nonce_reply>(kernels::nonce_request{nonce, {}}).proof,
               kernels::secret(nonce, kernels::nonce_salt),
               "the proof of a kernel whose params and handler end where older ones do");
  kernel.terminate();
  rondo_kernel_counters counters;
  std::memset(&counters, 0xc5, sizeof counters);
  counters.struct_size = known;
  const host_call_guard guard;
  expect_status(it.api().kernel.counters(kernel.handle(), &counters), RONDO_OK,
                "counters with a smaller struct_size");
  expect_equal(counters.struct_size, known, "the struct_size of the caller's counters");
  expect_equal(counters.state, RONDO_STATE_TERMINATED, "the state that an older host is told");
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&counters);
  for (std::size_t i = known; i < sizeof counters; ++i)
    require(bytes[i] == 0xc5, "counters wrote behind the struct that an older host has");
}

// NULL is allowed wherever a sink is taken.
RONDO_CASE(plugin, tables, failures_may_go_unexplained, core, "ABI-07", "") {
  test_kernel kernel(it);
  expect_status(kernel.try_activate(1'000'000'000, nullptr), RONDO_INVALID_STATE,
                "activate of a created kernel without a sink");
  rondo_kernel* none = nullptr;
  kernel_spec zero;
  zero.input_capacity = 0;
  expect_status(try_create(it, zero, none, nullptr), RONDO_CAPACITY_ZERO,
                "create with a capacity of 0 and without a sink");
}

RONDO_CASE(plugin, tables, a_failure_is_explained_once_and_in_full, core, "ABI-07", "") {
  const auto expect_explained = [](const explanation_record& why, rondo_status code,
                                   std::string_view what) {
    expect_equal(why.calls, 1, "how often " + std::string(what) + " explained its failure");
    expect_status(why.code, code, "the explanation of " + std::string(what));
    require(!why.subject.empty(), std::string(what) + " does not name what failed");
    require(!why.message.empty(), std::string(what) + " does not say what happened");
    require(!why.remedy.empty(), std::string(what) + " does not say what to do about it");
    require(why.from == std::this_thread::get_id(),
            std::string(what) + " explained its failure from another thread than it was called on");
  };
  test_kernel kernel(it);
  explanation_record state;
  const auto refused = kernel.try_activate(1'000'000'000, state.sink());
  expect_status(refused, RONDO_INVALID_STATE, "activate of a created kernel");
  expect_explained(state, refused, "activate");
  rondo_kernel* none = nullptr;
  explanation_record option;
  kernel_spec wrong;
  wrong.options = {{"no.such.option", "1"}};
  const auto unknown = try_create(it, wrong, none, option.sink());
  expect_status(unknown, RONDO_INVALID_ARGUMENT, "create with an unknown option");
  expect_explained(option, unknown, "create");
  kernel.launch();
  explanation_record silent;
  expect_status(kernel.try_activate(it.patience_ns(), silent.sink()), RONDO_OK, "activate");
  expect_equal(silent.calls, 0, "how often a call that succeeded explained a failure");
}

// Names, ids and options are gone when create returns.
RONDO_CASE(plugin, tables, strings_are_borrowed_for_the_call, core, "ABI-04 ABI-11 LIFE-10", "") {
  kernel_spec spec;
  spec.id = std::string(60, 'i');
  spec.input_name = "ringkernel_" + std::string(60, 'A') + "_x_input";
  spec.output_name = "ringkernel_" + std::string(60, 'B') + "_x_output";
  rule("ABI-11");
  const auto kernel = std::make_unique<test_kernel>(it, spec);
  rule("ABI-04");
  for (auto* text : {&spec.id, &spec.input_name, &spec.output_name})
    std::memset(text->data(), '!', text->size());
  kernel->start();
  kernels::nonce_request request;
  request.nonce = it.number();
  expect_equal(kernel->call<kernels::nonce_reply>(request).proof,
               kernels::secret(request.nonce, kernels::nonce_salt),
               "the proof of a kernel whose "
               "names were overwritten after create");
  rule("LIFE-10");
  explanation_record why;
  expect_status(kernel->try_launch(1'000'000'000, why.sink()), RONDO_INVALID_STATE,
                "launch of an active kernel");
  require(why.subject.find('!') == std::string::npos && why.message.find('!') == std::string::npos,
          "the plugin still reads a string that create had borrowed: \"" + why.subject + "\"");
}

}  // namespace rondo::conformance
