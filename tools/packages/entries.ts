// The public entries of the packages, in the order of the documentation, and the files under src/ that list their names.

export const PUBLIC_ENTRIES = {
  espalier: "src/index.ts",
  "espalier/data": "src/entries/data.ts",
  "espalier/io": "src/entries/io.ts",
  "espalier/optim": "src/entries/optim.ts",
  "espalier/prune": "src/entries/prune.ts",
  "espalier/spiking": "src/entries/spiking.ts",
  "espalier/models": "src/entries/models.ts",
  "espalier/wgsl": "src/entries/wgsl.ts",
  "espalier/export": "src/export/index.ts",
  "@espalier/node": "src/node.ts",
  "@espalier/node/images": "src/entries/images.ts",
} as const;
