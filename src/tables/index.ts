// The tables room: numbers in files as data sets of arrays.
export { readUnlabelled } from "./files.ts";
export { datasetOf, type OpenedTable, openTable, type TableInfo, type TableOptions } from "./open.ts";
export type { Choice, Samples } from "./samples.ts";
export { inOwnUnits, standardise } from "./scale.ts";
