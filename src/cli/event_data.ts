// Names of the data that is events.

/** Data made of events: a sample is a number of frames. */
export const EVENT_DATA = ["events", "n-mnist", "dvs-gesture", "cifar10-dvs", "npz"] as const;
export type EventDataName = (typeof EVENT_DATA)[number];
export const isEventData = (name: string): name is EventDataName => (EVENT_DATA as readonly string[]).includes(name);
