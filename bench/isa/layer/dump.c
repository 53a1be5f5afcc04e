// Writes a file per compute pipeline to the folder ISA_DUMP: its name, the compiler's statistics and its assembly. The SPIR-V
// of each module is written beside it. Names come from vkSetDebugUtilsObjectNameEXT.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "layer.h"

#define MOST_STATISTICS 64
#define MOST_TEXTS 16

typedef struct Module {
  VkShaderModule handle;
  unsigned number; // of its file
  char *label;
  struct Module *next;
} Module;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Module *modules; // the latest first, because drivers use a handle again
static unsigned last_file;

static Module *find_module(VkShaderModule handle) {
  for (Module *module = modules; module; module = module->next)
    if (module->handle == handle) return module;
  return NULL;
}

static FILE *open_file(unsigned number, const char *ending) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%d-%05u.%s", getenv("ISA_DUMP"), (int)getpid(), number, ending);
  FILE *file = fopen(path, "wb");
  if (!file) perror(path);
  return file;
}

static VkResult VKAPI_CALL create_module(VkDevice device, const VkShaderModuleCreateInfo *info, const VkAllocationCallbacks *callbacks,
                                         VkShaderModule *made) {
  VkResult result = NEXT(device, vkCreateShaderModule)(device, info, callbacks, made);
  if (result != VK_SUCCESS) return result;
  Module *module = calloc(1, sizeof *module);
  if (!module) return result;
  pthread_mutex_lock(&lock);
  module->handle = *made;
  module->number = ++last_file;
  module->next = modules;
  modules = module;
  FILE *file = open_file(module->number, "spv");
  pthread_mutex_unlock(&lock);
  if (file) {
    fwrite(info->pCode, 1, info->codeSize, file);
    fclose(file);
  }
  return result;
}

static VkResult VKAPI_CALL set_name(VkDevice device, const VkDebugUtilsObjectNameInfoEXT *info) {
  (void)device;
  if (info->objectType != VK_OBJECT_TYPE_SHADER_MODULE || !info->pObjectName) return VK_SUCCESS;
  pthread_mutex_lock(&lock);
  Module *module = find_module((VkShaderModule)info->objectHandle);
  if (module) {
    free(module->label);
    module->label = strdup(info->pObjectName);
  }
  pthread_mutex_unlock(&lock);
  return VK_SUCCESS;
}

// ---- The output of the compiler ----

static void write_statistics(VkDevice device, const VkPipelineExecutableInfoKHR *executable, FILE *file) {
  VkPipelineExecutableStatisticKHR all[MOST_STATISTICS];
  memset(all, 0, sizeof all);
  for (int i = 0; i < MOST_STATISTICS; i++) all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
  uint32_t count = MOST_STATISTICS;
  NEXT(device, vkGetPipelineExecutableStatisticsKHR)(device, executable, &count, all);
  for (uint32_t i = 0; i < count; i++) {
    if (all[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR)
      fprintf(file, "%s: %g\n", all[i].name, all[i].value.f64);
    else
      fprintf(file, "%s: %llu\n", all[i].name, (unsigned long long)all[i].value.u64);
  }
}

static void write_texts(VkDevice device, const VkPipelineExecutableInfoKHR *executable, FILE *file) {
  VkPipelineExecutableInternalRepresentationKHR all[MOST_TEXTS];
  memset(all, 0, sizeof all);
  for (int i = 0; i < MOST_TEXTS; i++) all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR;
  PFN_vkGetPipelineExecutableInternalRepresentationsKHR get = NEXT(device, vkGetPipelineExecutableInternalRepresentationsKHR);
  uint32_t count = MOST_TEXTS;
  get(device, executable, &count, all); // sizes
  for (uint32_t i = 0; i < count; i++) all[i].pData = calloc(1, all[i].dataSize + 1);
  get(device, executable, &count, all); // texts
  for (uint32_t i = 0; i < count; i++) {
    if (all[i].pData && all[i].isText && (getenv("ISA_IR") || strcasestr(all[i].name, "assembl")))
      fprintf(file, "--- %s\n%s\n", all[i].name, (const char *)all[i].pData);
    free(all[i].pData);
  }
}

static void write_pipeline(VkDevice device, VkPipeline pipeline, FILE *file) {
  VkPipelineInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
  VkPipelineExecutablePropertiesKHR properties = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
  uint32_t count = 1; // a compute pipeline has one executable
  NEXT(device, vkGetPipelineExecutablePropertiesKHR)(device, &info, &count, &properties);
  fprintf(file, "Subgroup size: %u\n", properties.subgroupSize);
  VkPipelineExecutableInfoKHR executable = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline};
  write_statistics(device, &executable, file);
  write_texts(device, &executable, file);
}

static void write_new_pipeline(VkDevice device, VkPipeline pipeline, VkShaderModule handle) {
  pthread_mutex_lock(&lock);
  Module *module = find_module(handle);
  FILE *file = open_file(++last_file, "txt");
  if (file && module) {
    fprintf(file, "name: %s\n", module->label ? module->label : "");
    fprintf(file, "module: %d-%05u.spv\n", (int)getpid(), module->number);
  }
  pthread_mutex_unlock(&lock);
  if (!file) return;
  write_pipeline(device, pipeline, file);
  fclose(file);
}

static VkResult VKAPI_CALL create_pipelines(VkDevice device, VkPipelineCache cache, uint32_t count,
                                            const VkComputePipelineCreateInfo *infos, const VkAllocationCallbacks *callbacks,
                                            VkPipeline *made) {
  VkComputePipelineCreateInfo *changed = malloc(count * sizeof *changed);
  if (!changed) return VK_ERROR_OUT_OF_HOST_MEMORY;
  for (uint32_t i = 0; i < count; i++) {
    changed[i] = infos[i];
    changed[i].flags |=
        VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR | VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR;
  }
  VkResult result = NEXT(device, vkCreateComputePipelines)(device, cache, count, changed, callbacks, made);
  free(changed);
  for (uint32_t i = 0; i < count && result == VK_SUCCESS; i++) write_new_pipeline(device, made[i], infos[i].stage.module);
  return result;
}

const Replacement dump_functions[] = {
    REPLACE("vkCreateShaderModule", create_module),
    REPLACE("vkCreateComputePipelines", create_pipelines),
    {NULL, NULL},
};

const Replacement dump_instance_functions[] = {
    REPLACE("vkSetDebugUtilsObjectName", set_name),
    {NULL, NULL},
};
