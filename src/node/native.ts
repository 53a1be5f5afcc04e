// Opens shared libraries and sets variables for C code such as the Vulkan loader: in Node, Deno and Bun.
import { constants } from "node:os";

/** Access to the C side of this process. */
interface Native {
  /** Open a library and keep it open, so that all later code finds it by its name. Throws the system's message. */
  open(path: string): void;
  /** Set an environment variable for this process and its C code; remove it without a value. */
  setVariable(name: string, value: string | undefined): void;
}

/** glibc and musl: the library stays loaded although Node closes it again. */
const RTLD_NODELETE = 0x1000;

/** Functions of the C library, as `bun:ffi` calls them. */
interface BunLibrary {
  dlopen(path: Uint8Array, flags: number): number | null;
  dlerror(): { toString(): string };
  setenv(name: Uint8Array, value: Uint8Array, overwrite: number): number;
  unsetenv(name: Uint8Array): number;
}
interface BunFfi {
  dlopen(path: string, symbols: Record<keyof BunLibrary, { args: string[]; returns: string }>): { symbols: BunLibrary };
}

interface Deno {
  dlopen(path: string, symbols: object): unknown;
}

let native: Promise<Native> | undefined;

/** Return the access to C of the current runtime. */
export function nativeAccess(): Promise<Native> {
  native ??= process.platform === "linux" && process.versions["bun"] !== undefined ? ofBun() : ofNodeOrDeno();
  return native;
}

function setProcessVariable(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

/** Bun opens only add-ons with `process.dlopen`, and its `process.env` does not reach C. */
async function ofBun(): Promise<Native> {
  const module = ["bun", "ffi"].join(":"); // bundlers refuse the name, which only Bun has
  const { dlopen } = (await import(module)) as BunFfi;
  const { symbols: c } = dlopen("libc.so.6", {
    dlopen: { args: ["cstring", "i32"], returns: "ptr" },
    dlerror: { args: [], returns: "cstring" },
    setenv: { args: ["cstring", "cstring", "i32"], returns: "i32" },
    unsetenv: { args: ["cstring"], returns: "i32" },
  });
  const text = (value: string) => new TextEncoder().encode(`${value}\0`);
  return {
    open(path) {
      if (!c.dlopen(text(path), constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL))
        throw new Error(c.dlerror().toString());
    },
    setVariable(name, value) {
      setProcessVariable(name, value);
      if (value === undefined) c.unsetenv(text(name));
      else c.setenv(text(name), text(value), 1);
    },
  };
}

/**
 * Use koffi if installed; else Deno's `Deno.dlopen`, or Node's `process.dlopen`. The latter opens the library, finds no
 * add-on, reports an error and closes it, so that RTLD_NODELETE keeps it.
 */
async function ofNodeOrDeno(): Promise<Native> {
  const open = await libraryOpener();
  return { open, setVariable: setProcessVariable };
}

async function libraryOpener(): Promise<(path: string) => void> {
  try {
    const { default: koffi } = await import("koffi");
    return (path) => void koffi.load(path, { global: true });
  } catch {
    const { Deno } = globalThis as { Deno?: Deno };
    if (Deno) return (path) => void Deno.dlopen(path, {});
    const flags = constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | RTLD_NODELETE;
    return (path) => {
      try {
        process.dlopen({ exports: {} }, path, flags);
      } catch (cause) {
        if (!(cause as Error).message.includes("did not self-register")) throw cause;
      }
    };
  }
}
