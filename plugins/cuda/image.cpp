// Loading and probing of device images.
#include "image.hpp"

#include "image_check.hpp"

#include <rondo/ring/wait.hpp>

#include <string_view>
#include <vector>

namespace rondo::cuda {

using backend::text;

namespace {

constexpr std::uint64_t probe_limit_ns = 5'000'000'000;
constexpr std::uint64_t suspend_limit_ns = 3'000'000'000;
// RONDO_KERNEL's
constexpr std::string_view entry_prefix = "rondo_kernel_";
constexpr std::string_view rules_prefix = "rondo_rules_";

bool is_entry(const std::string& function) {
  return function.starts_with(entry_prefix) || function.starts_with(rules_prefix);
}

std::string entry_of(const rondo_handler& handler, entry_kind which) {
  std::string name(text(handler.device_entry));
  if (which == entry_kind::by_rules && name.starts_with(entry_prefix))
    name.replace(0, entry_prefix.size(), rules_prefix);
  return name;
}

// `which_one` says of a resident kernel why it does not leave.
[[noreturn]] void refuse_to_wait(const rondo_handler& handler, const char* which_one,
                                 const char* remedy) {
  throw failure(RONDO_TIMEOUT, std::string(text(handler.id)),
                std::string("its code cannot be loaded: the driver waits until no kernel is "
                            "resident, and one ") +
                    which_one,
                remedy);
}

}  // namespace

image_cache::image_cache(CUcontext context, pinned_arena& pinned, stream_pool& streams,
                         monitor& residents)
    : context_(context), pinned_(pinned), streams_(streams), residents_(residents) {}

image_cache::~image_cache() {
  try {
    const context_scope current(context_);
    for (const auto& [bytes, module] : modules_) the_driver().cuModuleUnload(module);
  } catch (const failure&) {  // the context is gone, and its modules with it
  }
}

const entry_point& image_cache::find(const rondo_image& image, const rondo_handler& handler,
                                     entry_kind which) {
  check_layout(image, handler);
  const std::lock_guard lock(mutex_);
  const std::pair key(image.bytes, entry_of(handler, which));
  if (const auto known = entries_.find(key); known != entries_.end()) {
    check_answer(known->second.facts, handler);
    return known->second;
  }
  const context_scope current(context_);
  if (streams_.has_abandoned())
    refuse_to_wait(handler, "that was abandoned still runs",
                   "Restart the process, or launch a kernel of each module before any is given "
                   "work that may hang");
  // The first launch belongs to it: it may make the device's stacks larger, for which the driver
  // waits as well.
  if (!residents_.without_kernels(suspend_limit_ns, [&] {
        load_and_probe(image, std::string(text(handler.id)), key.second);
      }))
    refuse_to_wait(handler, "is busy for longer than 3 s",
                   "Launch again when its handler is done, or launch a kernel of each module "
                   "before any is given long work");
  const entry_point& made = entries_.at(key);
  check_answer(made.facts, handler);
  return made;
}

void image_cache::load_and_probe(const rondo_image& image, const std::string& id,
                                 const std::string& name) {
  const bool is_new = modules_.count(image.bytes) == 0;
  const CUmodule module = load(image, id);
  CUfunction function = nullptr;
  const CUresult found = the_driver().cuModuleGetFunction(&function, module, name.c_str());
  if (found == CUDA_ERROR_NOT_FOUND)
    throw failure(RONDO_NO_IMAGE, id, "the module's device image has no entry " + name,
                  "Build the whole module anew");
  check(found, id, "its entry " + name + " cannot be found");
  entries_.emplace(std::pair(image.bytes, name), probe(function, id));
  if (is_new) probe_others(module, image.bytes);
}

CUmodule image_cache::load(const rondo_image& image, const std::string& handler) {
  if (const auto known = modules_.find(image.bytes); known != modules_.end()) return known->second;
  CUmodule module = nullptr;
  check(the_driver().cuModuleLoadData(&module, image.bytes), handler,
        "the device image cannot be loaded");
  modules_.emplace(image.bytes, module);
  return module;
}

// Drivers before 12.4 cannot list a module's functions: there each is probed when it is asked for.
void image_cache::probe_others(CUmodule module, const void* image) {
  const driver& cuda = the_driver();
  unsigned count = 0;
  if (cuda.cuModuleGetFunctionCount == nullptr || cuda.cuModuleEnumerateFunctions == nullptr ||
      cuda.cuFuncGetName == nullptr ||
      cuda.cuModuleGetFunctionCount(&count, module) != CUDA_SUCCESS)
    return;
  std::vector<CUfunction> all(count);
  if (cuda.cuModuleEnumerateFunctions(all.data(), count, module) != CUDA_SUCCESS) return;
  for (CUfunction function : all) {
    const char* name = nullptr;
    if (cuda.cuFuncGetName(&name, function) != CUDA_SUCCESS || name == nullptr) continue;
    const std::pair key(image, std::string(name));
    if (!is_entry(key.second) || entries_.count(key) != 0) continue;
    try {
      entries_.emplace(key, probe(function, key.second));
    } catch (const failure& failed) {
      // One that a device cannot run: whoever asks for it is told why.
      if (failed.code() != RONDO_VERSION_MISMATCH) throw;
    }
  }
}

entry_point image_cache::probe(CUfunction function, const std::string& handler) {
  entry_point made;
  made.function = function;
  // A function that is loaded only when it is launched could wait for a kernel that never ends.
  if (the_driver().cuFuncLoad != nullptr)
    check(the_driver().cuFuncLoad(function), handler, "its code cannot be loaded");
  check(the_driver().cuFuncGetAttribute(&made.max_threads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK,
                                        function),
        handler, "its limits cannot be read");
  check(the_driver().cuFuncGetAttribute(&made.shared_bytes, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES,
                                        function),
        handler, "its limits cannot be read");
  const pinned_block block = pinned_.allocate(sizeof(device::probe_record));
  try {
    auto& record = *reinterpret_cast<device::probe_record*>(block.host);
    run_probe(function, record, handler);
    made.facts = record;
  } catch (const failure& failed) {
    // After a time-out the probe may still run and write.
    if (failed.code() != RONDO_TIMEOUT) pinned_.release(block);
    throw;
  }
  pinned_.release(block);
  return made;
}

void image_cache::run_probe(CUfunction function, device::probe_record& to,
                            const std::string& handler) {
  device::launch_args args{};
  args.struct_size = sizeof args;
  args.contract = device::contract_version;
  args.what = static_cast<std::uint32_t>(device::action::probe);
  args.probe = pinned_.device_address(&to);
  void* parameters[] = {&args};
  const pooled_stream stream(streams_);
  check(
      the_driver().cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, stream.get(), parameters, nullptr),
      handler, "its entry cannot be launched");
  const CUresult ended = wait_for_stream(stream.get(), ring::now_ns() + probe_limit_ns);
  if (ended == CUDA_ERROR_NOT_READY)
    throw failure(RONDO_TIMEOUT, handler, "the device did not run its probe within 5 s",
                  "Something else holds the device; see nvidia-smi");
  check(ended, handler, "its probe failed");
  if (ring::platform::load_acquire(&to.done) != 1)  // SYNC: probed
    throw failure(RONDO_VERSION_MISMATCH, handler,
                  "its entry ran and wrote no probe: it was made for another contract",
                  "Build the module and the backend with the same version of the SDK");
}

}  // namespace rondo::cuda
