// Plans the installation of a software Vulkan driver. Pure functions from facts to plans, which setup.ts carries out.

import type { CachedDriver } from "../node/cache.ts";
import { linkerName } from "../node/mesa_latest.ts";
import { isRecentMesa, majorVersion } from "../node/mesa_version.ts";

/** Oldest Mesa (major version) that is accepted. Dawn requires dynamic indexing, which 22.3 lacks; 25.0 works. */
export const OLDEST_MESA = 24;
export const MESA_PACKAGE = "mesa-vulkan-drivers";
export const LOADER_PACKAGE = "libvulkan1";

/** Output of `apt-cache policy` for one package. */
export interface AptPolicy {
  /** Version that apt would install, or null. */
  readonly candidate: string | null;
  /** Available versions, newest first, each with its suites (such as `bookworm-backports/main`). */
  readonly versions: readonly { readonly version: string; readonly from: readonly string[] }[];
}

/** Parse the output of `LC_ALL=C apt-cache policy <package>`. An unknown package gives no versions. */
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

/** Package source of apt. */
export interface AptSource {
  readonly uris: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** Path of the keyring; undefined for apt's default keyrings and for keys inside the source file. */
  readonly signedBy: string | undefined;
}

/** Parse apt's sources: stanzas (`.sources`) and one-line entries (`.list`). Skips disabled, commented and `deb-src` entries. */
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

/** Return the text of a `.sources` file for suites of the mirror that serves `codename`; null without such a mirror. */
export function mirrorSource(
  sources: readonly AptSource[],
  codename: string,
  suites: readonly string[],
): string | null {
  const base = sources.find((s) => s.suites.includes(codename) && s.components.includes("main"));
  if (!base) return null;
  const lines = ["Types: deb", `URIs: ${base.uris}`, `Suites: ${suites.join(" ")}`, "Components: main"];
  if (base.signedBy) lines.push(`Signed-By: ${base.signedBy}`);
  return `${lines.join("\n")}\n`;
}

/** Return a `.sources` file for backports on the mirror that serves `codename`; null without such a mirror. */
export function backportsSource(sources: readonly AptSource[], codename: string): string | null {
  const source = mirrorSource(sources, codename, [`${codename}-backports`]);
  return source && `# Added by "espalier setup" for a newer ${MESA_PACKAGE}. Safe to remove.\n${source}`;
}

/** Parse the packages that `apt-get -s install` would install, as `name=version` for `apt-get download`. */
export function parseSimulatedInstall(text: string): string[] {
  return [...text.matchAll(/^Inst (\S+) (?:\[[^\]]*\] )?\((\S+) /gm)].map(([, name, version]) => `${name}=${version}`);
}

/** Remove packages from the text of dpkg's status file. */
export function withoutPackages(status: string, names: readonly string[]): string {
  return status
    .split(/\n{2,}/)
    .filter((stanza) => !names.some((name) => stanza.startsWith(`Package: ${name}\n`)))
    .join("\n\n");
}

/** Version that `setup` prefers: its lavapipe trains up to 1.8 times as fast. */
export const PREFERRED_MESA = "26.1";

/** Source of a sufficiently new Mesa: the usual suite, configured backports, backports to be added, or none. */
export type MesaOrigin = "usual" | "backports" | "add-backports" | "none";

export function mesaOrigin(policy: AptPolicy, distribution: string, codename: string, canAdd: boolean): MesaOrigin {
  const enough = (version: string) => majorVersion(version) >= OLDEST_MESA;
  const usual = policy.candidate !== null && enough(policy.candidate);
  const backport = policy.versions.find(
    ({ version, from }) => enough(version) && from.some((suite) => suite.startsWith(`${codename}-backports/`)),
  );
  const better = backport && isRecentMesa(backport.version) && !isRecentMesa(policy.candidate);
  // A candidate from backports needs no -t: it is installed or pinned.
  if (usual && !better) return "usual";
  if (codename && backport) return "backports";
  // Ubuntu's suite of that name has no Mesa.
  return distribution === "debian" && codename && canAdd ? "add-backports" : "none";
}

/** Facts of the machine that the plans depend on. */
export interface SetupFacts {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  readonly root: boolean;
  /** True if sudo exists. Whether this user may use it is checked only after consent. */
  readonly sudo: boolean;
  /** apt-get, apt-cache and dpkg exist. */
  readonly apt: boolean;
  readonly npm: boolean;
  /** `ID` and `VERSION_CODENAME` of /etc/os-release; empty if missing. */
  readonly distribution: string;
  readonly codename: string;
  readonly policy: AptPolicy;
  /** True if a source serves `codename`: its mirror can serve backports too. */
  readonly hasMirror: boolean;
}

/** Plan that changes only the user's cache. */
export interface CachePlan {
  readonly kind: CachedDriver;
  readonly text: string;
}
/** Plan that changes the system. */
export interface SystemPlan {
  readonly kind: "apt";
  readonly sudo: boolean;
  readonly origin: MesaOrigin;
  readonly text: string;
}
export type Plan = CachePlan | SystemPlan;
export type PlanKind = Plan["kind"];
export const PLAN_KINDS: readonly PlanKind[] = ["mesa", "mesa-latest", "swiftshader", "apt"];

/** Return the applicable plans for the user's cache, best first. They need no root and no consent. */
export function cachePlans({ platform, arch, apt, npm }: SetupFacts): CachePlan[] {
  if (platform !== "linux") return [];
  const plans: CachePlan[] = [];
  // Uses separate package lists, so the system's lists do not matter.
  if (apt) {
    const text = `download ${MESA_PACKAGE} and its dependencies with apt into the user's cache; nothing else changes (75 MB download, 200 MB on disk)`;
    plans.push({ kind: "mesa", text });
  }
  // The package contains x64 code only.
  if (npm && arch === "x64") {
    const text = "download SwiftShader with npm into the user's cache (68 MB download, 7 MB on disk; slower than Mesa)";
    plans.push({ kind: "swiftshader", text });
  }
  return plans;
}

/** Return the plan for a newer Mesa than the distribution's, which only a user's choice carries out; null where it cannot. */
export function latestPlan({ platform, arch, apt, distribution, hasMirror }: SetupFacts): CachePlan | null {
  if (platform !== "linux" || !apt || distribution !== "debian" || !hasMirror || linkerName(arch) === null) return null;
  const text = `download Debian's newest ${MESA_PACKAGE} and the C library that it needs with apt into the user's cache; nothing else changes (65 MB download, 190 MB on disk)`;
  return { kind: "mesa-latest", text };
}

/** Return the plan that installs into the system, or null. It requires consent. */
export function systemPlan(facts: SetupFacts): SystemPlan | null {
  const { platform, apt, root, sudo: hasSudo, policy, distribution, codename, hasMirror } = facts;
  if (platform !== "linux" || !apt || !(root || hasSudo)) return null;
  const origin = mesaOrigin(policy, distribution, codename, hasMirror);
  if (origin === "none") return null;
  const suite = `${codename}-backports`;
  const source = origin === "add-backports" ? `add the source ${suite} and ` : "";
  const target = origin === "usual" ? "" : ` from ${suite}`;
  const sudo = !root;
  const text = `${source}install ${MESA_PACKAGE}${target} into the system with apt${sudo ? " and sudo" : ""} (about 55 MB download, 250 MB on disk)`;
  return { kind: "apt", sudo, origin, text };
}

/** Return the message for a machine to which no plan applies. */
export function noPlanText(facts: Pick<SetupFacts, "platform" | "arch">): string {
  if (facts.platform === "linux")
    return `cannot download a software driver for linux-${facts.arch}: expected apt with Mesa ${OLDEST_MESA} or newer, or npm on x64, got neither. Install Mesa's Vulkan drivers (lavapipe) ${OLDEST_MESA} or newer with your system's package manager.`;
  return `on ${facts.platform} the driver is part of the system: there is nothing to set up. Update the graphics driver, and check that this session may use the GPU.`;
}
