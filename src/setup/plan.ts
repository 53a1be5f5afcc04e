// Decides how a software Vulkan driver gets onto this machine. Pure: facts in, plans out; setup.ts carries them out.

/** The oldest Mesa that is known to satisfy Dawn: 22.3 lacks dynamic indexing that it demands, 25.0 works. */
export const OLDEST_MESA = 24;
export const MESA_PACKAGE = "mesa-vulkan-drivers";

/** What `apt-cache policy` says of one package. */
export interface AptPolicy {
  /** The version apt would install, or null if it knows none. */
  readonly candidate: string | null;
  /** Versions it knows, newest first, each with the suites they come from (as in `bookworm-backports/main`). */
  readonly versions: readonly { readonly version: string; readonly from: readonly string[] }[];
}

/** Reads the output of `LC_ALL=C apt-cache policy <package>`. An unknown package gives no versions. */
export function parseAptPolicy(text: string): AptPolicy {
  const candidate = /^ {2}Candidate: (\S+)$/m.exec(text)?.[1] ?? "(none)";
  const versions: { version: string; from: string[] }[] = [];
  const table = text.slice(Math.max(0, text.indexOf("Version table:")));
  for (const line of table.split("\n")) {
    const version = /^ (?:\*\*\*| {3}) (\S+) -?\d+$/.exec(line)?.[1];
    if (version) versions.push({ version, from: [] });
    // " 500 http://host/debian bookworm/main amd64 Packages"; the installed copy has a path and no suite.
    const suite = /^ +-?\d+ \S+ (\S+\/\S+) \S+ Packages$/.exec(line)?.[1];
    if (suite) versions.at(-1)?.from.push(suite);
  }
  return { candidate: candidate === "(none)" ? null : candidate, versions };
}

/** The leading number of a Debian version: `1:25.0.7-2~bpo12+1` is 25. NaN when there is none. */
export function majorVersion(version: string): number {
  return Number.parseInt(/^(?:\d+:)?(\d+)/.exec(version)?.[1] ?? "", 10);
}

/** A place that apt packages come from. */
export interface AptSource {
  readonly uris: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** Path of the keyring, or undefined where apt's common ones are used (or the key stands in the file). */
  readonly signedBy: string | undefined;
}

/** Reads apt's sources: stanzas (`.sources`) and one-line entries (`.list`). Disabled, commented and `deb-src` ones are left out. */
export function parseAptSources(text: string): AptSource[] {
  const found: AptSource[] = [];
  for (const stanza of text.split(/\n\s*\n/)) {
    const lines = stanza.split("\n").filter((line) => !line.startsWith("#"));
    const field = (name: string) =>
      lines
        .find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
        ?.slice(name.length + 1)
        .trim();
    const uris = field("URIs");
    if (uris && field("Enabled") !== "no" && words(field("Types")).includes("deb")) {
      const signedBy = field("Signed-By");
      found.push({
        uris,
        suites: words(field("Suites")),
        components: words(field("Components")),
        signedBy: signedBy?.startsWith("/") ? signedBy : undefined,
      });
    }
    for (const line of lines) {
      const entry = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)/.exec(line);
      if (!entry) continue;
      const signedBy = /signed-by=(\/\S+)/.exec(entry[1] ?? "")?.[1];
      found.push({ uris: entry[2] ?? "", suites: [entry[3] ?? ""], components: words(entry[4]), signedBy });
    }
  }
  return found;
}

const words = (text: string | undefined): string[] => (text ?? "").split(/\s+/).filter(Boolean);

/** The backports source as a `.sources` file, on the mirror that serves `codename` here; null if there is none. */
export function backportsSource(sources: readonly AptSource[], codename: string): string | null {
  const base = sources.find((s) => s.suites.includes(codename) && s.components.includes("main"));
  if (!base) return null;
  const lines = ["Types: deb", `URIs: ${base.uris}`, `Suites: ${codename}-backports`, "Components: main"];
  if (base.signedBy) lines.push(`Signed-By: ${base.signedBy}`);
  return `# Added by "espalier setup" for a newer ${MESA_PACKAGE}. Safe to remove.\n${lines.join("\n")}\n`;
}

/** What `apt-get -s install` would install: `name=version` for `apt-get download`. */
export function parseSimulatedInstall(text: string): string[] {
  return [...text.matchAll(/^Inst (\S+) (?:\[[^\]]*\] )?\((\S+) /gm)].map(([, name, version]) => `${name}=${version}`);
}

/** dpkg's record of what is installed, without one package. */
export function withoutPackage(status: string, name: string): string {
  return status
    .split(/\n{2,}/)
    .filter((stanza) => !stanza.startsWith(`Package: ${name}\n`))
    .join("\n\n");
}

/** Where a new enough Mesa comes from: the usual suite, backports apt already knows, backports to be added, or nowhere. */
export type MesaOrigin = "usual" | "backports" | "add-backports" | "none";

export function mesaOrigin(policy: AptPolicy, distribution: string, codename: string, canAdd: boolean): MesaOrigin {
  const enough = (version: string) => majorVersion(version) >= OLDEST_MESA;
  // A candidate that stands only in backports needs no -t: it is installed, or pinned so.
  if (policy.candidate && enough(policy.candidate)) return "usual";
  const inBackports = policy.versions.some(
    ({ version, from }) => enough(version) && from.some((suite) => suite.startsWith(`${codename}-backports/`)),
  );
  if (codename && inBackports) return "backports";
  // Ubuntu has a suite of that name too, but without Mesa; Debian's has it.
  return distribution === "debian" && codename && canAdd ? "add-backports" : "none";
}

/** What has to be known of a machine to plan. */
export interface SetupFacts {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  readonly root: boolean;
  /** There is a sudo; whether it lets this user do anything is only asked with a yes. */
  readonly sudo: boolean;
  /** apt-get, apt-cache and dpkg exist. */
  readonly apt: boolean;
  readonly npm: boolean;
  /** `ID` and `VERSION_CODENAME` of /etc/os-release; empty when not said. */
  readonly distribution: string;
  readonly codename: string;
  readonly policy: AptPolicy;
  /** A source that serves `codename` was found, so that its mirror can serve the backports. */
  readonly hasMirror: boolean;
}

/** A way that changes nothing but the user's cache. */
export interface CachePlan {
  readonly kind: "mesa" | "swiftshader";
  readonly text: string;
}
/** The way that changes the system. */
export interface SystemPlan {
  readonly kind: "apt";
  readonly sudo: boolean;
  readonly origin: MesaOrigin;
  readonly text: string;
}
export type Plan = CachePlan | SystemPlan;
export type PlanKind = Plan["kind"];
export const PLAN_KINDS: readonly PlanKind[] = ["mesa", "swiftshader", "apt"];

/** The ways into the user's cache that apply here, best first. They need no rights, and no yes. */
export function cachePlans({ platform, arch, apt, npm }: SetupFacts): CachePlan[] {
  if (platform !== "linux") return [];
  const plans: CachePlan[] = [];
  // Works on lists of its own, so what this machine's lists offer does not matter.
  if (apt) {
    const text = `fetch ${MESA_PACKAGE} and what it needs with apt into the user's cache, changing nothing else (75 MB to fetch, 200 MB on disk)`;
    plans.push({ kind: "mesa", text });
  }
  // The package holds x64 code only.
  if (npm && arch === "x64") {
    const text = "fetch SwiftShader with npm into the user's cache (68 MB to fetch, 7 MB on disk; slower than Mesa)";
    plans.push({ kind: "swiftshader", text });
  }
  return plans;
}

/** The way that installs into the system, where there is one. It is taken with a yes only. */
export function systemPlan(facts: SetupFacts): SystemPlan | null {
  const { platform, apt, root, sudo: hasSudo, policy, distribution, codename, hasMirror } = facts;
  if (platform !== "linux" || !apt || !(root || hasSudo)) return null;
  const origin = mesaOrigin(policy, distribution, codename, hasMirror);
  if (origin === "none") return null;
  const suite = `${codename}-backports`;
  const source = origin === "add-backports" ? `add the source ${suite} and ` : "";
  const target = origin === "usual" ? "" : ` from ${suite}`;
  const sudo = !root;
  const text = `${source}install ${MESA_PACKAGE}${target} into the system with apt${sudo ? " and sudo" : ""} (about 55 MB to fetch, 250 MB on disk)`;
  return { kind: "apt", sudo, origin, text };
}

/** What to tell somebody for whom no plan applies. */
export function noPlanText(facts: Pick<SetupFacts, "platform" | "arch">): string {
  if (facts.platform === "linux") {
    return `nothing here can fetch a software driver for linux-${facts.arch}: there is neither apt with Mesa ${OLDEST_MESA} or newer, nor npm on x64. Install Mesa's Vulkan drivers (lavapipe) ${OLDEST_MESA} or newer by your system's own means.`;
  }
  return `on ${facts.platform} the system brings the driver: there is nothing to set up. Update the graphics driver, and check that this session may use the GPU.`;
}
