// Parts of the engine that are loaded with a device.
import { expect, test } from "vitest";
import { devicePart, loadDeviceParts } from "../../src/gpu/device_parts.ts";
import { GENERIC_ADAPTER } from "../../src/gpu/dry_device.ts";

test("waits for a part that the adapter uses, and loads it at once for a device that exists", async () => {
  const load = async () => "part";
  const everywhere = () => true;
  const early = devicePart(everywhere, load);
  expect(early()).toBeNull();
  await loadDeviceParts(GENERIC_ADAPTER);
  expect(early()).toBe("part");
  const unused = devicePart(({ software }) => software, load);
  const late = devicePart(everywhere, load);
  expect(late()).toBeNull();
  await Promise.resolve();
  await Promise.resolve();
  expect(late()).toBe("part");
  expect(unused()).toBeNull();
});

test("passes the error of a part on to the request for a device", async () => {
  const part = devicePart(
    () => true,
    () => Promise.reject(new Error("no such file")),
  );
  await expect(loadDeviceParts(GENERIC_ADAPTER)).rejects.toThrow("no such file");
  expect(part()).toBeNull();
});
