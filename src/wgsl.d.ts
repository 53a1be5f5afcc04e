/** A shader file: its text, with includes pasted (see tools/wgsl_text.mjs). */
declare module "*.wgsl" {
  const text: string;
  export default text;
}

/** A shader file as it is: the text has its `//!include` lines. */
declare module "*.wgsl?raw" {
  const text: string;
  export default text;
}
