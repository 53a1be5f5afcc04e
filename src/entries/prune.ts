// Public entry `espalier/prune`: pruning methods, threshold schedules and measures.
export * from "../prune/index.ts";
