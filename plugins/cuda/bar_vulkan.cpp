// A window through Vulkan, step by step; each step that fails says so. Device-local memory that the
// host can map is handed to CUDA as a file descriptor.
#include "bar_source.hpp"

#include <dlfcn.h>
#include <unistd.h>
#include <vulkan/vulkan_core.h>

#include <cstring>
#include <vector>

namespace rondo::cuda {

namespace {

template <class F>
F need(F function, const char* name) {
  if (function == nullptr) throw no_window{std::string("Vulkan has no ") + name};
  return function;
}
void need(VkResult code, const char* what) {
  if (code != VK_SUCCESS && code != VK_INCOMPLETE)
    throw no_window{std::string(what) + " failed with Vulkan result " + std::to_string(code)};
}

// Vulkan in this process: one instance, made with the first window and never destroyed. To destroy
// the last one unloads the driver behind it, and NVIDIA's cannot be loaded any number of times:
// after some, no instance was made any more (seen with driver 580).
struct vulkan {
  PFN_vkGetInstanceProcAddr get = nullptr;
  VkInstance instance = VK_NULL_HANDLE;

  template <class F>
  F function(const char* name) const {
    return need(reinterpret_cast<F>(get(instance, name)), name);
  }
};

vulkan make_vulkan() {
  vulkan made;
  void* library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw no_window{"there is no Vulkan loader, libvulkan.so.1"};
  made.get =
      need(reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(library, "vkGetInstanceProcAddr")),
           "vkGetInstanceProcAddr");
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.pApplicationName = "rondo";
  application.apiVersion = VK_API_VERSION_1_1;
  VkInstanceCreateInfo wanted{};
  wanted.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  wanted.pApplicationInfo = &application;
  need(made.function<PFN_vkCreateInstance>("vkCreateInstance")(&wanted, nullptr, &made.instance),
       "making an instance");
  return made;
}

// Where none could be made the next window tries again.
const vulkan& the_vulkan() {
  static const vulkan made = make_vulkan();
  return made;
}

// Everything that is open for one window, closed in the reverse order.
struct vulkan_source final : window_source {
  const vulkan& all = the_vulkan();
  const CUcontext context;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice logical = VK_NULL_HANDLE;
  PFN_vkGetDeviceProcAddr get_of_device = nullptr;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  CUexternalMemory imported = nullptr;

  explicit vulkan_source(CUcontext of) : context(of) {}
  ~vulkan_source() override {
    if (imported != nullptr && the_driver().cuDestroyExternalMemory != nullptr) {
      try {
        const context_scope current(context);
        the_driver().cuDestroyExternalMemory(imported);
      } catch (const failure&) {  // the context is gone, and the import with it
      }
    }
    if (memory != VK_NULL_HANDLE)
      of_device<PFN_vkFreeMemory>("vkFreeMemory")(logical, memory, nullptr);
    if (logical != VK_NULL_HANDLE)
      all.function<PFN_vkDestroyDevice>("vkDestroyDevice")(logical, nullptr);
  }

  template <class F>
  F of_device(const char* name) const {
    return need(reinterpret_cast<F>(get_of_device(logical, name)), name);
  }

  void choose_device(CUdevice wanted);
  void open_device();
  void allocate();
  void import();
};

// The one that is CUDA's device.
void vulkan_source::choose_device(CUdevice wanted) {
  CUuuid uuid{};
  check(the_driver().cuDeviceGetUuid(&uuid, wanted), "CUDA device", "it has no UUID");
  std::uint32_t count = 0;
  const auto list = all.function<PFN_vkEnumeratePhysicalDevices>("vkEnumeratePhysicalDevices");
  need(list(all.instance, &count, nullptr), "counting devices");
  std::vector<VkPhysicalDevice> devices(count);
  need(list(all.instance, &count, devices.data()), "listing devices");
  const auto describe =
      all.function<PFN_vkGetPhysicalDeviceProperties2>("vkGetPhysicalDeviceProperties2");
  for (VkPhysicalDevice each : devices) {
    VkPhysicalDeviceIDProperties id{};
    id.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES;
    VkPhysicalDeviceProperties2 properties{};
    properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    properties.pNext = &id;
    describe(each, &properties);
    if (std::memcmp(id.deviceUUID, uuid.bytes, sizeof uuid.bytes) == 0) physical = each;
  }
  if (physical == VK_NULL_HANDLE)
    throw no_window{"Vulkan lists " + std::to_string(count) + " devices and none is this one"};
}

void vulkan_source::open_device() {
  const float priority = 1;
  VkDeviceQueueCreateInfo queue{};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  const char* extension = VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME;
  VkDeviceCreateInfo wanted{};
  wanted.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  wanted.queueCreateInfoCount = 1;
  wanted.pQueueCreateInfos = &queue;
  wanted.enabledExtensionCount = 1;
  wanted.ppEnabledExtensionNames = &extension;
  need(all.function<PFN_vkCreateDevice>("vkCreateDevice")(physical, &wanted, nullptr, &logical),
       "opening the device");
  get_of_device = all.function<PFN_vkGetDeviceProcAddr>("vkGetDeviceProcAddr");
}

void vulkan_source::allocate() {
  constexpr VkMemoryPropertyFlags needed = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT |
                                           VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                           VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  VkPhysicalDeviceMemoryProperties kinds{};
  all.function<PFN_vkGetPhysicalDeviceMemoryProperties>("vkGetPhysicalDeviceMemoryProperties")(
      physical, &kinds);
  VkExportMemoryAllocateInfo exported{};
  exported.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO;
  exported.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
  VkMemoryAllocateInfo wanted{};
  wanted.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  wanted.pNext = &exported;
  wanted.allocationSize = bar_window::bytes;
  const auto allocate_memory = of_device<PFN_vkAllocateMemory>("vkAllocateMemory");
  for (std::uint32_t i = 0; i < kinds.memoryTypeCount; ++i) {
    if ((kinds.memoryTypes[i].propertyFlags & needed) != needed) continue;
    wanted.memoryTypeIndex = i;
    if (allocate_memory(logical, &wanted, nullptr, &memory) == VK_SUCCESS) break;
    memory = VK_NULL_HANDLE;
  }
  if (memory == VK_NULL_HANDLE)
    throw no_window{"the device has no memory that the host can map, or none is left"};
  void* mapped = nullptr;
  need(of_device<PFN_vkMapMemory>("vkMapMemory")(logical, memory, 0, VK_WHOLE_SIZE, 0, &mapped),
       "mapping device memory");
  host = static_cast<std::byte*>(mapped);
}

void vulkan_source::import() {
  const driver& d = the_driver();
  if (d.cuImportExternalMemory == nullptr || d.cuExternalMemoryGetMappedBuffer == nullptr)
    throw no_window{"the CUDA driver cannot import memory"};
  VkMemoryGetFdInfoKHR wanted{};
  wanted.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR;
  wanted.memory = memory;
  wanted.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
  int file = -1;
  need(of_device<PFN_vkGetMemoryFdKHR>("vkGetMemoryFdKHR")(logical, &wanted, &file),
       "exporting device memory");
  CUDA_EXTERNAL_MEMORY_HANDLE_DESC handle{};
  handle.type = CU_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD;
  handle.handle.fd = file;
  handle.size = bar_window::bytes;
  if (const CUresult code = d.cuImportExternalMemory(&imported, &handle); code != CUDA_SUCCESS) {
    ::close(file);  // the driver owns it only after success
    throw no_window{"CUDA does not import it: " + describe(code)};
  }
  CUDA_EXTERNAL_MEMORY_BUFFER_DESC range{};
  range.size = bar_window::bytes;
  if (const CUresult code = d.cuExternalMemoryGetMappedBuffer(&device, imported, &range);
      code != CUDA_SUCCESS)
    throw no_window{"CUDA does not map it: " + describe(code)};
}

}  // namespace

std::unique_ptr<window_source> open_through_vulkan(CUcontext context, CUdevice device) {
  auto made = std::make_unique<vulkan_source>(context);
  made->choose_device(device);
  made->open_device();
  made->allocate();
  made->import();
  return made;
}

}  // namespace rondo::cuda
