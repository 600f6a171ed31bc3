/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** True in the bundles of `embed/`. */
  readonly DAIS_EMBEDDED?: boolean;
}
