// The same requests, by chance, to a kernel of the backend and to the handler's host image in this
// process: the replies agree byte for byte. Whatever of a handler or of a message is lost on the
// way to a device shows here, whether somebody thought of it or not.
#include "../support/chance.hpp"
#include "../support/host_image.hpp"
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

namespace rondo::conformance {

namespace {

// Bytes of a reply that say where and by how many lanes it was made, and so may differ.
struct hole {
  std::size_t at, bytes;
};

void blank(std::vector<std::byte>& payload, std::span<const hole> holes) {
  for (const hole& one : holes)
    for (std::size_t i = one.at; i < one.at + one.bytes && i < payload.size(); ++i)
      payload[i] = std::byte{0};
}

class twin {
 public:
  twin(bench& it, const char* handler, std::vector<hole> holes = {})
      : spec_(spec_of(handler)),
        holes_(std::move(holes)),
        kernel_(it, spec_),
        host_(it.handler(handler)) {
    kernel_.start();
  }

  template <class T>
  void compare(const T& request, const place& at = place::current()) {
    std::vector<std::byte> bytes(rondo::detail::max_bytes<T>());
    const auto n = encode(request, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
    require(n >= 0, "the suite's own request cannot be encoded", at);
    bytes.resize(static_cast<std::size_t>(n));
    compare_bytes(bytes, rondo::detail::message_of<T>.version, at);
  }

 private:
  static kernel_spec spec_of(const char* handler) {
    kernel_spec of;
    of.handler = handler;
    return of;
  }

  void compare_bytes(const std::vector<std::byte>& bytes, std::uint16_t version, const place& at) {
    const std::uint64_t id = kernel_.last_id() + 1;
    const rondo_envelope header{
        static_cast<std::uint32_t>(bytes.size()), RONDO_TYPE_REQUEST, version, 0, 0, id, id};
    expect_status(kernel_.try_push(bytes, version), RONDO_OK, "push", at);
    for (host_reply& due : host_.handle(header, bytes, spec_.kernel_tag)) {
      received reply = kernel_.receive(at);
      blank(due.payload, holes_);
      blank(reply.payload, holes_);
      const std::string of = std::string(spec_.handler) + " to request " + std::to_string(id);
      expect_equal(reply.header.correlation_id, id, "the correlation of the reply of " + of, at);
      expect_equal(reply.header.flags & RONDO_FLAG_FAILED, due.flags & RONDO_FLAG_FAILED,
                   "whether the reply of " + of + " is a failure", at);
      expect_equal(reply.header.version, due.version, "the version of the reply of " + of, at);
      if (reply.payload != due.payload) tell_difference(reply.payload, due.payload, of, at);
      count_check();
    }
  }

  [[noreturn]] static void tell_difference(const std::vector<std::byte>& got,
                                           const std::vector<std::byte>& due, const std::string& of,
                                           const place& at) {
    std::size_t i = 0;
    while (i < got.size() && i < due.size() && got[i] == due[i]) ++i;
    fail("the reply of " + of + " has " + std::to_string(got.size()) +
             " bytes, the host image's in this process " + std::to_string(due.size()) +
             "; they differ from byte " + std::to_string(i) + " on",
         at);
  }

  const kernel_spec spec_;
  const std::vector<hole> holes_;
  test_kernel kernel_;
  host_image host_;
};

constexpr int rounds = 400;

}  // namespace

RONDO_CASE(message, differential, control_flow_agrees_with_the_host_image, core, "EXEC-01", "") {
  chance any(it.random());
  twin both(it, "ConformanceControl");
  for (int i = 0; i < rounds; ++i) both.compare(any.control());
}

RONDO_CASE(message, differential, every_kind_of_field_agrees_with_the_host_image, core,
           "MSG-02 EXEC-01", "") {
  chance any(it.random());
  twin both(it, "ConformanceTypes", {{0, sizeof(std::uint32_t)}});
  for (int i = 0; i < rounds; ++i) both.compare(any.types());
}

RONDO_CASE(message, differential, plain_messages_and_states_agree_with_the_host_image, core,
           "EXEC-01 EXEC-03", "") {
  chance any(it.random());
  const hole on_device{offsetof(kernels::nonce_reply, on_device), 2 * sizeof(std::uint32_t)};
  twin nonce(it, "ConformanceNonce", {on_device});
  twin counter(it, "ConformanceCounter");
  twin large(it, "ConformanceLarge");
  for (int i = 0; i < rounds; ++i) {
    nonce.compare(any.nonce());
    counter.compare(kernels::counter_request{any.number<std::uint64_t>()});
  }
  const auto request = std::make_unique<kernels::large_request>();
  for (int i = 0; i < 5; ++i) {
    any.fill(*request);
    large.compare(*request);
  }
}

RONDO_CASE(message, differential, failures_agree_with_the_host_image, core, "MSG-05", "") {
  chance any(it.random());
  twin both(it, "ConformanceFail");
  const bool may_throw = it.has(RONDO_CAP_HOST_IMAGE);
  for (int i = 0; i < rounds; ++i) both.compare(any.fail(may_throw));
}

RONDO_CASE(message, differential, emitted_replies_agree_with_the_host_image, core, "EXEC-05",
           RONDO_CAP_EMITS) {
  chance any(it.random());
  twin both(it, "ConformanceEmit");
  for (int i = 0; i < rounds / 4; ++i) both.compare(any.emit());
}

}  // namespace rondo::conformance
