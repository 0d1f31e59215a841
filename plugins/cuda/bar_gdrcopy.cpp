// A window through GDRCopy: memory that CUDA allocated is pinned by its kernel module, gdrdrv, and
// mapped. What is used of its interface, version 2, is declared here, so that nothing of it is
// needed to build (https://github.com/NVIDIA/gdrcopy, include/gdrapi.h).
#include "bar_source.hpp"

#include <dlfcn.h>

namespace rondo::cuda {

namespace {

constexpr std::size_t gpu_page = std::size_t{64} << 10;  // what gdrdrv pins

struct gdr_handle {  // gdr_mh_t
  unsigned long h;
};
struct gdr_functions {
  void* (*open)() = nullptr;
  int (*close)(void*) = nullptr;
  int (*pin_buffer)(void*, unsigned long address, std::size_t bytes, std::uint64_t p2p_token,
                    std::uint32_t va_space, gdr_handle* out) = nullptr;
  int (*unpin_buffer)(void*, gdr_handle) = nullptr;
  int (*map)(void*, gdr_handle, void** out, std::size_t bytes) = nullptr;
  int (*unmap)(void*, gdr_handle, void*, std::size_t bytes) = nullptr;
};

template <class F>
void find(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(library, name));
  if (function == nullptr) throw no_window{std::string("libgdrapi.so.2 has no ") + name};
}
void need(int code, const char* what) {
  if (code != 0) throw no_window{std::string(what) + " failed with " + std::to_string(code)};
}

// Everything that is open, closed in the reverse order.
struct gdrcopy_source final : window_source {
  const CUcontext context;
  gdr_functions gdr;
  CUdeviceptr allocated = 0;
  void* session = nullptr;
  gdr_handle pinned{};
  bool is_pinned = false;

  explicit gdrcopy_source(CUcontext of) : context(of) {}
  ~gdrcopy_source() override {
    if (host != nullptr) gdr.unmap(session, pinned, host, bar_window::bytes);
    if (is_pinned) gdr.unpin_buffer(session, pinned);
    if (session != nullptr) gdr.close(session);
    if (allocated == 0) return;
    try {
      const context_scope current(context);
      the_driver().cuMemFree(allocated);
    } catch (const failure&) {  // the context is gone, and the memory with it
    }
  }

  void open_library() {
    void* library = dlopen("libgdrapi.so.2", RTLD_NOW | RTLD_LOCAL);  // never closed
    if (library == nullptr) throw no_window{"there is no GDRCopy, libgdrapi.so.2"};
    find(library, "gdr_open", gdr.open);
    find(library, "gdr_close", gdr.close);
    find(library, "gdr_pin_buffer", gdr.pin_buffer);
    find(library, "gdr_unpin_buffer", gdr.unpin_buffer);
    find(library, "gdr_map", gdr.map);
    find(library, "gdr_unmap", gdr.unmap);
    session = gdr.open();
    if (session == nullptr) throw no_window{"GDRCopy cannot reach its kernel module, gdrdrv"};
  }

  // Not from a pool: such memory cannot be pinned.
  void allocate() {
    const driver& d = the_driver();
    if (d.cuMemAlloc == nullptr || d.cuMemFree == nullptr || d.cuPointerSetAttribute == nullptr)
      throw no_window{"the CUDA driver has no memory that GDRCopy can pin"};
    if (const CUresult code = d.cuMemAlloc(&allocated, bar_window::bytes + gpu_page);
        code != CUDA_SUCCESS)
      throw no_window{"device memory for it cannot be had: " + describe(code)};
    device = (allocated + gpu_page - 1) / gpu_page * gpu_page;
    unsigned yes = 1;
    if (const CUresult code =
            d.cuPointerSetAttribute(&yes, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, allocated);
        code != CUDA_SUCCESS)
      throw no_window{"device memory cannot be made ready for it: " + describe(code)};
  }

  // From the begin of a page, so that the mapping begins there too.
  void map() {
    need(gdr.pin_buffer(session, device, bar_window::bytes, 0, 0, &pinned),
         "pinning device memory");
    is_pinned = true;
    void* mapped = nullptr;
    need(gdr.map(session, pinned, &mapped, bar_window::bytes), "mapping device memory");
    host = static_cast<std::byte*>(mapped);
  }
};

}  // namespace

std::unique_ptr<window_source> open_through_gdrcopy(CUcontext context) {
  auto made = std::make_unique<gdrcopy_source>(context);
  made->open_library();
  made->allocate();
  made->map();
  return made;
}

}  // namespace rondo::cuda
