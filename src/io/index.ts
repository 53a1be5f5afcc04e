// The io room: bytes into named arrays and back, strictly.
export { type ArrayDtype, type FileArray, type FileArrayInput, float32Fault, toFloat32 } from "./array_types.ts";
export { Crc32c, crc32c } from "./crc32c.ts";
export { DamagedFileError } from "./damaged.ts";
export * from "./events/index.ts";
export { type FileRanges, fileRangesOf } from "./file_ranges.ts";
export { GzipError, gunzip, gunzipIfPacked, isGzip } from "./gzip.ts";
export { IdxError, parseIdx } from "./idx.ts";
export { fromInt8, type Int8Weight, int8Weight, roundEven } from "./int8_codes.ts";
export { writeInt8Model } from "./int8_weights.ts";
export * from "./key_map.ts";
export { MODEL_FORMS, type ModelFormName, writeModelForm } from "./model_forms.ts";
export { type NirArray, NirError, type NirGraph, type NirNode } from "./nir_graph.ts";
export { NpyError, parseNpy, writeNpy } from "./npy.ts";
export {
  type FileParts,
  joinParts,
  parseSafetensors,
  parseSafetensorsHeader,
  readSafetensors,
  SafetensorsError,
  type SafetensorsFile,
  type SafetensorsHeader,
  safetensorsHeaderLength,
  safetensorsParts,
  type TensorInfo,
  writeSafetensors,
} from "./safetensors.ts";
export * from "./shard.ts";
export * from "./shard_index.ts";
export {
  readModelWeights,
  SPARSE_LAYOUTS,
  type SparseLayout,
  type StoredArray,
  sparseBytes,
  storedArrays,
  writeSparseModel,
} from "./sparse_weights.ts";
export * from "./torch/index.ts";
export { WeightsError } from "./weights_entry.ts";
export {
  type OpenWeights,
  openWeights,
  readWeights,
  type TakeOptions,
  type WeightsFile,
} from "./weights_file.ts";
export { readZip, writeZip, ZipError } from "./zip.ts";
