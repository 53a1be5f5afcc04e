// Public entry `@espalier/node/images`: images on disk as batches of bytes.
export * from "../images/index.ts";
