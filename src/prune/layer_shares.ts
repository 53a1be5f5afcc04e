// The shares of zeros of single layers, such as those that another run ended with.
import type { Module, Parameter } from "../nn/index.ts";
import { ArgumentError } from "../text/index.ts";

/** Shares of zeros by layer: `{ conv1: 0.4, fc: 0.98 }`, or as text, `["conv1=0.4", "fc=0.98"]`. */
export type LayerShares = Readonly<Record<string, number>> | readonly string[];

const refuse = (problem: string) => new ArgumentError(`pruning: shares: ${problem}`);

/** Check shares, and return them by layer. Errors: ArgumentError for an entry without a share in [0, 1], or a second one. */
export function layerShares(given: LayerShares): ReadonlyMap<string, number> {
  const isList = Array.isArray as (value: unknown) => value is readonly string[];
  const texts = isList(given) ? given : Object.entries(given).map(([name, share]) => `${name}=${share}`);
  const shares = new Map<string, number>();
  for (const text of texts) {
    const [, name = "", digits = ""] = /^(.+)=\s*(\S+)\s*$/u.exec(String(text)) ?? [];
    const share = Number(digits);
    if (name === "" || !(share >= 0 && share <= 1))
      throw refuse(`expected layers with their shares of zeros, such as conv1=0.9, got ${text}`);
    if (shares.has(name)) throw refuse(`expected one share for ${name}, got a second one`);
    shares.set(name, share);
  }
  if (shares.size === 0) throw refuse("expected at least one layer, got none");
  return shares;
}

/**
 * Return the zeros of each parameter.
 *
 * Errors   ArgumentError for a name that is no layer of the model, a layer without a share, or a share above 0 for a layer that is
 *          left dense.
 */
export function zerosOfShares(
  shares: ReadonlyMap<string, number>,
  model: Module,
  params: readonly Parameter[],
): number[] {
  const prunable = [...model.namedParameters()].filter(([, p]) => p.prunable);
  const found = new Map<Parameter, number>();
  for (const [entry, share] of shares) {
    const match = prunable.find(([name]) => name === entry || name === `${entry}.weight`);
    if (!match) throw refuse(`expected one of ${prunable.map(([name]) => name).join(", ")}, got ${entry}`);
    const [name, p] = match;
    if (found.has(p)) throw refuse(`expected one share for ${name}, got a second one`);
    if (share > 0 && !params.includes(p)) throw refuse(`expected 0 for ${name}, which stays dense, got ${share}`);
    found.set(p, share);
  }
  return params.map((p) => {
    const share = found.get(p);
    if (share === undefined) {
      const name = prunable.find(([, other]) => other === p)?.[0];
      throw refuse(`expected a share for each layer to prune, got none for ${name}`);
    }
    // The share was a quotient of two integers.
    return Math.round(share * p.numel);
  });
}
