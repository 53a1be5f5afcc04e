// Compiles SPIR-V compute shaders on the first Vulkan device: compile FILE.spv LABEL [FILE.spv LABEL ...]. The layer writes
// what the compiler says. For shaders that need features which Dawn does not offer on a device, such as f16 on NVIDIA's
// compiler without a GPU: another device's Dawn has made their SPIR-V.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

#define MOST_BINDINGS 64
#define SPIRV_MAGIC 0x07230203u
#define FIRST_INSTRUCTION 5

// Numbers of the SPIR-V specification.
enum { OP_ENTRY_POINT = 15, OP_VARIABLE = 59, OP_DECORATE = 71 };
enum { MODEL_COMPUTE = 5, DECORATION_BINDING = 33, CLASS_UNIFORM = 2 };

// Headers of Debian 12 are older than this extension.
typedef struct {
  VkStructureType type;
  void *next;
  VkBool32 matrix;
  VkBool32 robust;
} MatrixFeatures;
#define MATRIX_FEATURES ((VkStructureType)1000506000)
#define MATRIX_EXTENSION "VK_KHR_cooperative_matrix"

static VkInstance instance;
static VkDevice device;

static void fail(const char *what) {
  fprintf(stderr, "compile: %s\n", what);
  exit(1);
}

static bool has_extension(VkPhysicalDevice physical, const char *name) {
  uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(physical, NULL, &count, NULL);
  VkExtensionProperties *all = calloc(count + 1, sizeof *all);
  vkEnumerateDeviceExtensionProperties(physical, NULL, &count, all);
  bool found = false;
  for (uint32_t i = 0; i < count; i++)
    if (strcmp(all[i].extensionName, name) == 0) found = true;
  free(all);
  return found;
}

/** Open the first device with every feature that it has. */
static void open_device(void) {
  const char *debug = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  VkApplicationInfo app = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_3};
  VkInstanceCreateInfo wanted = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &app,
                                 .enabledExtensionCount = 1, .ppEnabledExtensionNames = &debug};
  if (vkCreateInstance(&wanted, NULL, &instance) != VK_SUCCESS) fail("no Vulkan instance");
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  uint32_t count = 1;
  vkEnumeratePhysicalDevices(instance, &count, &physical);
  if (!physical) fail("no device");

  const char *matrix_name = MATRIX_EXTENSION;
  bool matrices = has_extension(physical, matrix_name);
  MatrixFeatures matrix = {.type = MATRIX_FEATURES};
  VkPhysicalDeviceVulkan13Features v13 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES, .pNext = matrices ? &matrix : NULL};
  VkPhysicalDeviceVulkan12Features v12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, .pNext = &v13};
  VkPhysicalDeviceVulkan11Features v11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, .pNext = &v12};
  VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &v11};
  vkGetPhysicalDeviceFeatures2(physical, &features);
  float priority = 1;
  VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority};
  VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = &features, .queueCreateInfoCount = 1,
                             .pQueueCreateInfos = &queue, .enabledExtensionCount = matrices, .ppEnabledExtensionNames = &matrix_name};
  if (vkCreateDevice(physical, &info, NULL, &device) != VK_SUCCESS) fail("the device cannot be opened");
}

static uint32_t *read_words(const char *path, size_t *count) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  long bytes = ftell(file);
  rewind(file);
  uint32_t *words = malloc((size_t)bytes + 4);
  *count = words ? fread(words, 4, (size_t)bytes / 4, file) : 0;
  fclose(file);
  return words;
}

/** Find the entry point and the bindings of a module. All are in one descriptor set. Returns NULL without an entry point. */
static const char *reflect(const uint32_t *code, size_t words, VkDescriptorSetLayoutBinding *bindings, uint32_t *count) {
  uint32_t bound = code[3];
  int *binding_of = malloc(bound * sizeof *binding_of);
  for (uint32_t id = 0; id < bound; id++) binding_of[id] = -1;
  const char *entry = NULL;
  *count = 0;
  for (size_t at = FIRST_INSTRUCTION; at < words && code[at] >> 16 != 0; at += code[at] >> 16) {
    const uint32_t *operands = &code[at + 1];
    switch (code[at] & 0xffff) {
    case OP_ENTRY_POINT:
      if (operands[0] == MODEL_COMPUTE) entry = (const char *)&operands[2];
      break;
    case OP_DECORATE:
      if (operands[1] == DECORATION_BINDING) binding_of[operands[0]] = (int)operands[2];
      break;
    case OP_VARIABLE:
      if (binding_of[operands[1]] < 0 || *count == MOST_BINDINGS) break;
      bindings[*count] = (VkDescriptorSetLayoutBinding){.binding = (uint32_t)binding_of[operands[1]], .descriptorCount = 1,
                                                        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
      bindings[(*count)++].descriptorType =
          operands[2] == CLASS_UNIFORM ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
      break;
    }
  }
  free(binding_of);
  return entry;
}

static void set_label(VkShaderModule module, const char *label) {
  PFN_vkSetDebugUtilsObjectNameEXT set_name =
      (PFN_vkSetDebugUtilsObjectNameEXT)vkGetInstanceProcAddr(instance, "vkSetDebugUtilsObjectNameEXT");
  VkDebugUtilsObjectNameInfoEXT name = {.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                                        .objectType = VK_OBJECT_TYPE_SHADER_MODULE, .objectHandle = (uint64_t)module, .pObjectName = label};
  if (set_name) set_name(device, &name);
}

static void compile(const char *path, const char *label) {
  size_t words = 0;
  uint32_t count = 0, *code = read_words(path, &words);
  VkDescriptorSetLayoutBinding bindings[MOST_BINDINGS];
  bool is_module = code && words > FIRST_INSTRUCTION && code[0] == SPIRV_MAGIC;
  const char *entry = is_module ? reflect(code, words, bindings, &count) : NULL;
  if (!entry) {
    fprintf(stderr, "compile: %s: expected a compute shader\n", path);
    return;
  }
  VkDescriptorSetLayoutCreateInfo set_info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = count, .pBindings = bindings};
  VkDescriptorSetLayout set = VK_NULL_HANDLE;
  VkPushConstantRange constants = {VK_SHADER_STAGE_COMPUTE_BIT, 0, 128};
  VkPipelineLayoutCreateInfo layout_info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 1, .pSetLayouts = &set,
                                            .pushConstantRangeCount = 1, .pPushConstantRanges = &constants};
  VkPipelineLayout layout = VK_NULL_HANDLE;
  VkShaderModuleCreateInfo module_info = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = 4 * words, .pCode = code};
  VkShaderModule module = VK_NULL_HANDLE;
  if (vkCreateDescriptorSetLayout(device, &set_info, NULL, &set) != VK_SUCCESS) fail("no descriptor set layout");
  if (vkCreatePipelineLayout(device, &layout_info, NULL, &layout) != VK_SUCCESS) fail("no pipeline layout");
  if (vkCreateShaderModule(device, &module_info, NULL, &module) != VK_SUCCESS) fail("no shader module");
  set_label(module, label);
  VkComputePipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO, .layout = layout};
  info.stage = (VkPipelineShaderStageCreateInfo){.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                 .stage = VK_SHADER_STAGE_COMPUTE_BIT, .module = module, .pName = entry};
  VkPipeline pipeline = VK_NULL_HANDLE;
  if (vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline) != VK_SUCCESS)
    fprintf(stderr, "compile: %s: the driver refuses it\n", label);
  free(code);
}

int main(int argc, char **argv) {
  open_device();
  for (int i = 1; i + 1 < argc; i += 2) compile(argv[i], argv[i + 1]);
  return 0;
}
