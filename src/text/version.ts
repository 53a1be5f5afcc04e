// The version of the three packages. `npm run version` writes this file.

/** Version of Espalier, such as "0.1.0". */
export const VERSION = "0.1.0";
