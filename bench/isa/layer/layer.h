// Parts of the Vulkan layer: layer.c (entry points), null_hardware.c (commands that do nothing), dump.c (compiler output).
#ifndef ESPALIER_LAYER_H
#define ESPALIER_LAYER_H

#include <stdbool.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

/** A function that replaces the driver's function of the same name. `name` has no suffix KHR or EXT. */
typedef struct {
  const char *name;
  PFN_vkVoidFunction function;
} Replacement;

#define REPLACE(name, function) {name, (PFN_vkVoidFunction)(function)}

/** Replacements on a device of RADV's null hardware. The last entry has no name. */
extern const Replacement null_hardware_functions[];
/** Function of every command on such a device, `vkCmd...`. */
extern const PFN_vkVoidFunction null_command;
/** Add a memory type where the driver offers none. */
void add_memory_type(VkPhysicalDeviceMemoryProperties *memory);

/** Replacements on a device whose compiler output is written to the folder ISA_DUMP. The last entry has no name. */
extern const Replacement dump_functions[];
/** Replacement of vkSetDebugUtilsObjectNameEXT, which the loader looks up by the instance. */
extern const Replacement dump_instance_functions[];

/** Return the function of the next layer or of the driver. */
PFN_vkVoidFunction next_device_function(VkDevice device, const char *name);
#define NEXT(device, name) ((PFN_##name)next_device_function(device, #name))

#endif
