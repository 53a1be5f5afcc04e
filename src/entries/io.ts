// Public entry `espalier/io`: file formats.
export * from "../io/index.ts";
