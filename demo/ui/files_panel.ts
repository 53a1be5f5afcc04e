// Saves models, metrics and the link to the settings; loads models and images of the visitor.
import type { Command, Lane } from "../shared/protocol.ts";
import { t } from "../texts/text.ts";
import { find, save } from "./dom.ts";
import { type DroppedFile, droppedFiles, isPicture, MOST_FILES, pickedFiles, sortDropped } from "./dropped.ts";
import { notify } from "./messages.ts";
import { metricsCsv, metricsJson, type RunMetrics } from "./metrics_file.ts";

interface FilesHost {
  send(command: Command, transfer?: Transferable[]): void;
  metrics(): RunMetrics;
  /** Shows a picture file on the drawing pad. */
  picture(file: File): Promise<void>;
  /** Returns the full address that restores the settings of the form. */
  address(): string;
}

/** Size limit of a model file; models of this page are far smaller. */
const LARGEST_MODEL = 256e6;

export class FilesPanel {
  private readonly host: FilesHost;
  private readonly lane = find<HTMLSelectElement>("#export-lane");
  private readonly laneRow = find<HTMLElement>("#export-lane-row");

  constructor(host: FilesHost) {
    this.host = host;
    this.bindExports();
    this.bindImports();
  }

  reset(names: readonly string[]): void {
    this.lane.replaceChildren(...names.map((name, i) => new Option(name, String(i))));
    this.laneRow.hidden = names.length < 2;
  }

  /** The network that is chosen for files. */
  get chosen(): Lane {
    return this.lane.value === "1" ? 1 : 0;
  }

  private bindExports(): void {
    const { host } = this;
    const lane = (): Lane => this.chosen;
    for (const what of ["dense", "sparse", "onnx"] as const)
      find(`#export-${what}`).addEventListener("click", () => host.send({ kind: "export", lane: lane(), what }));
    const name = ({ settings: { model, data, method, seed } }: RunMetrics) =>
      `espalier-${model}-${data}-${method}-${seed}`;
    find("#save-json").addEventListener("click", () => {
      const metrics = host.metrics();
      save(`${name(metrics)}.json`, metricsJson(metrics), "application/json");
    });
    find("#save-csv").addEventListener("click", () => {
      const metrics = host.metrics();
      save(`${name(metrics)}.csv`, metricsCsv(metrics.lanes), "text/csv");
    });
    find("#copy-link").addEventListener("click", () => {
      navigator.clipboard
        .writeText(host.address())
        .then(() => notify("notice", t("save.copied")))
        .catch(() => notify("notice", t("save.not-copied", { link: host.address() })));
    });
  }

  private bindImports(): void {
    for (const id of ["#pick-model", "#pick-files", "#pick-folder"]) {
      const input = find<HTMLInputElement>(id);
      input.addEventListener("change", () => {
        const files = pickedFiles(input.files);
        // Allows choosing the same file again.
        input.value = "";
        this.load(files).catch(reportError);
      });
    }
    const body = document.body;
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    body.addEventListener("dragover", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      body.classList.add("dropping");
    });
    body.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) body.classList.remove("dropping");
    });
    body.addEventListener("drop", (event) => {
      body.classList.remove("dropping");
      if (!event.dataTransfer || !carriesFiles(event)) return;
      event.preventDefault();
      droppedFiles(event.dataTransfer)
        .then((files) => this.load(files))
        .catch(reportError);
    });
  }

  private async load(files: readonly DroppedFile[]): Promise<void> {
    if (files.length === 0) return;
    const { model, data } = sortDropped(files);
    // A single picture is no data set: the networks read it.
    const [single] = data;
    if (single && isPicture(single, files.length)) return this.host.picture(single.file);
    if (model) {
      const { file } = model;
      if (file.size > LARGEST_MODEL) throw new Error(t("load.large", { name: file.name }));
      const bytes = await file.arrayBuffer();
      this.host.send({ kind: "import", name: file.name, bytes }, [bytes]);
    }
    if (data.length > 0) {
      if (files.length >= MOST_FILES) notify("notice", t("load.first", { n: MOST_FILES }));
      this.host.send({ kind: "files", files: data });
    } else if (!model) notify("problem", t("load.nothing"));
  }
}

function reportError(error: unknown): void {
  notify("problem", t("load.unreadable", { reason: error instanceof Error ? error.message : String(error) }));
}
