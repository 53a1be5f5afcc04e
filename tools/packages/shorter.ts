// Makes the modules of the packages shorter without changing what they do.
import { relative } from "node:path";
import type { Plugin } from "vite";

/** Folders of src/ whose classes nothing enumerates. Modules of networks find their layers by listing fields: those stay. */
const ROOMS = ["gpu", "tensor", "autograd", "ops", "optim"];

/** A field without a value, as the compiler writes it in the body of a class. */
const FIELD = /^\t(?!(?:return|break|continue|debugger);)\w+;$/gm;

/** Remove fields without a value: constructors assign them. */
export const removeEmptyFields = (code: string): string => code.replace(FIELD, "");

/** Shortens the modules below `src`. */
export function shorter(src: string): Plugin {
  return {
    name: "shorter",
    transform(code, id) {
      const [room = ""] = relative(src, id).split("/");
      return ROOMS.includes(room) ? { code: removeEmptyFields(code), map: null } : null;
    },
  };
}
