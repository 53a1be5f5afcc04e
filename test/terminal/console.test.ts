// Standard streams that fail: the output ends, the work continues.
import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { displayReason, guardStream } from "../../src/terminal/console.ts";
import { createProgress } from "../../src/terminal/progress.ts";

/** A stream that accepts `good` chunks and refuses the rest. */
function failing(code: string, good: number) {
  const taken: string[] = [];
  let asked = 0;
  const stream = new Writable({
    autoDestroy: false,
    write(chunk: Buffer, _encoding, done) {
      asked++;
      if (taken.length < good) {
        taken.push(chunk.toString());
        done();
      } else done(Object.assign(new Error(`write ${code}`), { code }));
    },
  });
  return { stream: stream as unknown as NodeJS.WriteStream, taken, asked: () => asked };
}
const turn = () => new Promise((done) => setImmediate(done));

describe("a stream that fails", () => {
  test.each(["EPIPE", "ENOSPC", "EIO"])(
    "%s drops all output after the first error, and reports it once",
    async (code) => {
      const { stream, taken, asked } = failing(code, 1);
      const heard: (string | undefined)[] = [];
      const guard = guardStream(stream, (error) => heard.push(error.code));
      for (let i = 0; i < 5; i++) {
        stream.write(`line ${i}\n`);
        await turn();
      }
      expect(taken).toEqual(["line 0\n"]);
      expect(asked()).toBe(2);
      expect(heard).toEqual([code]);
      expect(guard.failure?.code).toBe(code);
    },
  );

  test("calls the callbacks of later writes", async () => {
    const { stream } = failing("EPIPE", 0);
    guardStream(stream, () => {});
    stream.write("x");
    await turn();
    await new Promise<void>((done) => stream.write("", () => done()));
    await new Promise<void>((done) => stream.write("", "utf8", () => done()));
  });

  test("lets a bar and its lines outlive their terminal", async () => {
    const { stream } = failing("EIO", 0);
    guardStream(stream, () => {});
    Object.assign(stream, { isTTY: true });
    const progress = createProgress({ label: "train", stream, env: {} });
    for (let i = 1; i <= 3; i++) {
      progress.update(i, 3);
      progress.log(`line ${i}`);
      await turn();
    }
    progress.stop();
  });
});

test("describes the reasons", () => {
  const reason = (code: string) => displayReason(Object.assign(new Error("write EBADF"), { code }));
  expect([reason("EPIPE"), reason("ENOSPC"), reason("EIO"), reason("EBADF")]).toEqual([
    "its reader is gone",
    "the disk is full",
    "the terminal is gone",
    "write EBADF",
  ]);
});
