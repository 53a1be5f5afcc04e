// Planning of set-up: parsing of apt's output, and the plans of each kind of machine in order.
import { describe, expect, test } from "vitest";
import { majorVersion } from "../../src/node/mesa_version.ts";
import {
  backportsSource,
  cachePlans,
  latestPlan,
  mesaOrigin,
  mirrorSource,
  noPlanText,
  parseAptPolicy,
  parseAptSources,
  parseSimulatedInstall,
  type SetupFacts,
  systemPlan,
  withoutPackages,
} from "../../src/setup/plan.ts";

const bookworm = `mesa-vulkan-drivers:
  Installed: (none)
  Candidate: 22.3.6-1+deb12u2
  Version table:
     22.3.6-1+deb12u2 500
        500 http://mirror.example/debian bookworm/main amd64 Packages
`;
const withBackports = `mesa-vulkan-drivers:
  Installed: (none)
  Candidate: 22.3.6-1+deb12u2
  Version table:
     25.0.7-2~bpo12+1 100
        100 http://mirror.example/debian bookworm-backports/main amd64 Packages
     22.3.6-1+deb12u2 500
        500 http://mirror.example/debian bookworm/main amd64 Packages
`;
const installed = `mesa-vulkan-drivers:
  Installed: 25.0.7-2
  Candidate: 25.0.7-2
  Version table:
 *** 25.0.7-2 500
        500 http://mirror.example/debian trixie/main amd64 Packages
        500 http://other.example/debian trixie/main amd64 Packages
        100 /var/lib/dpkg/status
`;
const newerInBackports = `${installed}     26.1.6-1~bpo13+1 100
        100 http://mirror.example/debian trixie-backports/main amd64 Packages
`;
const unknown = "N: Unable to locate package mesa-vulkan-drivers\n";

describe("output of apt", () => {
  test("parses a policy: candidate, versions from new to old, suites", () => {
    expect(parseAptPolicy(withBackports)).toEqual({
      candidate: "22.3.6-1+deb12u2",
      versions: [
        { version: "25.0.7-2~bpo12+1", from: ["bookworm-backports/main"] },
        { version: "22.3.6-1+deb12u2", from: ["bookworm/main"] },
      ],
    });
    expect(parseAptPolicy(installed)).toEqual({
      candidate: "25.0.7-2",
      versions: [{ version: "25.0.7-2", from: ["trixie/main", "trixie/main"] }],
    });
  });

  test.each([unknown, "", "mesa:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n"])(
    "parses the policy of an unknown package: %j",
    (text) => expect(parseAptPolicy(text)).toEqual({ candidate: null, versions: [] }),
  );

  test("reads a major version with and without an epoch", () => {
    expect(["25.0.7-2~bpo12+1", "1:24.2-1", "9"].map(majorVersion)).toEqual([25, 24, 9]);
    expect(majorVersion("none")).toBeNaN();
  });

  test("parses a simulated installation: new and replaced packages", () => {
    const text = `Reading package lists...
Inst libbsd0 (0.11.7-2 Debian:12.15/oldstable [amd64])
Inst mesa-vulkan-drivers [22.3.6-1] (25.0.7-2~bpo12+1 Debian Backports:oldstable-backports [amd64])
Conf libbsd0 (0.11.7-2 Debian:12.15/oldstable [amd64])
`;
    expect(parseSimulatedInstall(text)).toEqual(["libbsd0=0.11.7-2", "mesa-vulkan-drivers=25.0.7-2~bpo12+1"]);
    expect(parseSimulatedInstall("")).toEqual([]);
  });
});

describe("apt's sources", () => {
  const stanzas = `Types: deb
# a remark
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://src.example/debian
Suites: bookworm
Components: main
`;
  test("parses stanzas, without disabled and source entries", () => {
    expect(parseAptSources(stanzas)).toEqual([
      {
        uris: "http://mirror.example/debian",
        suites: ["bookworm", "bookworm-updates"],
        components: ["main"],
        signedBy: "/usr/share/keyrings/debian-archive-keyring.gpg",
      },
    ]);
  });

  test("parses one-line entries", () => {
    const text = `# deb http://no.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian bookworm main contrib # remark
deb-src http://a.example/debian bookworm main
deb http://b.example/debian bookworm-updates main
`;
    expect(parseAptSources(text)).toEqual([
      { uris: "http://a.example/debian", suites: ["bookworm"], components: ["main", "contrib"], signedBy: "/k.gpg" },
      { uris: "http://b.example/debian", suites: ["bookworm-updates"], components: ["main"], signedBy: undefined },
    ]);
  });

  test("takes mirror and keyring of backports from those of the release", () => {
    const source = backportsSource(parseAptSources(stanzas), "bookworm");
    expect(source?.split("\n").slice(1, 6)).toEqual([
      "Types: deb",
      "URIs: http://mirror.example/debian",
      "Suites: bookworm-backports",
      "Components: main",
      "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
    ]);
    // The written text parses as a source.
    expect(parseAptSources(source ?? "")[0]?.suites).toEqual(["bookworm-backports"]);
    expect(backportsSource(parseAptSources(stanzas), "trixie")).toBeNull();
  });
});

describe("origin of Mesa", () => {
  const origin = (text: string, distribution: string, codename: string, canAdd = true) =>
    mesaOrigin(parseAptPolicy(text), distribution, codename, canAdd);
  test.each([
    ["an old candidate", bookworm, "debian", "bookworm", "add-backports"],
    ["an old candidate, backports known", withBackports, "debian", "bookworm", "backports"],
    ["a new candidate", installed, "debian", "trixie", "usual"],
    ["Mesa 26.1 in backports, before an older candidate", newerInBackports, "debian", "trixie", "backports"],
    ["an old candidate on a distribution without backports", bookworm, "ubuntu", "jammy", "none"],
    ["backports of another release", withBackports, "ubuntu", "jammy", "none"],
    ["a release without a name", bookworm, "debian", "", "none"],
  ])("%s", (_what, text, distribution, codename, want) => expect(origin(text, distribution, codename)).toBe(want));
  test("none without a mirror for backports", () => expect(origin(bookworm, "debian", "bookworm", false)).toBe("none"));
});

test("writes a source for several suites of the mirror of a release", () => {
  const sources = [{ uris: "http://m.example/debian", suites: ["trixie"], components: ["main"], signedBy: "/k.gpg" }];
  expect(mirrorSource(sources, "trixie", ["stable", "stable-backports"])).toBe(
    "Types: deb\nURIs: http://m.example/debian\nSuites: stable stable-backports\nComponents: main\nSigned-By: /k.gpg\n",
  );
  expect(mirrorSource(sources, "bookworm", ["sid"])).toBeNull();
});

describe("plans", () => {
  const facts: SetupFacts = {
    platform: "linux",
    arch: "x64",
    root: true,
    sudo: false,
    apt: true,
    npm: true,
    distribution: "debian",
    codename: "bookworm",
    policy: parseAptPolicy(bookworm),
    hasMirror: true,
  };
  const kinds = (change: Partial<SetupFacts>) => cachePlans({ ...facts, ...change }).map((p) => p.kind);

  test("offers mesa-latest on Debian only, where apt has a mirror and the processor a known linker", () => {
    expect(latestPlan(facts)).toMatchObject({
      kind: "mesa-latest",
      text: expect.stringMatching(/C library.*nothing else changes \(65 MB/),
    });
    const changes: Partial<SetupFacts>[] = [
      { distribution: "ubuntu" },
      { hasMirror: false },
      { apt: false },
      { arch: "riscv64" },
      { platform: "darwin" },
    ];
    for (const change of changes) expect(latestPlan({ ...facts, ...change })).toBeNull();
  });

  test.each<[string, Partial<SetupFacts>, string[], string | null]>([
    ["root", {}, ["mesa", "swiftshader"], "add-backports"],
    ["root, source there", { policy: parseAptPolicy(withBackports) }, ["mesa", "swiftshader"], "backports"],
    ["root, Mesa new enough", { policy: parseAptPolicy(installed) }, ["mesa", "swiftshader"], "usual"],
    ["a user with sudo", { root: false, sudo: true }, ["mesa", "swiftshader"], "add-backports"],
    ["a plain user", { root: false }, ["mesa", "swiftshader"], null],
    ["a plain user on arm64", { root: false, arch: "arm64" }, ["mesa"], null],
    ["no apt", { apt: false }, ["swiftshader"], null],
    ["no apt, no npm", { apt: false, npm: false }, [], null],
    ["macOS", { platform: "darwin", apt: false }, [], null],
    ["Windows", { platform: "win32", apt: false }, [], null],
  ])("%s: the cache first, the system apart", (_what, change, wanted, origin) => {
    expect(kinds(change)).toEqual(wanted);
    expect(systemPlan({ ...facts, ...change })?.origin ?? null).toBe(origin);
  });

  test("names the changes of the system's plan", () => {
    const plan = systemPlan({ ...facts, root: false, sudo: true });
    expect(plan).toMatchObject({ kind: "apt", sudo: true, origin: "add-backports" });
    expect(plan?.text).toMatch(
      /^add the source bookworm-backports and install mesa-vulkan-drivers .* into the system with apt and sudo/,
    );
    expect(systemPlan({ ...facts, policy: parseAptPolicy(installed) })?.text).toMatch(
      /^install mesa-vulkan-drivers into the system with apt \(/,
    );
  });

  test("removes packages from dpkg's status and keeps the others", () => {
    const status =
      "Package: a\nStatus: x\n\nPackage: mesa-vulkan-drivers\nStatus: y\n\nPackage: libvulkan1\nStatus: z\n\nPackage: mesa-vulkan-drivers-x\n";
    expect(withoutPackages(status, ["mesa-vulkan-drivers", "libvulkan1"])).toBe(
      "Package: a\nStatus: x\n\nPackage: mesa-vulkan-drivers-x\n",
    );
  });

  test("advises the user if no plan applies", () => {
    expect(noPlanText({ platform: "linux", arch: "arm64" })).toMatch(/linux-arm64.*lavapipe.*24 or newer/);
    expect(noPlanText({ platform: "darwin", arch: "arm64" })).toMatch(/on darwin the driver is part of the system/);
  });
});
