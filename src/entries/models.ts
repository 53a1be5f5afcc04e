// Public entry `espalier/models`: networks by name.
export * from "../models/index.ts";
