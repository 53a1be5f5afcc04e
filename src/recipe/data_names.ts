// Names of the data that is still images.

/** Held in memory as bytes. */
export const MEMORY_DATA = ["mnist", "fashion-mnist", "idx", "cifar10", "cifar100"] as const;
/** All of it. `images` is read while it is needed: folders, archives, shards. */
export const IMAGE_DATA = [...MEMORY_DATA, "images"] as const;
/** Recordings in a folder of the user's. */
export const RECORDED_DATA = ["n-mnist", "dvs-gesture", "cifar10-dvs", "npz"] as const;
/** Data made of events: a sample is a number of frames. `events` is made up. */
export const EVENT_DATA = ["events", ...RECORDED_DATA] as const;
export type EventDataName = (typeof EVENT_DATA)[number];
export const isEventData = (name: string): name is EventDataName => (EVENT_DATA as readonly string[]).includes(name);
