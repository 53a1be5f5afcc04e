import fc from "fast-check";
import { expect, test } from "vitest";
import { Parameter } from "../../src/nn/index.ts";
import { noteParts } from "../../src/optim/group_tables.ts";
import { groupZeros } from "../../src/prune/zero_groups.ts";
import type { Shape } from "../../src/tensor/index.ts";
import { groupSparsityOf } from "../../src/train/group_sparsity.ts";
import { type GroupName, groupsOf } from "../reference/sparse_group.ts";

test("counts the groups without a live weight, as a walk over the groups does", () => {
  fc.assert(
    fc.property(
      fc.constantFrom<[Shape, number]>(
        [[13, 5], 1],
        [[12, 1, 3, 3], 12],
        [[20, 3, 1, 1], 2],
        [[36, 2, 2, 1], 3],
        [[8, 4], 1],
      ),
      fc.constantFrom<GroupName>("block8", "block4", "filter", "neuron"),
      fc.array(fc.nat(30), { maxLength: 40 }),
      ([shape, parts], name, alive) => {
        const n = shape.reduce((a, b) => a * b, 1);
        const values = new Float32Array(n);
        for (const i of alive) values[(i * 37) % n] = 1;
        const p = new Parameter(shape, () => values, { prunable: true });
        noteParts(p, parts);
        const groups = groupsOf(name, shape, parts);
        const zero = groups.filter((g) => g.every((i) => values[i] === 0)).length;
        const single = name === "neuron" && shape.length !== 2;
        expect(groupZeros(name, p, values)).toEqual(single ? {} : { groups: groups.length, zeroGroups: zero });
      },
    ),
  );
});

test("gives the share of all layers, and nothing without groups", () => {
  expect(groupSparsityOf([{ groups: 10, zeroGroups: 5 }, {}, { groups: 30, zeroGroups: 25 }])).toBe(0.75);
  expect(groupSparsityOf([{}])).toBeUndefined();
  expect(groupZeros(undefined, new Parameter([2, 2], () => new Float32Array(4)), [0, 0, 0, 0])).toEqual({});
});
