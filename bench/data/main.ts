// `npm run bench:data`: the loaders alone, without a GPU.
import { threeDigits } from "../lib/rows.ts";
import { dataCases } from "./cases.ts";

for (const { name, measure } of dataCases) {
  process.stdout.write(`${name}\n`);
  for (const figure of await measure()) {
    process.stdout.write(`  ${figure.name.padEnd(24)}${threeDigits(figure.value).padStart(8)} ${figure.unit}\n`);
  }
}
