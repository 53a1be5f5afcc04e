// Finds the browser for the browser tests, and holds the launch options with which WebGPU runs on SwiftShader.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { chromiumFolder } from "../src/setup/npm_chromium.ts";

const INSTALLED: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  linux: ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable"],
  darwin: [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
  ],
  win32: [
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
    "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
  ],
};

const cached = (): string => join(chromiumFolder(), "chromium");

/** Return the path of an installed Chromium, or undefined. `CHROMIUM=/path` takes precedence; the file must exist. */
export function findChromium(): string | undefined {
  const chosen = process.env["CHROMIUM"];
  if (chosen) return existsSync(chosen) ? chosen : undefined;
  return [...(INSTALLED[process.platform] ?? []), cached()].find((path) => existsSync(path));
}

/** Return the environment of the cached browser, which brings libraries that a bare system lacks. */
export function chromiumEnvironment(executablePath: string | undefined): Record<string, string> | undefined {
  if (executablePath !== cached()) return undefined;
  const known = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const path = [join(chromiumFolder(), "lib"), process.env["LD_LIBRARY_PATH"]].filter(Boolean).join(":");
  // Without a locale Chromium falls back to en-US@posix, which scripts cannot use.
  const locale = { LC_ALL: "en_US.UTF-8", LANGUAGE: "en_US" };
  return { ...Object.fromEntries(known), ...locale, LD_LIBRARY_PATH: path };
}

/** Return Playwright's launch options: software WebGPU, no sandbox as root, no background traffic. */
export function browserLaunch() {
  const executablePath = findChromium();
  const env = chromiumEnvironment(executablePath);
  return {
    ...(executablePath ? { executablePath } : {}),
    ...(env ? { env } : {}),
    args: [
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      "--no-sandbox",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  };
}
