// Describes the driver in use, as `setup` and `doctor` print it.
import { espalierCommand } from "../node/command_name.ts";
import type { InstalledAdapter } from "../node/ladder.ts";
import { isRecentMesa } from "../node/mesa_version.ts";
import { PREFERRED_MESA } from "./plan.ts";

/** Return the lines about the driver in use: its origin, and of Mesa's lavapipe the width of its vectors and the folder of its shaders. */
export function driverLines(
  how: InstalledAdapter["how"],
  { name, device }: { readonly name: string; readonly device: string },
  env: Readonly<Record<string, string | undefined>> = process.env,
): string[] {
  const origin = how === "system" ? "the system's" : `${how}, from the cache`;
  const bits = /llvmpipe.*?(\d+)[ -]bits/i.exec(`${device} ${name}`)?.[1];
  const width = env["LP_NATIVE_VECTOR_WIDTH"];
  const why = width === bits ? " (LP_NATIVE_VECTOR_WIDTH)" : "";
  const shaders = env["MESA_SHADER_CACHE_DIR"];
  return [
    `driver    ${origin}`,
    ...(bits === undefined ? [] : [`vectors   ${bits} bits${why}`]),
    ...(bits === undefined || shaders === undefined ? [] : [`shaders   compiled ones are kept in ${shaders}`]),
  ];
}

/** Return the advice to set up a faster driver; null if the adapter is a GPU, recent, or not Mesa's. `kind`: driver to offer. */
export function fasterDriver(
  { name, software }: { readonly name: string; readonly software: boolean },
  kind: "mesa" | "mesa-latest" | null,
): string | null {
  const version = /llvmpipe.*Mesa (\d+\.\d+)/.exec(name)?.[1];
  if (!software || kind === null || version === undefined || isRecentMesa(version)) return null;
  return `Mesa ${PREFERRED_MESA} or newer trains up to 1.8 times as fast: ${espalierCommand()} setup --driver ${kind}`;
}
