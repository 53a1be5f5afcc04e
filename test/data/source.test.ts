import { expect, test } from "vitest";
import { SourceError } from "../../src/data/errors.ts";
import { fetchSource, memorySource } from "../../src/data/source.ts";

/** A server of these answers; records what it was asked. */
function server(answers: Record<string, () => Response>, asked: string[] = []): typeof fetch {
  return async (input, init) => {
    asked.push(`${init?.method} ${input}`);
    const answer = answers[`${init?.method} ${input}`] ?? answers[String(input)];
    return answer ? answer() : new Response(null, { status: 404 });
  };
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(SourceError);
  return (error as Error).message;
}

test("a memory source has files by path", async () => {
  const source = memorySource({ "a/b": new Uint8Array([1]) }, "box");
  expect(await source.exists("a/b")).toBe(true);
  expect(await source.exists("toString")).toBe(false);
  expect(await source.read("a/b")).toEqual(new Uint8Array([1]));
  expect(await refusal(source.read("c"))).toBe("box: c: no such file");
  const map = memorySource(new Map([["x", new Uint8Array(2)]]));
  expect((await map.read("x")).length).toBe(2);
});

test("refuses paths that leave the source", async () => {
  const asked: string[] = [];
  for (const source of [memorySource({}), fetchSource("http://h/d", server({}, asked))]) {
    for (const path of ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a\\b"]) {
      expect(await refusal(source.read(path))).toContain("expected a relative path");
      expect(await refusal(source.exists(path))).toContain("expected a relative path");
    }
  }
  expect(asked).toEqual([]);
});

test("fetches below the base address, escaping names", async () => {
  const asked: string[] = [];
  const source = fetchSource(
    "http://h/d",
    server({ "http://h/d/a%3Fb/c": () => new Response(new Uint8Array([7])) }, asked),
  );
  expect(await source.read("a?b/c")).toEqual(new Uint8Array([7]));
  expect(await source.exists("a?b/c")).toBe(true);
  expect(await source.exists("no")).toBe(false);
  expect(asked).toEqual(["GET http://h/d/a%3Fb/c", "HEAD http://h/d/a%3Fb/c", "HEAD http://h/d/no"]);
});

test("a page of HTML in place of a file counts as missing", async () => {
  const page = () => new Response("<!doctype html>", { headers: { "content-type": "text/html; charset=utf-8" } });
  const source = fetchSource("http://h/", server({ "http://h/w.bin": page, "http://h/i.html": page }));
  expect(await source.exists("w.bin")).toBe(false);
  expect(await source.exists("i.html")).toBe(true);
  expect(await refusal(source.read("w.bin"))).toBe("http://h/: w.bin: no such file");
});

test("names the file of other responses and broken connections", async () => {
  const source = fetchSource(
    "http://h/",
    server({
      "http://h/busy": () => new Response(null, { status: 503 }),
      "http://h/down": () => {
        throw new TypeError("fetch failed");
      },
      "HEAD http://h/get-only": () => new Response(null, { status: 405 }),
      "GET http://h/get-only": () => new Response("x"),
    }),
  );
  expect(await refusal(source.read("busy"))).toBe("http://h/: busy: the server answered 503");
  expect(await refusal(source.exists("busy"))).toContain("503");
  expect(await refusal(source.read("down"))).toBe("http://h/: down: could not be fetched (fetch failed)");
  expect(await refusal(source.read("none"))).toBe("http://h/: none: no such file");
  expect(await source.exists("get-only")).toBe(true);
});

test("lists folders, sorted, files and folders alike", async () => {
  const files = {
    "b/y": new Uint8Array(1),
    "b/x/z": new Uint8Array(1),
    a: new Uint8Array(1),
    "b/x/w": new Uint8Array(1),
  };
  const source = memorySource(files, "box");
  expect(await source.list("")).toEqual(["a", "b"]);
  expect(await source.list("b")).toEqual(["x", "y"]);
  expect(await source.list("b/x")).toEqual(["w", "z"]);
  expect(await refusal(source.list("c"))).toBe("box: c: no such folder");
  expect(await refusal(source.list("../b"))).toContain("expected a relative path");
  expect(await memorySource({}).list("")).toEqual([]);
});

test("lists a web address by its index.json", async () => {
  const json = (value: unknown) => () => new Response(JSON.stringify(value));
  const source = fetchSource(
    "http://h/d",
    server({
      "http://h/d/index.json": json(["b", "a"]),
      "http://h/d/sub/index.json": json({ a: 1 }),
      "http://h/d/bad/index.json": () => new Response("<"),
    }),
  );
  expect(await source.list("")).toEqual(["a", "b"]);
  expect(await refusal(source.list("none"))).toBe(
    "http://h/d/: none/index.json: no such file: a web server does not list a folder; put a JSON array of the names there",
  );
  for (const path of ["sub", "bad"]) {
    expect(await refusal(source.list(path))).toBe(`http://h/d/: ${path}/index.json: expected a JSON array of names`);
  }
  expect(await refusal(source.list("../x"))).toContain("expected a relative path");
});
