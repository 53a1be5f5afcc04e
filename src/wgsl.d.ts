/** A shader file: its text, with includes pasted (see tools/wgsl_text.mjs). */
declare module "*.wgsl" {
  const text: string;
  export default text;
}
