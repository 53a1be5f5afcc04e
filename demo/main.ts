// The page of the demo: settings go to the worker, its reports go to the panels.
import type { Command, Lane, Report } from "./shared/protocol.ts";
import type { Settings } from "./shared/settings.ts";
import { addressOf, settingsOf } from "./ui/address.ts";
import { Curves } from "./ui/curves.ts";
import { atMostEvery, find, save, setText } from "./ui/dom.ts";
import { METHOD_NAMES, SOURCE_NAMES } from "./ui/fields.ts";
import { FilesPanel } from "./ui/files_panel.ts";
import { SettingsForm } from "./ui/form.ts";
import { Frames } from "./ui/frames.ts";
import { HistogramPanel } from "./ui/histogram_panel.ts";
import { History } from "./ui/history.ts";
import { LayersPanel } from "./ui/layers_panel.ts";
import { WorkerLink } from "./ui/link.ts";
import { say, tell } from "./ui/messages.ts";
import type { ThresholdMove } from "./ui/metrics_file.ts";
import { count, percent } from "./ui/numbers.ts";
import { keepForOffline } from "./ui/offline.ts";
import { PadPanel } from "./ui/pad_panel.ts";
import { RunBar } from "./ui/run_bar.ts";
import { SpikesPanel } from "./ui/spikes_panel.ts";
import { StatsPanel } from "./ui/stats_panel.ts";
import { onThemeChange } from "./ui/theme.ts";
import { TimelinePanel } from "./ui/timeline_panel.ts";
import { WeightsPanel } from "./ui/weights_panel.ts";

type Built = Extract<Report, { kind: "built" }>;

const frames = new Frames();
const stats = new StatsPanel();
const curves = new Curves(frames);
const weights = new WeightsPanel(frames);
const histogram = new HistogramPanel(frames);
const layers = new LayersPanel();
const timeline = new TimelinePanel(frames);
const spikes = new SpikesPanel(frames);

let built: Built | null = null;
let adapter = "";
let sources: readonly string[] = [];
let histories: History[] = [];
let moves: ThresholdMove[] = [];
let names: string[] = [];
/** A build that the worker has not answered yet: reports until then are of networks that are gone. */
let building = false;
let opened = false;

const link = new WorkerLink(hear, (reason) => {
  if (opened) tell("problem", `The worker stopped: ${reason}. Load the page again to go on.`);
  else showNoGpu(`The part that trains did not start: ${reason}.`);
});
const send = (command: Command, transfer: Transferable[] = []) => link.send(command, transfer);

const pad = new PadPanel(send);
const askPad = atMostEvery(1000, () => pad.refresh());

const buildSoon = later(350, () => build(form.settings));
const form = new SettingsForm(find("#fields"), {
  change(settings) {
    // Before the first step a change is at once in the networks; after it, it waits for a reset.
    if (bar.step === 0 && !bar.running) buildSoon.call();
    else bar.pend(true);
    keep(settings);
  },
  threshold(final, settings) {
    sendThreshold(final);
    keep(settings);
  },
});
const sendThreshold = (() => {
  let value = 0;
  const go = atMostEvery(60, () => {
    send({ kind: "threshold", final: value });
    moves.push({ step: histories[0]?.last?.step ?? bar.step, threshold: value });
  });
  return (final: number) => {
    value = final;
    go();
  };
})();

const bar = new RunBar({
  send(command) {
    // What was just set is what runs.
    buildSoon.flush();
    send(command);
  },
  reset: () => build(form.settings),
});

const files = new FilesPanel({
  send,
  facts: () => ({
    settings: built?.settings ?? form.settings,
    adapter,
    moves,
    lanes: histories.map((history, i) => ({ method: built?.lanes[i]?.method ?? "", points: history.points })),
  }),
  address: () => `${location.href.replace(/#.*/, "")}${addressOf(form.settings)}`,
});

interface Later {
  call(): void;
  /** Does at once what waits; nothing where nothing does. */
  flush(): void;
  cancel(): void;
}

/** Does something once, `ms` after the last of several calls. */
function later(ms: number, work: () => void): Later {
  let timer = 0;
  const cancel = () => {
    clearTimeout(timer);
    timer = 0;
  };
  const flush = () => {
    if (timer === 0) return;
    cancel();
    work();
  };
  return {
    call() {
      cancel();
      timer = window.setTimeout(flush, ms);
    },
    flush,
    cancel,
  };
}

/** The address follows the form, without a new entry in the history. */
function keep(settings: Settings): void {
  history.replaceState(null, "", `${location.pathname}${location.search}${addressOf(settings)}`);
}

function build(settings: Settings): void {
  buildSoon.cancel();
  building = true;
  bar.wait();
  send({ kind: "build", settings });
}

/** Settings of the address; what cannot be is said and left out. */
function restore(): Settings {
  const { settings, ignored } = settingsOf(location.hash);
  if (ignored.length > 0) tell("notice", `Not understood in the address, and left out: ${ignored.join(", ")}.`);
  if (sources.includes(settings.data)) return settings;
  const why = settings.data === "files" ? "Drop the files on the page again" : "It is not here";
  tell("notice", `${SOURCE_NAMES[settings.data]}: ${why}. MNIST is used instead.`);
  return { ...settings, data: "mnist" };
}

function showNoGpu(reason: string): void {
  setText(find("#no-gpu-reason"), reason);
  find<HTMLElement>("#no-gpu").hidden = false;
  find<HTMLElement>("#stage").hidden = true;
  setText(find("#adapter"), "No GPU that this page could use.");
}

function watch(): void {
  send({
    kind: "watch",
    pictures: !document.hidden,
    timeline: !document.hidden && find<HTMLDetailsElement>("#timeline-panel").open,
    spikes: !document.hidden && built?.settings.model === "spiking-cnn",
  });
}

/** What the page calls a thing, or its own name. */
function calledIn(known: Readonly<Record<string, string>>, name: string): string {
  return (Object.hasOwn(known, name) && known[name]) || name;
}

const nameOf = (method: string): string => calledIn(METHOD_NAMES, method);

function startOver(report: Built): void {
  built = report;
  building = false;
  names = report.lanes.map(({ method }) => nameOf(method));
  if (names[0] === names[1]) names = names.map((name, i) => `${name} (${i + 1})`);
  histories = names.map(() => new History());
  moves = [];
  const lanes = report.lanes.map((lane, i) => ({ ...lane, method: names[i]! }));
  form.show({ ...form.settings, ...report.settings });
  bar.ready();
  stats.reset(names, report.totalSteps, report.stepsPerEpoch);
  curves.reset(names, histories);
  weights.reset(lanes);
  histogram.reset(lanes);
  layers.reset(lanes);
  timeline.reset();
  spikes.reset(names, report.settings.model === "spiking-cnn");
  pad.reset(names, report.data.classes);
  files.reset(names);
  const { data } = report;
  const parameters = count(report.lanes[0]?.parameters);
  const source = calledIn(SOURCE_NAMES, data.name);
  const pictures = `${count(data.train)} pictures to learn from, ${count(data.test)} to test`;
  setText(find("#about-run"), `${source}: ${pictures}. ${parameters} parameters.`);
  watch();
}

function takePoints(lane: Lane, points: Extract<Report, { kind: "points" }>["points"]): void {
  const history = histories[lane];
  const last = points.at(-1);
  if (!history || !last) return;
  history.add(points);
  if (lane === 0) stats.step(last.step);
  stats.update(lane, history);
  curves.changed();
}

type Hearers = { readonly [Kind in Report["kind"]]: (report: Extract<Report, { kind: Kind }>) => void };

const hearers: Hearers = {
  opened(report) {
    opened = true;
    adapter = report.adapter;
    sources = report.sources;
    form.offer(sources);
    const slow = report.software ? ", a software adapter: expect it to be slow" : "";
    setText(find("#adapter"), `Runs on ${adapter}${slow}.`);
    const settings = restore();
    form.show(settings);
    keep(settings);
    build(settings);
  },
  "no-gpu": ({ reason }) => showNoGpu(reason),
  built: startOver,
  state(report) {
    bar.show(report);
    stats.step(report.step);
    say(stats.sentence(report.step, histories, bar.word));
  },
  points({ lane, points }) {
    takePoints(lane, points);
    say(stats.sentence(points.at(-1)?.step ?? bar.step, histories, bar.word));
  },
  picture(report) {
    weights.take(report.lane, report.layers);
    histogram.take(report.lane, report.layers);
    layers.take(report.lane, report.layers, report.sparseBytes);
    stats.size(report.lane, report.sparseBytes);
    askPad();
  },
  timeline: ({ rows }) => timeline.take(rows),
  spikes: (report) => spikes.take(report),
  classified(report) {
    const lanes = report.lanes.map((lane, i) => ({ ...lane, method: names[i] ?? nameOf(lane.method) }));
    pad.take({ ...report, lanes });
  },
  sample: (report) => pad.takeSample(report),
  exported: ({ name, bytes }) => save(name, new Uint8Array(bytes), "application/octet-stream"),
  imported({ name, accuracy, sparsity }) {
    const facts = `test accuracy ${percent(accuracy)}, ${percent(sparsity)} zeros`;
    tell("notice", `${name} is in place of ${names[0]}: ${facts}.`);
  },
  "data-ready"({ name, train, test, classes }) {
    const facts = `${count(train)} pictures to learn from, ${count(test)} to test, ${count(classes.length)} classes`;
    tell("notice", `${name}: ${facts}.`);
    sources = [...new Set([...sources, "files"])];
    form.offer(sources);
    const settings: Settings = { ...form.settings, data: "files" };
    form.show(settings);
    keep(settings);
    build(settings);
  },
  problem({ message }) {
    if (building) {
      building = false;
      bar.failed();
    }
    tell("problem", message);
  },
  lost({ reason }) {
    tell("problem", `The GPU was lost: ${reason} Training starts again from its last snapshot.`);
    say("The GPU was lost.", true);
  },
  restored({ step }) {
    for (const history of histories) history.rewind(step);
    curves.changed();
    stats.step(step);
    tell("notice", `Back again at step ${count(step)}.`);
  },
};

const OF_A_RUN: ReadonlySet<Report["kind"]> = new Set([
  "points",
  "picture",
  "state",
  "spikes",
  "timeline",
  "classified",
]);

function hear(report: Report): void {
  // The networks on the page are about to go: what is still on its way is of no use.
  if (building && OF_A_RUN.has(report.kind)) return;
  (hearers[report.kind] as (report: Report) => void)(report);
}

onThemeChange(() => {
  curves.recolor();
  frames.markAll();
});
document.addEventListener("visibilitychange", watch);
find("#timeline-panel").addEventListener("toggle", watch);
// Canvases are drawn at their size on the page.
const redraw = later(120, () => frames.markAll());
window.addEventListener("resize", () => redraw.call());
window.addEventListener("hashchange", () => {
  if (!opened) return;
  const settings = restore();
  form.show(settings);
  build(settings);
});
// On a phone the plots come before the settings.
find<HTMLDetailsElement>("#settings").open = matchMedia("(min-width: 900px)").matches;

send({ kind: "open", assets: new URL("./", document.baseURI).href });
keepForOffline();
