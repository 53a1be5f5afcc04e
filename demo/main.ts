// The page of the demo: sends settings to the worker and its reports to the panels.
import { Inside } from "./inside/inside.ts";
import type { Command, Lane, Report, ThresholdMove } from "./shared/protocol.ts";
import type { Settings } from "./shared/settings.ts";
import { Stage } from "./stage/stage.ts";
import { Story, storyOf } from "./story/story.ts";
import { applyView, playsOnOpening } from "./story/views.ts";
import { writeLanguageLinks, writePageTexts } from "./texts/page_texts.ts";
import { named, t } from "./texts/text.ts";
import { addressOf, settingsOf } from "./ui/address.ts";
import { debounce } from "./ui/debounce.ts";
import { atMostEvery, find, latestEvery, save, setText } from "./ui/dom.ts";
import { SCHEDULED } from "./ui/fields.ts";
import { FilesPanel } from "./ui/files_panel.ts";
import { SettingsForm } from "./ui/form.ts";
import { Frames } from "./ui/frames.ts";
import { History } from "./ui/history.ts";
import { laneNames, methodName } from "./ui/lane_names.ts";
import { WorkerLink } from "./ui/link.ts";
import { LongRun } from "./ui/long_run.ts";
import { announce, notify } from "./ui/messages.ts";
import { count, percent } from "./ui/numbers.ts";
import { keepForOffline } from "./ui/offline.ts";
import { PadPanel } from "./ui/pad_panel.ts";
import { RunBar } from "./ui/run_bar.ts";
import { SpeedPanel } from "./ui/speed_panel.ts";
import { StatsPanel } from "./ui/stats_panel.ts";
import { mayMove, onThemeChange } from "./ui/theme.ts";

type Built = Extract<Report, { kind: "built" }>;

applyView();
writePageTexts();
writeLanguageLinks(find("#languages"));

const frames = new Frames();
const stats = new StatsPanel();
const inside = new Inside(frames);

const longRun = new LongRun();
const story = new Story(find("#story"));

const stage = new Stage(frames, {
  threshold: (final) => form.setThreshold(final),
  tempo: (tempo) => send({ kind: "tempo", tempo }),
  again() {
    runSoon = true;
    build(form.settings);
  },
});

/** True if the run begins once the networks are built: on a GPU with the default settings, or again. */
let runSoon = false;
let built: Built | null = null;
let adapter = "";
let sources: readonly string[] = [];
let histories: History[] = [];
let moves: ThresholdMove[] = [];
/** Moves of D that a link asks for. */
let planned: readonly ThresholdMove[] = [];
let names: string[] = [];
/** True while the worker builds: reports until then belong to the previous networks. */
let building = false;
let opened = false;

const link = new WorkerLink(handle, (reason) => {
  if (opened) notify("problem", t("message.worker", { reason }));
  else showNoGpu(t("no-gpu.worker", { reason }));
});
const send = (command: Command, transfer: Transferable[] = []) => link.send(command, transfer);

const pad = new PadPanel(send);
const askPad = atMostEvery(1000, () => pad.refresh());

const buildSoon = debounce(350, () => build(form.settings));
const form = new SettingsForm(find("#fields"), {
  change(settings) {
    planned = [];
    runSoon = false;
    // Before the first step a change rebuilds the networks; after it, a change waits for a reset.
    if (bar.started) bar.setPending(differs(settings));
    else buildSoon.call();
    writeAddress(addressOf(settings));
  },
  threshold(final, settings) {
    sendThreshold(final);
    stage.setFinal(final);
    if (!bar.started) writeAddress(addressOf(settings));
  },
});
const sendThreshold = latestEvery<number>(60, (final) => send({ kind: "threshold", final }));

const bar = new RunBar({
  send(command) {
    // Apply the latest settings first.
    buildSoon.flush();
    stage.begin();
    if (command.kind === "run" || command.kind === "step") stage.setWaiting(command.kind);
    send(command);
  },
  reset() {
    if (longRun.mayDiscard()) build(form.settings);
  },
});

const files = new FilesPanel({
  send,
  picture: (file) => pad.showFile(file),
  metrics: () => ({
    settings: built?.settings ?? form.settings,
    adapter,
    moves,
    lanes: histories.map((history, i) => ({ method: built?.lanes[i]?.method ?? "", points: history.points })),
  }),
  address: () => `${location.href.replace(/#.*/, "")}${runAddress()}`,
});

const speed = new SpeedPanel(send, () => files.chosen);

/** Write the part after the # into the address, without a new entry in the browser's history. */
function writeAddress(hash: string): void {
  history.replaceState(null, "", `${location.pathname}${location.search}${hash}`);
}

/** Return true if settings other than D differ from those of the networks on the page. */
function differs(settings: Settings): boolean {
  const now = built?.settings;
  return !now || addressOf({ ...settings, threshold: now.threshold }) !== addressOf(now);
}

const tellStory = () => story.update(storyOf(bar, histories[0], built?.lanes[0]?.layers));

/** Return the last test of each network. */
const lastTests = () => histories.flatMap((lane) => lane.tests().slice(-1));

/** Return the address of the run on the page, with the moves of D and, once it has finished, its ends. */
function runAddress(): string {
  if (!built || !bar.started) return addressOf(form.settings);
  return addressOf(built.settings, moves, bar.finished ? lastTests() : []);
}

function build(settings: Settings): void {
  buildSoon.cancel();
  building = true;
  bar.setBusy();
  longRun.forget();
  send({ kind: "build", settings, moves: planned, warm: true });
}

/** Read the settings of the address and notify about those that are ignored. */
function readAddress(): Settings {
  const { settings, ignored, moves: linked, ends } = settingsOf(location.hash);
  planned = linked;
  inside.keepEnds(ends);
  const [end] = ends;
  if (end) {
    const numbers = { accuracy: percent(end.accuracy), left: percent(1 - end.sparsity) };
    notify("notice", t("message.shared", numbers));
  }
  if (ignored.length > 0) notify("notice", t("message.ignored", { list: ignored.join(", ") }));
  if (sources.includes(settings.data)) return settings;
  const source = named("data", settings.data);
  notify("notice", t(settings.data === "files" ? "message.drop-again" : "message.no-source", { source }));
  return { ...settings, data: "mnist" };
}

function showNoGpu(reason: string): void {
  setText(find("#no-gpu-reason"), reason);
  find<HTMLElement>("#no-gpu").hidden = false;
  inside.hide();
  find("#stage").after(find("#no-gpu"));
  stage.setNoGpu();
  setText(find("#adapter"), t("page.no-adapter"));
}

function watch(): void {
  send({
    kind: "watch",
    pictures: !document.hidden,
    timeline: !document.hidden && find<HTMLDetailsElement>("#timeline-panel").open,
    spikes: !document.hidden && built?.settings.model === "spiking-cnn",
    tests: !document.hidden,
  });
}

function showNetworks(report: Built): void {
  built = report;
  building = false;
  names = laneNames(report.lanes.map(({ method }) => method));
  histories = names.map(() => new History());
  moves = [];
  form.show({ ...form.settings, ...report.settings });
  bar.setReady();
  stage.reset(
    report,
    names,
    report.lanes.some(({ method }) => SCHEDULED.has(method)),
  );
  stats.reset(
    names,
    report.lanes.map(({ method }) => methodName(method)),
    report.totalSteps,
    report.stepsPerEpoch,
  );
  inside.reset({ built: report, names, histories, moves });
  pad.reset(names, report.data.classes);
  files.reset(names);
  speed.reset(names);
  const { data } = report;
  const counts = { train: data.train, test: data.test, parameters: count(report.lanes[0]?.parameters) };
  setText(find("#about-run"), t("overview.run", { ...counts, source: named("data", data.name) }));
  watch();
}

function addPoints(lane: Lane, points: Extract<Report, { kind: "points" }>["points"]): void {
  const history = histories[lane];
  const last = points.at(-1);
  if (!history || !last) return;
  history.add(points);
  if (lane === 0) stats.showStep(last.step);
  stats.update(lane, history);
  inside.changed();
  const test = points.findLast(({ testAccuracy }) => testAccuracy !== null);
  if (test) stage.addTest(lane, test.testAccuracy!);
}

type Handlers = { readonly [Kind in Report["kind"]]: (report: Extract<Report, { kind: Kind }>) => void };

const handlers: Handlers = {
  opened(report) {
    opened = true;
    adapter = report.adapter;
    sources = report.sources;
    form.setSources(sources);
    const hasHalf = report.features.includes("shader-f16");
    form.setHalf(hasHalf);
    setText(find("#adapter"), t(report.software ? "page.runs-slowly" : "page.runs-on", { adapter }));
    runSoon = mayMove() && playsOnOpening(location.hash, report.software);
    send({ kind: "tempo", tempo: "normal" });
    watch();
    const asked = readAddress();
    const settings: typeof asked = hasHalf ? asked : { ...asked, precision: "f32" };
    form.show(settings);
    build(settings);
  },
  "no-gpu": ({ why, reason }) => showNoGpu(t(`no-gpu.${why}`, { reason })),
  built: showNetworks,
  state(report) {
    const ends = report.finished && !bar.finished;
    bar.show(report);
    longRun.follow(report);
    if (ends) inside.keepEnds(lastTests());
    stage.setState(report);
    stats.showStep(report.step);
    tellStory();
    announce(stats.summary(report.step, histories, bar.stateName));
  },
  points({ lane, points }) {
    addPoints(lane, points);
    tellStory();
    announce(stats.summary(points.at(-1)?.step ?? bar.step, histories, bar.stateName));
  },
  picture(report) {
    inside.show(report);
    stage.addPicture(report);
    stats.showSize(report.lane, report.sparseBytes);
    askPad();
  },
  prepared() {
    if (!runSoon) return;
    runSoon = false;
    stage.begin();
    send({ kind: "run" });
  },
  tested({ lane, accuracy, sparsity, images }) {
    histories[lane]?.addTest({ accuracy, sparsity, images });
    inside.changed();
    stage.addTest(lane, accuracy);
  },
  moved({ move }) {
    moves.push(move);
    // A link moves D by itself; the sliders follow.
    if (planned.some(({ step, threshold }) => step === move.step && threshold === move.threshold)) {
      form.show({ ...form.settings, threshold: move.threshold });
      stage.setFinal(move.threshold);
    }
    if (bar.started) writeAddress(runAddress());
    inside.changed();
  },
  timeline: (report) => inside.show(report),
  spikes: (report) => inside.show(report),
  classified(report) {
    const lanes = report.lanes.map((lane, i) => ({ ...lane, method: names[i] ?? methodName(lane.method) }));
    pad.showAnswer({ ...report, lanes });
    stage.showAnswer(report);
  },
  sample: (report) => pad.showSample(report),
  speed: ({ lane, facts }) => speed.show(lane, facts),
  exported: ({ name, bytes }) => save(name, new Uint8Array(bytes), "application/octet-stream"),
  imported({ name, accuracy, sparsity }) {
    const facts = { accuracy: percent(accuracy), zeros: percent(sparsity) };
    notify("notice", t("message.imported", { name, lane: names[0] ?? "", ...facts }));
  },
  "data-ready"({ name, train, test, classes }) {
    notify("notice", t("message.data", { name, train, test, classes: classes.length }));
    sources = [...new Set([...sources, "files"])];
    form.setSources(sources);
    const settings: Settings = { ...form.settings, data: "files" };
    form.show(settings);
    planned = [];
    writeAddress(addressOf(settings));
    build(settings);
  },
  problem({ what, message }) {
    if (what === "speed") speed.fail("");
    if (what === "run" || what === "step") {
      bar.setWaiting(false);
      stage.setWaiting(null);
    }
    if (building) {
      building = false;
      bar.setFailed();
    }
    notify("problem", message);
  },
  lost({ reason }) {
    notify("problem", t("message.lost", { reason }));
    announce(t("message.lost-short"), true);
  },
  restored({ step }) {
    for (const history of histories) history.rewind(step);
    inside.changed();
    stats.showStep(step);
    notify("notice", t("message.restored", { step }));
  },
};

const RUN_REPORTS: ReadonlySet<Report["kind"]> = new Set([
  "points",
  "picture",
  "state",
  "spikes",
  "timeline",
  "classified",
  "tested",
]);

function handle(report: Report): void {
  // These reports belong to the networks that are being replaced.
  if (building && RUN_REPORTS.has(report.kind)) return;
  (handlers[report.kind] as (report: Report) => void)(report);
}

onThemeChange(() => {
  inside.recolor();
  frames.markAll();
});
document.addEventListener("visibilitychange", watch);
find("#timeline-panel").addEventListener("toggle", watch);
// Canvases are drawn at their displayed size.
const redraw = debounce(120, () => frames.markAll());
window.addEventListener("resize", () => redraw.call());
window.addEventListener("hashchange", () => {
  if (!opened || !longRun.mayDiscard()) return;
  runSoon = playsOnOpening(location.hash, true);
  const settings = readAddress();
  form.show(settings);
  build(settings);
});
// On a phone, fold the settings so that the plots are near the top.
find<HTMLDetailsElement>("#settings").open = matchMedia("(min-width: 900px)").matches;

stage.playRecording(new URL("./stage/recording.gz", import.meta.url).href).catch((error: unknown) => {
  notify("problem", String(error));
});
send({ kind: "open", assets: new URL("./", document.baseURI).href });
keepForOffline();
