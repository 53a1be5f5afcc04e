// Names of the data sets.

/** Image data sets held in memory as bytes. */
export const MEMORY_DATA = ["mnist", "fashion-mnist", "idx", "cifar10", "cifar100"] as const;
/** All image data sets. `images` is read during training: folders, archives, shards. */
export const IMAGE_DATA = [...MEMORY_DATA, "images"] as const;
/** Numbers in files: CSV, parquet columns, NumPy arrays. */
export const TABLE_DATA = ["table"] as const;
/** Event recordings in a user's folder. */
export const RECORDED_DATA = ["n-mnist", "dvs-gesture", "cifar10-dvs", "npz"] as const;
/** All event data sets; a sample is a number of frames. `events` is synthetic. */
export const EVENT_DATA = ["events", ...RECORDED_DATA] as const;
export type EventDataName = (typeof EVENT_DATA)[number];
export const isEventData = (name: string): name is EventDataName => (EVENT_DATA as readonly string[]).includes(name);
