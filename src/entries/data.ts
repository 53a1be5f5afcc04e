// Public entry `espalier/data`: data sets, samplers, augmentation and loaders.
export * from "../data/index.ts";
