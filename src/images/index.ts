// Image data on disk: encoded images from folders and archives, decoded by all cores, or shards of decoded images.
export { type DecodeOptions, type DecodePlan, type DecodePlanner, decodeImage } from "./decode.ts";
export {
  centralPlan,
  type DecodedOptions,
  decodedDataset,
  IMAGENET_MEAN,
  IMAGENET_STD,
  resizeFor,
} from "./decoded_dataset.ts";
export { type EncodedSource, holdOut, ImageError, type ImageGroups } from "./encoded_source.ts";
export { type ImageFolderOptions, imagePaths, openImageFolder } from "./folder.ts";
export { IMAGE_LAYOUTS, type ImageLayout } from "./layouts.ts";
export {
  type ImageData,
  type ImageDataOptions,
  type ImageSourceOptions,
  imageLayout,
  openImageData,
  openImageSources,
} from "./open.ts";
export { type PackOptions, packShards } from "./pack.ts";
export { openParquet, type ParquetOptions } from "./parquet.ts";
export type { SkippedFiles } from "./passed_over.ts";
export { sourceDigest, spread } from "./sample_digest.ts";
export { openShards, type ShardOptions } from "./shard_dataset.ts";
export { loadSharp, poolAdvice } from "./sharp.ts";
export type { ImageSources, SourcesInfo } from "./sources.ts";
export type { MeasuredDataset } from "./streamed_images.ts";
export { openWebdataset, type WebdatasetOptions } from "./webdataset.ts";
