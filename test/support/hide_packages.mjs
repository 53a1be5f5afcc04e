// `node --import ./test/support/hide_packages.mjs` hides the packages in HIDE_PACKAGES (comma-separated) from import and require.
import Module, { register } from "node:module";

const hidden = (process.env["HIDE_PACKAGES"] ?? "").split(",").filter((name) => name !== "");

/** Return true if a module belongs to a hidden package. It is part of the hook, as text. */
function isHidden(module, names) {
  return names.some((name) => module === name || module.startsWith(`${name}/`));
}

const hooks = `
const names = ${JSON.stringify(hidden)};
${isHidden.toString()}
export async function resolve(module, context, next) {
  if (!isHidden(module, names)) return next(module, context);
  const error = new Error("Cannot find package '" + module + "' imported from " + context.parentURL);
  throw Object.assign(error, { code: "ERR_MODULE_NOT_FOUND" });
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const usual = Module._resolveFilename;
Module._resolveFilename = (module, ...rest) => {
  if (!isHidden(module, hidden)) return usual(module, ...rest);
  throw Object.assign(new Error(`Cannot find module '${module}'`), { code: "MODULE_NOT_FOUND" });
};
