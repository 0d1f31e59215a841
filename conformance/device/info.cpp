// What a device says about itself.
#include "../support/bench.hpp"
#include "../support/suite.hpp"

#include <cstring>
#include <set>

namespace rondo::conformance {

namespace {

rondo_device_info blank() {
  rondo_device_info info;
  std::memset(&info, 0xc5, sizeof info);
  info.struct_size = sizeof info;
  return info;
}

bool is_text(const char* field, std::size_t size) {
  return std::memchr(field, '\0', size) != nullptr;
}

}  // namespace

RONDO_CASE(device, info, each_index_is_described, loads, "DEV-02", "") {
  const std::uint32_t count = it.api().backend.device_count(it.backend());
  for (std::uint32_t i = 0; i < count; ++i) {
    rondo_device_info info{};
    info.struct_size = sizeof info;
    expect_status(it.api().backend.device_info(it.backend(), i, &info), RONDO_OK, "device_info");
    expect_equal(info.index, i, "the index of device " + std::to_string(i));
    require(is_text(info.name, sizeof info.name) && info.name[0] != '\0',
            "device " + std::to_string(i) + " has no name, or one without an end");
    require(is_text(info.reason, sizeof info.reason), "the reason has no end");
    if (info.usable != 0)
      require(info.reason[0] == '\0', "a usable device gives a reason for not being usable");
    else require(info.reason[0] != '\0', "a device is not usable and does not say why");
  }
  require(it.with().device < count, "there is no device " + std::to_string(it.with().device));
}

RONDO_CASE(device, info, an_index_beyond_the_last_is_refused, loads, "DEV-02", "") {
  const std::uint32_t count = it.api().backend.device_count(it.backend());
  for (const std::uint32_t index : {count, count + 1, ~std::uint32_t{0}}) {
    rondo_device_info info = blank();
    const rondo_device_info before = info;
    expect_status(
        it.api().backend.device_info(it.backend(), index, &info), RONDO_INVALID_ARGUMENT,
        "device_info(" + std::to_string(index) + ") of " + std::to_string(count) + " devices");
    require(std::memcmp(&info, &before, sizeof info) == 0,
            "device_info was refused and has changed its out parameter");
  }
}

RONDO_CASE(device, info, its_properties_have_different_keys, core, "DEV-06", "") {
  struct seen {
    std::set<std::string> keys;
    std::string problem;  // not thrown: there is a C boundary in between
  } all;
  const auto visit = [](void* self, rondo_string key, rondo_string) {
    auto& to = *static_cast<seen*>(self);
    if (key.size == 0 || key.data == nullptr) to.problem = "a property of the device has no key";
    else if (!to.keys.emplace(key.data, key.size).second)
      to.problem = "the property " + std::string(key.data, key.size) + " is told twice";
  };
  expect_one_of(it.api().backend.device_properties(it.device(), &all, visit),
                {RONDO_OK, RONDO_UNSUPPORTED}, "device_properties");
  require(all.problem.empty(), all.problem);
}

}  // namespace rondo::conformance
