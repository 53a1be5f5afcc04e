// `node --import ./tools/wgsl_node.mjs` lets Node import `.wgsl` files as strings.
import { register } from "node:module";

register("./wgsl_hooks.mjs", import.meta.url);
