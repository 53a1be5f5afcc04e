// Names of the data that is still images.

/** Held in memory as bytes. */
export const MEMORY_DATA = ["mnist", "fashion-mnist", "idx", "cifar10", "cifar100"] as const;
/** All of it. `images` is read while it is needed: folders, archives, shards. */
export const IMAGE_DATA = [...MEMORY_DATA, "images"] as const;
export type ImageDataName = (typeof IMAGE_DATA)[number];
