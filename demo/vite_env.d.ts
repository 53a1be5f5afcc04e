/** The values of import.meta.env, which Vite replaces. */
interface ImportMetaEnv {
  /** True in a built site, false in the development server. */
  readonly PROD: boolean;
}
interface ImportMeta {
  readonly env: ImportMetaEnv;
}
