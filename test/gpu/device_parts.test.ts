// Parts of the engine that are loaded with a device.
import { expect, test } from "vitest";
import { loadDeviceParts, onDevice } from "../../src/gpu/device_parts.ts";
import { GENERIC_ADAPTER } from "../../src/gpu/dry_device.ts";

test("waits for a part that the adapter uses, and loads it at once for a device that exists", async () => {
  let loaded = 0;
  const load = () => Promise.resolve().then(() => loaded++);
  onDevice(load);
  expect(loaded).toBe(0);
  await loadDeviceParts(GENERIC_ADAPTER);
  expect(loaded).toBe(1);
  onDevice((adapter) => (adapter.software ? load() : undefined));
  onDevice(load);
  await Promise.resolve();
  await Promise.resolve();
  expect(loaded).toBe(2);
});

test("passes the error of a part on to the request for a device", async () => {
  onDevice(() => Promise.reject(new Error("no such file")));
  await expect(loadDeviceParts(GENERIC_ADAPTER)).rejects.toThrow("no such file");
});
