// How images may lie in a folder, by name.

/** `ilsvrc`: class folders to train with, and images to test with whose classes a text file says. */
export const IMAGE_LAYOUTS = ["folder", "ilsvrc", "webdataset", "parquet", "shards"] as const;
export type ImageLayout = (typeof IMAGE_LAYOUTS)[number];
