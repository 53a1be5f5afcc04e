// Mesa's version in a driver file and in version strings.
import { expect, test } from "vitest";
import { isRecentMesa, mesaVersionIn, mesaVersionOf, systemMesaVersion } from "../../src/node/mesa_version.ts";

test("reads the version in lavapipe's bytes", () => {
  const file = (text: string) => Buffer.from(`\0\x7fELF\0no (LLVM here)\0${text}\0end`, "latin1");
  expect(mesaVersionIn(file("Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6)"))).toBe("25.0.7-2~bpo12+1");
  expect(mesaVersionIn(file("26.2.6Mesa 26.2.6 (LLVM "))).toBe("26.2.6");
  expect(mesaVersionIn(file("Mesa (LLVM 15)"))).toBeNull();
  expect(mesaVersionIn(Buffer.alloc(0))).toBeNull();
});

test("returns null for files that cannot be read", () => {
  expect(mesaVersionOf("/no/such/libvulkan_lvp.so")).toBeNull();
  expect(systemMesaVersion("/no/such/lvp_icd.json:/no/other.json")).toBeNull();
});

test.each<[string | null, boolean]>([
  ["26.1.0", true],
  ["26.1.6-1~bpo13+1", true],
  ["26.2.6-1", true],
  ["1:27.0.0", true],
  ["26.0.9", false],
  ["25.3.1-1", false],
  ["25.0.7-2~bpo12+1", false],
  ["", false],
  [null, false],
])("isRecentMesa(%j) is %j", (version, want) => expect(isRecentMesa(version)).toBe(want));
