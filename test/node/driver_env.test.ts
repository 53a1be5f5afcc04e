// The variables that configure a driver: the user's values stay, and values set by a parent process are not the user's.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { setDriverVariables, shaderFolder, usersVariables, vectorWidth } from "../../src/node/driver_env.ts";

const NAMES = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "LP_NATIVE_VECTOR_WIDTH", "MESA_SHADER_CACHE_DIR"];
beforeEach(() => {
  for (const name of [...NAMES, "ESPALIER_DRIVER_VARIABLES"]) vi.stubEnv(name, undefined);
});
afterEach(() => vi.unstubAllEnvs());

const now = () => Object.fromEntries(NAMES.map((name) => [name, process.env[name]]).filter(([, value]) => value));

test("sets variables, removes them with the next driver, and restores them", async () => {
  await setDriverVariables({ VK_DRIVER_FILES: "a.json", LP_NATIVE_VECTOR_WIDTH: "512", MESA_SHADER_CACHE_DIR: "/a" });
  expect(now()).toEqual({ VK_DRIVER_FILES: "a.json", LP_NATIVE_VECTOR_WIDTH: "512", MESA_SHADER_CACHE_DIR: "/a" });
  const restore = await setDriverVariables({ MESA_SHADER_CACHE_DIR: "/b" });
  expect(now()).toEqual({ MESA_SHADER_CACHE_DIR: "/b" });
  restore();
  expect(now()).toEqual({ VK_DRIVER_FILES: "a.json", LP_NATIVE_VECTOR_WIDTH: "512", MESA_SHADER_CACHE_DIR: "/a" });
});

test("keeps the user's width and folder, and replaces the user's driver", async () => {
  vi.stubEnv("LP_NATIVE_VECTOR_WIDTH", "128");
  vi.stubEnv("MESA_SHADER_CACHE_DIR", "/mine");
  vi.stubEnv("VK_DRIVER_FILES", "mine.json");
  const given = { LP_NATIVE_VECTOR_WIDTH: "512", MESA_SHADER_CACHE_DIR: "/a" };
  await setDriverVariables(given);
  expect(now()).toEqual({
    LP_NATIVE_VECTOR_WIDTH: "128",
    MESA_SHADER_CACHE_DIR: "/mine",
    VK_DRIVER_FILES: "mine.json",
  });
  await setDriverVariables({ ...given, VK_DRIVER_FILES: "a.json" });
  expect(now()).toMatchObject({ LP_NATIVE_VECTOR_WIDTH: "128", VK_DRIVER_FILES: "a.json" });
});

test("does not take a parent's values for the user's", async () => {
  await setDriverVariables({ VK_DRIVER_FILES: "a.json", LP_NATIVE_VECTOR_WIDTH: "512" });
  const inherited = { ...process.env };
  expect(usersVariables(inherited)).toEqual({});
  expect(usersVariables({ ...inherited, LP_NATIVE_VECTOR_WIDTH: "256" })).toEqual({ LP_NATIVE_VECTOR_WIDTH: "256" });
  expect(usersVariables({ ...inherited, ESPALIER_DRIVER_VARIABLES: "{" })).toMatchObject({ VK_DRIVER_FILES: "a.json" });
});

test("asks for 512 bits with AVX-512 on Mesa since 26.1, unless the user chose a width", () => {
  const [yes, no] = [() => true, () => false];
  expect(vectorWidth("26.1.6-1~bpo13+1", undefined, yes)).toBe("512");
  expect(vectorWidth("26.1.6", undefined, no)).toBeUndefined();
  expect(vectorWidth("25.0.7", undefined, yes)).toBeUndefined();
  expect(vectorWidth(null, undefined, yes)).toBeUndefined();
  expect(vectorWidth("26.2.6", "256", yes)).toBe("256");
});

test("gives each version and width a folder of compiled shaders", () => {
  expect(shaderFolder("26.1.6-1~bpo13+1", "512")).toBe("mesa-26.1.6-1~bpo13+1-512");
  expect(shaderFolder("25.0.7", undefined)).toBe("mesa-25.0.7");
  expect(shaderFolder(null, undefined)).toBe("other");
  expect(shaderFolder(null, "../x")).toBe("other-.._x");
});
