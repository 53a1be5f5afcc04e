// The data room: datasets, their order, their augmentation, and batches. It is given a ByteSource and touches no files.
export type { ArrayBatch, ArrayTransform, SampleContext } from "./array_batches.ts";
export { type ArrayDataset, type ArrayParts, arrayDataset, type SampleArray } from "./array_dataset.ts";
export { type CifarOptions, loadCifar10, loadCifar100 } from "./cifar.ts";
export { checkCounts, countsOf } from "./class_counts.ts";
export { areNamed, type ClassMatch, matchClasses, nameList } from "./class_names.ts";
export { applyColorSteps } from "./color_jitter.ts";
export * from "./crops.ts";
export {
  channelStats,
  type DatasetSplit,
  type ImageDataset,
  type ImageShape,
  imageDataset,
  normalisationTable,
  type PixelScale,
  takeSubset,
} from "./dataset.ts";
export { DataError, SourceError } from "./errors.ts";
export * from "./events/index.ts";
export { firstOfEachClass } from "./first_of_each_class.ts";
export { drawCrop, type GpuAugment } from "./gpu_augment.ts";
export { type IdxOptions, loadIdxDataset, loadIdxSplits } from "./idx_dataset.ts";
export {
  batchesOf,
  isStreamed,
  type LabelledImages,
  sampleAccess,
  testBatchesOf,
  withScale,
} from "./labelled_images.ts";
export { type BatchOf, DataLoader, type DataLoaderOptions, type DatasetInMemory, isArrays } from "./loader.ts";
export {
  FASHION_CLASSES,
  FASHION_MNIST,
  type IdxDatasetName,
  idxDatasets,
  loadFashionMnist,
  loadMnist,
  loadNamedDataset,
  MNIST,
} from "./mnist.ts";
export { checkParts } from "./parts.ts";
export { batchCount, batchIndices, shuffledOrder } from "./sampler.ts";
export { type ByteSource, checkFolder, checkPath, fetchSource, memorySource } from "./source.ts";
export type {
  ImageBatch,
  ImageBatches,
  SampleAccess,
  SampleSizes,
  StreamedBatchOptions,
  StreamedDataset,
} from "./stream.ts";
export {
  type AugmentKey,
  augmentImage,
  composeTransforms,
  type ImageTransform,
  randomCrop,
  randomHorizontalFlip,
  type TransformStep,
} from "./transforms.ts";
