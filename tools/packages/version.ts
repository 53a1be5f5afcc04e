// Part of `npm run version`: writes the version that the changesets gave to the packages into src/text/version.ts.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { manifestOf, ROOT } from "./scripts.ts";

const { version } = manifestOf<{ readonly version: string }>("espalier");
const text = `// The version of the three packages. \`npm run version\` writes this file.

/** Version of Espalier, such as "0.1.0". */
export const VERSION = ${JSON.stringify(version)};
`;
writeFileSync(join(ROOT, "src/text/version.ts"), text);
