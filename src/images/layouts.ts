// Layouts of images in a folder, by name.

/** `ilsvrc`: class folders for training, and test images with classes in a text file. */
export const IMAGE_LAYOUTS = ["folder", "ilsvrc", "webdataset", "parquet", "shards"] as const;
/** Kind of a folder of images; see IMAGE_LAYOUTS. */
export type ImageLayout = (typeof IMAGE_LAYOUTS)[number];

/** Share of each class that is held out for testing if there is no test set. */
export const HELD_OUT = 0.1;
/** Side of the square that a network sees, as on ImageNet. */
export const IMAGE_SIZE = 224;
