// A few SIGKILLs at random times. `npm run kill-campaign` runs more of them.
import { expect, test } from "vitest";
import { killCampaign } from "../../tools/kill_campaign.ts";

test("killed and restarted runs leave the same files as an uninterrupted run", async () => {
  const trials = await killCampaign({ count: 3, seed: 7, images: 48 });
  expect(trials.reduce((n, { kills }) => n + kills.length, 0)).toBe(3);
  expect(trials.map(({ differences }) => differences)).toEqual(trials.map(() => []));
});
