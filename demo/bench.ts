// The bench as a page: runs the cases of bench/ on the visitor's GPU, with a live table, a roofline and a JSON download.
import { cases, largeCases } from "../bench/cases/index.ts";
import type { BenchCase } from "../bench/lib/case.ts";
import type { Clock } from "../bench/lib/clock.ts";
import { betterGauge, measureGauge } from "../bench/lib/gauge.ts";
import { FORMAT, formatResults, type Results } from "../bench/lib/results.ts";
import { drawRoofline, rooflinePoints } from "../bench/lib/roofline.ts";
import { adapterName, gaugeLine } from "../bench/lib/rows.ts";
import { describeAdapter, pickClock, runCases, selectCases, titleOf } from "../bench/lib/run.ts";
import { currentGpu, requestGpu } from "../src/gpu/index.ts";
import { ResultsTable } from "./bench_table.ts";

const find = <T extends Element>(selector: string): T => {
  const element = document.querySelector<T>(selector);
  if (!element) throw new Error(`the page has no ${selector}`);
  return element;
};

const controls = find<HTMLFormElement>("#controls");
const groupBox = find<HTMLFieldSetElement>("#groups");
const filterInput = find<HTMLInputElement>("#filter");
const roundsInput = find<HTMLInputElement>("#rounds");
const largeInput = find<HTMLInputElement>("#large");
const runButton = find<HTMLButtonElement>("#run");
const stopButton = find<HTMLButtonElement>("#stop");
const downloadButton = find<HTMLButtonElement>("#download");
const countLine = find<HTMLElement>("#count");
const progress = find<HTMLElement>("#progress");
const problem = find<HTMLElement>("#problem");
const picture = find<HTMLElement>("#picture");
const table = new ResultsTable(find<HTMLTableElement>("#results"));

const PAGE_COLORS = { ink: "var(--ink)", faint: "var(--faint)", grid: "var(--line)", paper: "var(--paper)" };
const ROUND_MS = 40;
const BUDGET = 8;

let latest: Results | null = null;
let stopping: AbortController | null = null;

function showError(error: unknown): void {
  problem.textContent = error instanceof Error ? error.message : String(error);
  problem.hidden = false;
}

function chosenGroups(): Set<string> {
  return new Set([...groupBox.querySelectorAll<HTMLInputElement>("input:checked")].map((box) => box.value));
}

function chosenCases(): BenchCase[] {
  const groups = chosenGroups();
  const words = filterInput.value.trim();
  const pool = (largeInput.checked ? largeCases : cases).filter((c) => groups.has(c.group));
  return selectCases(pool, words ? [words] : []);
}

function refresh(): void {
  const { length } = chosenCases();
  countLine.textContent = `${length} ${length === 1 ? "case" : "cases"}`;
  runButton.disabled = stopping !== null || length === 0 || !ready;
  stopButton.disabled = stopping === null;
  downloadButton.disabled = latest === null;
}

function listGroups(): void {
  // ?group=matmul&filter=256 chooses from the address.
  const query = new URLSearchParams(location.search);
  const requested = query.getAll("group");
  filterInput.value = query.get("filter") ?? "";
  for (const group of new Set(cases.map((c) => c.group))) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = group;
    box.checked = requested.length === 0 || requested.includes(group);
    label.append(box, ` ${group}`);
    groupBox.append(label);
  }
}

function draw(results: Results): void {
  if (rooflinePoints(results).length === 0) return;
  picture.replaceChildren(drawRoofline(results, { document, colors: PAGE_COLORS }));
}

async function run(): Promise<void> {
  const chosen = chosenCases();
  const { signal } = stopping!;
  table.clear();
  picture.replaceChildren();
  progress.textContent = "Measuring the peaks of this adapter ...";
  const clock: Clock = await pickClock();
  const gauge = await measureGauge({ clock });
  const settings = {
    rounds: roundsInput.valueAsNumber,
    budget: BUDGET,
    roundMs: ROUND_MS,
    clock,
    filter: [...chosenGroups(), filterInput.value.trim()].filter(Boolean),
    large: largeInput.checked,
    shaderCache: null,
  };
  let results: Results = {
    format: FORMAT,
    complete: false,
    started: new Date().toISOString(),
    commit: null,
    versions: { browser: navigator.userAgent },
    adapter: describeAdapter(),
    settings,
    gauge,
    cases: [],
  };
  const scale = () => `${gaugeLine(results.gauge)}; clock: ${clock}`;
  await runCases(chosen, {
    rounds: settings.rounds,
    budget: BUDGET,
    roundMs: ROUND_MS,
    clock,
    signal,
    onStart: (c, i, count) => {
      progress.textContent = `${i + 1} of ${count}: ${titleOf(c)}. ${scale()}`;
    },
    onResult: (result) => {
      results = { ...results, cases: [...results.cases, result] };
      latest = results;
      table.add(result, gauge);
      draw(results);
      refresh();
    },
  });
  if (!signal.aborted) {
    results = { ...results, complete: true, gauge: betterGauge(gauge, await measureGauge({ clock })) };
    latest = results;
    table.clear();
    for (const result of results.cases) table.add(result, results.gauge);
    draw(results);
  }
  const failed = results.cases.filter((c) => c.kind === "failure").length;
  const end = signal.aborted ? "Stopped" : "Done";
  progress.textContent = `${end}: ${results.cases.length} cases, ${failed} failed. ${scale()}`;
}

function download(results: Results): void {
  const url = URL.createObjectURL(new Blob([formatResults(results)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `espalier-bench-${results.started.slice(0, 19).replaceAll(":", "-")}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

controls.addEventListener("input", refresh);
controls.addEventListener("submit", (event) => {
  event.preventDefault();
  if (stopping || runButton.disabled) return;
  stopping = new AbortController();
  problem.hidden = true;
  refresh();
  run()
    .catch(showError)
    .finally(() => {
      stopping = null;
      refresh();
    });
});
stopButton.addEventListener("click", () => {
  stopping?.abort();
  progress.textContent = "Stopping after this round ...";
});
downloadButton.addEventListener("click", () => {
  if (latest) download(latest);
});

let ready = false;
listGroups();
refresh();
try {
  if (!navigator.gpu) {
    const secure = globalThis.isSecureContext ? "" : " Pages over plain http have it only on localhost.";
    throw new Error(
      `This browser has no WebGPU. Chrome and Edge from version 113, Safari from 26 and Firefox from 141 have it.${secure}`,
    );
  }
  await requestGpu();
  const { software } = currentGpu().adapter;
  const name = adapterName(currentGpu().adapter);
  find("#adapter").textContent = software ? `${name}: a software adapter, very slow` : name;
  largeInput.checked = !software && new URLSearchParams(location.search).has("large");
  ready = true;
} catch (error) {
  find("#adapter").textContent = "No GPU";
  showError(error);
}
refresh();
