/** What Vite puts in the place of import.meta.env. */
interface ImportMetaEnv {
  /** Whether this is a built site, not the development server. */
  readonly PROD: boolean;
}
interface ImportMeta {
  readonly env: ImportMetaEnv;
}
