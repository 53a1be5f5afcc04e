// Fixtures of event files: the events read from a file beside the fixture, and the frames made of them.
import { framesByNumber, framesByTime } from "../../src/data/index.ts";
import { parseEvents } from "../../src/io/index.ts";
import { Unsupported } from "./attrs.ts";
import type { Handlers } from "./handler.ts";

export const eventHandlers: Handlers = {
  event_file: (attrs, _case, readFile) => {
    const path = attrs.sentence("file");
    const size = attrs.number("bytes");
    const sensor = [attrs.number("height"), attrs.number("width")] as const;
    const frames = attrs.number("frames");
    attrs.ignore("format"); // a sentence; the file's first line says the same
    return async () => {
      if (!readFile) throw new Unsupported(`${path}: files beside the fixture cannot be read here`);
      const bytes = await readFile(path);
      if (bytes.length !== size) throw new Error(`${path} has ${bytes.length} bytes, the case says ${size}`);
      const recording = parseEvents(bytes, path, { sensor });
      const { t, x, y, p } = recording;
      return {
        ...{ t, x, y, p },
        frames_by_number: framesByNumber(recording, { frames, sensor }).data,
        frames_by_time: framesByTime(recording, { frames, sensor }).data,
      };
    };
  },
};
