// A Vulkan layer for devices that only compile. It replaces functions of RADV's null hardware, and with ISA_DUMP=folder it
// writes what the compiler says about each compute pipeline, on any device. Other functions reach the driver unchanged.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"

typedef struct Instance {
  VkInstance handle;
  void *table; // the loader's dispatch table, at the start of the instance and of its physical devices
  PFN_vkGetInstanceProcAddr next;
  struct Instance *following;
} Instance;

typedef struct Device {
  VkDevice handle;
  PFN_vkGetDeviceProcAddr next;
  bool null_hardware;
  bool dumps;
  struct Device *following;
} Device;

// An entry is never removed: handles of destroyed objects may be used again, and the latest entry comes first.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Instance *instances;
static Device *devices;

static Instance *find_instance(VkInstance handle) {
  for (Instance *instance = instances; instance; instance = instance->following)
    if (instance->handle == handle) return instance;
  return NULL;
}

static Instance *find_instance_of(VkPhysicalDevice physical) {
  for (Instance *instance = instances; instance; instance = instance->following)
    if (instance->table == *(void **)physical) return instance;
  return NULL;
}

static Device *find_device(VkDevice handle) {
  for (Device *device = devices; device; device = device->following)
    if (device->handle == handle) return device;
  return NULL;
}

PFN_vkVoidFunction next_device_function(VkDevice handle, const char *name) { return find_device(handle)->next(handle, name); }

/** Compare a function's name with one that has no suffix. */
static bool is_named(const char *name, const char *plain) {
  size_t length = strlen(plain);
  if (strncmp(name, plain, length) != 0) return false;
  const char *suffix = name + length;
  return *suffix == '\0' || strcmp(suffix, "KHR") == 0 || strcmp(suffix, "EXT") == 0;
}

static PFN_vkVoidFunction find(const Replacement *table, const char *name) {
  for (; table->name; table++)
    if (is_named(name, table->name)) return table->function;
  return NULL;
}

// ---- Physical devices ----

#define OF_INSTANCE(physical, name) ((PFN_##name)find_instance_of(physical)->next(find_instance_of(physical)->handle, #name))

static void VKAPI_CALL memory_properties(VkPhysicalDevice physical, VkPhysicalDeviceMemoryProperties *memory) {
  OF_INSTANCE(physical, vkGetPhysicalDeviceMemoryProperties)(physical, memory);
  add_memory_type(memory);
}

static void VKAPI_CALL memory_properties2(VkPhysicalDevice physical, VkPhysicalDeviceMemoryProperties2 *memory) {
  OF_INSTANCE(physical, vkGetPhysicalDeviceMemoryProperties2)(physical, memory);
  add_memory_type(&memory->memoryProperties);
}

static bool is_null_hardware(VkPhysicalDevice physical) {
  VkPhysicalDeviceProperties properties;
  OF_INSTANCE(physical, vkGetPhysicalDeviceProperties)(physical, &properties);
  return strncmp(properties.deviceName, "Null hardware", strlen("Null hardware")) == 0;
}

static bool has_statistics(VkPhysicalDevice physical) {
  PFN_vkEnumerateDeviceExtensionProperties list = OF_INSTANCE(physical, vkEnumerateDeviceExtensionProperties);
  uint32_t count = 0;
  list(physical, NULL, &count, NULL);
  VkExtensionProperties *all = calloc(count + 1, sizeof *all);
  if (!all) return false;
  list(physical, NULL, &count, all);
  bool found = false;
  for (uint32_t i = 0; i < count; i++)
    if (strcmp(all[i].extensionName, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME) == 0) found = true;
  free(all);
  return found;
}

// ---- Creation and destruction ----

/** Find the loader's link in a chain of structures. Links of instances and of devices have the same head. */
static void *find_link(const void *chain, VkStructureType type) {
  for (const VkLayerInstanceCreateInfo *link = chain; link; link = link->pNext)
    if (link->sType == type && link->function == VK_LAYER_LINK_INFO) return (void *)link;
  return NULL;
}

static VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *info, const VkAllocationCallbacks *callbacks, VkInstance *made) {
  VkLayerInstanceCreateInfo *link = find_link(info->pNext, VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO);
  Instance *instance = calloc(1, sizeof *instance);
  if (!link || !instance) return VK_ERROR_INITIALIZATION_FAILED;
  instance->next = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  VkResult result = ((PFN_vkCreateInstance)instance->next(NULL, "vkCreateInstance"))(info, callbacks, made);
  if (result != VK_SUCCESS) return result;
  instance->handle = *made;
  instance->table = *(void **)*made;
  pthread_mutex_lock(&lock);
  instance->following = instances;
  instances = instance;
  pthread_mutex_unlock(&lock);
  return VK_SUCCESS;
}

/** Call vkCreateDevice of the driver with the extension and the feature that give statistics. */
static VkResult create_with_statistics(PFN_vkCreateDevice create, VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                                       const VkAllocationCallbacks *callbacks, VkDevice *made) {
  const char **names = calloc(info->enabledExtensionCount + 1, sizeof *names);
  if (!names) return VK_ERROR_OUT_OF_HOST_MEMORY;
  for (uint32_t i = 0; i < info->enabledExtensionCount; i++) names[i] = info->ppEnabledExtensionNames[i];
  names[info->enabledExtensionCount] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR feature = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
      .pNext = (void *)info->pNext,
      .pipelineExecutableInfo = VK_TRUE,
  };
  VkDeviceCreateInfo changed = *info;
  changed.enabledExtensionCount++;
  changed.ppEnabledExtensionNames = names;
  changed.pNext = &feature;
  VkResult result = create(physical, &changed, callbacks, made);
  free(names);
  return result;
}

static VkResult VKAPI_CALL create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                                         const VkAllocationCallbacks *callbacks, VkDevice *made) {
  VkLayerDeviceCreateInfo *link = find_link(info->pNext, VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO);
  Device *device = calloc(1, sizeof *device);
  if (!link || !device) return VK_ERROR_INITIALIZATION_FAILED;
  device->next = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
  device->null_hardware = is_null_hardware(physical);
  device->dumps = getenv("ISA_DUMP") && has_statistics(physical);
  VkInstance instance = find_instance_of(physical)->handle;
  PFN_vkCreateDevice create = (PFN_vkCreateDevice)link->u.pLayerInfo->pfnNextGetInstanceProcAddr(instance, "vkCreateDevice");
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  VkResult result = device->dumps ? create_with_statistics(create, physical, info, callbacks, made)
                                  : create(physical, info, callbacks, made);
  if (result != VK_SUCCESS) return result;
  device->handle = *made;
  pthread_mutex_lock(&lock);
  device->following = devices;
  devices = device;
  pthread_mutex_unlock(&lock);
  return VK_SUCCESS;
}

// ---- Look-up of functions ----

static PFN_vkVoidFunction VKAPI_CALL device_function(VkDevice handle, const char *name) {
  if (strcmp(name, "vkGetDeviceProcAddr") == 0) return (PFN_vkVoidFunction)device_function;
  Device *device = find_device(handle);
  PFN_vkVoidFunction next = device ? device->next(handle, name) : NULL;
  if (!next) return NULL;
  PFN_vkVoidFunction own = NULL;
  if (device->null_hardware) own = strncmp(name, "vkCmd", 5) == 0 ? null_command : find(null_hardware_functions, name);
  if (device->dumps && !own) own = find(dump_functions, name);
  return own ? own : next;
}

static PFN_vkVoidFunction VKAPI_CALL instance_function(VkInstance handle, const char *name) {
  static const Replacement own[] = {
      REPLACE("vkCreateInstance", create_instance),
      REPLACE("vkCreateDevice", create_device),
      REPLACE("vkGetDeviceProcAddr", device_function),
      REPLACE("vkGetPhysicalDeviceMemoryProperties", memory_properties),
      REPLACE("vkGetPhysicalDeviceMemoryProperties2", memory_properties2),
      {NULL, NULL},
  };
  if (strcmp(name, "vkGetInstanceProcAddr") == 0) return (PFN_vkVoidFunction)instance_function;
  PFN_vkVoidFunction function = find(own, name);
  if (!function && getenv("ISA_DUMP")) function = find(dump_instance_functions, name);
  Instance *instance = handle ? find_instance(handle) : NULL;
  return function || !instance ? function : instance->next(handle, name);
}

__attribute__((visibility("default"))) VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *with) {
  if (with->loaderLayerInterfaceVersion > 2) with->loaderLayerInterfaceVersion = 2;
  with->pfnGetInstanceProcAddr = instance_function;
  with->pfnGetDeviceProcAddr = device_function;
  with->pfnGetPhysicalDeviceProcAddr = NULL;
  return VK_SUCCESS;
}
