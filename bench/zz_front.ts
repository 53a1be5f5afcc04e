import { readFileSync } from "node:fs";
import { requestGpu } from "/work/main/src/gpu/index.ts";
import { installGpu } from "/work/main/src/node/dawn.ts";
import { runFixtures } from "/work/main/tools/golden/runner.ts";
import { fileLine, problemLines } from "/work/main/tools/golden/report.ts";
const handlers: any = {};
for (const f of ["matmul","conv","norm","optim","pool","elementwise","reduce","sparse","learned_threshold","training"]) {
  try { const m = await import(`/work/main/tools/golden/ops_${f}.ts`); Object.assign(handlers, ...Object.values(m).filter((v:any)=>typeof v==="object" && !Array.isArray(v))); } catch (e) { console.log("skip", f, String((e as Error).message).slice(0,100)); }
}
await installGpu(process.env.AD ? {adapter: process.env.AD} : {}); await requestGpu();
const rs = [];
for (const g of process.argv.slice(2)) { const r = await runFixtures(new Uint8Array(readFileSync(`/work/shared/golden/${g}.safetensors`)), g, handlers); rs.push(r); console.log(fileLine(r)); }
for (const l of problemLines(rs)) console.log(l.slice(0,400));
try { const {runSchedules} = await import("/work/main/tools/golden/schedules.ts"); const r=runSchedules(JSON.parse(readFileSync("/work/shared/golden/schedules.json","utf8")),"schedules.json"); console.log(fileLine(r)); for (const l of problemLines([r])) console.log(l); } catch(e) { console.log(e) }
process.exit(0);
