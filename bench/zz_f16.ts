import { installGpu } from "../src/node.ts";
import * as all from "../src/internal.ts";
await installGpu();
const gpu = await all.requestGpu();
const name = process.argv[2] ?? "lenet-bn";
const size = Number(process.argv[3] ?? 28), ch = Number(process.argv[4] ?? 1), n = Number(process.argv[5] ?? 16);
const run = async (precision: "f32" | "f16") => {
  all.manualSeed(1);
  const model = all.buildModel(name, { channels: ch, size, classes: 10 });
  const optimizer = new all.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const step = new all.TrainStep({ model, optimizer, sample: [ch, size, size], precision });
  const x = new Float32Array(n * ch * size * size).map((_, i) => Math.sin(i * 12.9898) );
  const y = Int32Array.from({ length: n }, (_, i) => i % 10);
  for (let k = 0; k < 10; k++) step.run({ x, y, size: n }, { step: k });
  const r = await step.read(0, 10);
  console.log(precision, r.steps.map((s: any) => s.loss.toFixed(4)).join(" "), r.lossScale, step.memory());
  const d = step.describe(); 
  if (process.argv[6]) { const m = new Map(); for (const c of d) m.set(c.kernel, [(m.get(c.kernel)?.[0] ?? 0) + 1, (m.get(c.kernel)?.[1] ?? 0) + c.bytes]); console.log([...m].sort((a,b)=>b[1][1]-a[1][1]).slice(0,30).map(([k,v])=>`${k} ${v[0]} ${(v[1]/1e6).toFixed(2)}`).join("\n")); }
};
await run("f32");
await run("f16").catch((e) => console.log(String(e.stack).split("\n").slice(0, 6).join("\n")));
gpu.destroy();
