// RADV's null hardware (RADV_FORCE_FAMILY) compiles pipelines but has no memory types, fences or command streams. These
// functions let a program run on it: commands are not recorded, submits return at once, and every wait succeeds.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vk_icd.h>

#include "layer.h"

// The caller removes the arguments from the stack on x86-64 and AArch64, so one function serves every signature.
static void VKAPI_CALL do_nothing(void) {}
static VkResult VKAPI_CALL succeed(void) { return VK_SUCCESS; }

const PFN_vkVoidFunction null_command = (PFN_vkVoidFunction)do_nothing;

// ---- Objects ----

/** Create a fence, a semaphore or a command pool: a number that no other object has. */
static VkResult VKAPI_CALL create_handle(VkDevice device, const void *info, const VkAllocationCallbacks *callbacks, uint64_t *handle) {
  static uint64_t last = 0;
  (void)device, (void)info, (void)callbacks;
  *handle = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
  return VK_SUCCESS;
}

/** Create command buffers: memory in which the loader stores its dispatch table. */
static VkResult VKAPI_CALL allocate_command_buffers(VkDevice device, const VkCommandBufferAllocateInfo *info, VkCommandBuffer *buffers) {
  (void)device;
  for (uint32_t i = 0; i < info->commandBufferCount; i++) {
    VK_LOADER_DATA *data = calloc(1, sizeof *data);
    if (!data) return VK_ERROR_OUT_OF_HOST_MEMORY;
    set_loader_magic_value(data);
    buffers[i] = (VkCommandBuffer)data;
  }
  return VK_SUCCESS;
}

static void VKAPI_CALL free_command_buffers(VkDevice device, VkCommandPool pool, uint32_t count, const VkCommandBuffer *buffers) {
  (void)device, (void)pool;
  for (uint32_t i = 0; i < count; i++) free(buffers[i]);
}

// ---- Results ----

static VkResult VKAPI_CALL read_counter(VkDevice device, VkSemaphore semaphore, uint64_t *value) {
  (void)device, (void)semaphore;
  *value = UINT64_MAX; // every value that a program waits for has been reached
  return VK_SUCCESS;
}

static VkResult VKAPI_CALL read_queries(VkDevice device, VkQueryPool pool, uint32_t first, uint32_t count, size_t bytes, void *data) {
  (void)device, (void)pool, (void)first, (void)count;
  memset(data, 0, bytes);
  return VK_SUCCESS;
}

// ---- Memory ----

void add_memory_type(VkPhysicalDeviceMemoryProperties *memory) {
  if (memory->memoryTypeCount > 0) return;
  memory->memoryHeapCount = 1;
  memory->memoryHeaps[0].size = (VkDeviceSize)64 << 30;
  memory->memoryHeaps[0].flags = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
  memory->memoryTypeCount = 1;
  memory->memoryTypes[0].heapIndex = 0;
  memory->memoryTypes[0].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                         VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
}

static void allow_first_type(VkMemoryRequirements *needs) {
  if (needs->memoryTypeBits == 0) needs->memoryTypeBits = 1;
}

static void VKAPI_CALL buffer_needs(VkDevice device, VkBuffer buffer, VkMemoryRequirements *needs) {
  NEXT(device, vkGetBufferMemoryRequirements)(device, buffer, needs);
  allow_first_type(needs);
}

static void VKAPI_CALL image_needs(VkDevice device, VkImage image, VkMemoryRequirements *needs) {
  NEXT(device, vkGetImageMemoryRequirements)(device, image, needs);
  allow_first_type(needs);
}

static void VKAPI_CALL buffer_needs2(VkDevice device, const VkBufferMemoryRequirementsInfo2 *info, VkMemoryRequirements2 *needs) {
  NEXT(device, vkGetBufferMemoryRequirements2)(device, info, needs);
  allow_first_type(&needs->memoryRequirements);
}

static void VKAPI_CALL image_needs2(VkDevice device, const VkImageMemoryRequirementsInfo2 *info, VkMemoryRequirements2 *needs) {
  NEXT(device, vkGetImageMemoryRequirements2)(device, info, needs);
  allow_first_type(&needs->memoryRequirements);
}

const Replacement null_hardware_functions[] = {
    REPLACE("vkAllocateCommandBuffers", allocate_command_buffers),
    REPLACE("vkFreeCommandBuffers", free_command_buffers),
    REPLACE("vkBeginCommandBuffer", succeed),
    REPLACE("vkEndCommandBuffer", succeed),
    REPLACE("vkResetCommandBuffer", succeed),
    REPLACE("vkCreateCommandPool", create_handle),
    REPLACE("vkDestroyCommandPool", do_nothing),
    REPLACE("vkResetCommandPool", succeed),
    REPLACE("vkTrimCommandPool", do_nothing),
    REPLACE("vkCreateFence", create_handle),
    REPLACE("vkDestroyFence", do_nothing),
    REPLACE("vkResetFences", succeed),
    REPLACE("vkGetFenceStatus", succeed),
    REPLACE("vkWaitForFences", succeed),
    REPLACE("vkCreateSemaphore", create_handle),
    REPLACE("vkDestroySemaphore", do_nothing),
    REPLACE("vkSignalSemaphore", succeed),
    REPLACE("vkWaitSemaphores", succeed),
    REPLACE("vkGetSemaphoreCounterValue", read_counter),
    REPLACE("vkQueueSubmit", succeed),
    REPLACE("vkQueueSubmit2", succeed),
    REPLACE("vkQueueBindSparse", succeed),
    REPLACE("vkQueueWaitIdle", succeed),
    REPLACE("vkDeviceWaitIdle", succeed),
    REPLACE("vkGetQueryPoolResults", read_queries),
    REPLACE("vkGetCalibratedTimestamps", succeed),
    REPLACE("vkGetBufferMemoryRequirements", buffer_needs),
    REPLACE("vkGetBufferMemoryRequirements2", buffer_needs2),
    REPLACE("vkGetImageMemoryRequirements", image_needs),
    REPLACE("vkGetImageMemoryRequirements2", image_needs2),
    {NULL, NULL},
};
