// A few SIGKILLs at random times; the campaign itself is `npm run kill-campaign`.
import { expect, test } from "vitest";
import { killCampaign } from "../../tools/kill_campaign.ts";

test("runs that were killed and started again leave what a run leaves that never was", async () => {
  const trials = await killCampaign({ count: 3, seed: 7, images: 48 });
  expect(trials.reduce((n, { kills }) => n + kills.length, 0)).toBe(3);
  expect(trials.map(({ differences }) => differences)).toEqual(trials.map(() => []));
});
