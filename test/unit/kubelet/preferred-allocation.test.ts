import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { preferDevices } from "../../../src/kubelet/preferred-allocation.ts";
import { ALLOCATION_POLICIES, type AllocationPolicy } from "../../../src/model/device.ts";
import { nic, policyPool, share, vf } from "./pools.ts";

const resource = "intel.com/vfs";

/** Three PFs: `a` and `b` on node 0 with three VFs and two, `c` on node 1 with three; `d` with one VF on no node. */
const devices = [
  ...["a0", "a1", "a2"].map((id) => vf(id, "pf-a", { numaNode: 0 })),
  ...["b0", "b1"].map((id) => vf(id, "pf-b", { numaNode: 0 })),
  ...["c0", "c1", "c2"].map((id) => vf(id, "pf-c", { numaNode: 1 })),
  vf("d0", "pf-d"),
];
const all = devices.map(({ id }) => id);

type Case = [
  name: string,
  policy: AllocationPolicy,
  available: string[],
  must: string[],
  size: number,
  expected: string[],
];

describe("the policy of a preferred allocation", () => {
  const cases: Case[] = [
    ["packs into the node with the fewest free", "pack", all, [], 1, ["c0"]],
    [
      "packs two into the PF that is left with the fewest",
      "pack",
      ["a0", "a1", "a2", "b0", "b1"],
      [],
      2,
      ["b0", "b1"],
    ],
    [
      "packs three into the one PF that has three",
      "pack",
      ["a0", "a1", "a2", "b0", "b1"],
      [],
      3,
      ["a0", "a1", "a2"],
    ],
    ["packs into the PF that is in use", "pack", ["a0", "a1", "a2", "b0", "b1"], ["a1"], 2, ["a0", "a1"]],
    [
      "packs where fewer PFs are needed, though the other node has fewer free",
      "pack",
      ["a0", "b0", "c0", "c1", "c2"],
      [],
      2,
      ["c0", "c1"],
    ],
    ["packs four into one node, though it takes two PFs", "pack", all, [], 4, ["a0", "a1", "a2", "b0"]],
    ["spreads two over the two PFs of a node", "spread", all, [], 2, ["a0", "b0"]],
    ["spreads four evenly", "spread", all, [], 4, ["a0", "a1", "b0", "b1"]],
    ["spreads away from the PF that is in use", "spread", ["a0", "a1", "a2", "b0"], ["a2"], 2, ["a2", "b0"]],
    ["spreads, but leaves a node no sooner than it must", "spread", all, ["c0"], 2, ["c0", "c1"]],
    ["bonds two PFs of one node", "bond", all, [], 2, ["a0", "b0"]],
    ["bonds over nodes where one has too few PFs", "bond", all, [], 3, ["a0", "b0", "c0"]],
    ["bonds with a PF of no node last", "bond", all, [], 4, ["a0", "b0", "c0", "d0"]],
    ["bonds beside what must be included", "bond", all, ["b1"], 2, ["a0", "b1"]],
    ["bonds one", "bond", all, [], 1, ["c0"]],
  ];
  for (const [name, policy, available, mustInclude, size, expected] of cases) {
    it(name, () => {
      const pool = policyPool(policy, resource, ...devices);
      for (const order of [available, available.toReversed()]) {
        assert.deepEqual(preferDevices(pool, { available: order, mustInclude, size }), expected);
      }
    });
  }

  it("takes a whole link for its own PF, and shares by their uplink", () => {
    const links = policyPool("bond", resource, nic("up0"), nic("up1"));
    assert.deepEqual(preferDevices(links, { available: ["up1", "up0"], mustInclude: [], size: 2 }), [
      "up0",
      "up1",
    ]);
    const shares = policyPool(
      "spread",
      resource,
      share("p-1", "p", 1),
      share("p-2", "p", 1),
      share("q-1", "q", 1),
    );
    const request = { available: ["p-1", "p-2", "q-1"], mustInclude: [], size: 2 };
    assert.deepEqual(preferDevices(shares, request), ["p-1", "q-1"]);
  });

  it("bonds with a sick device rather than not at all, and with a well one where there is a choice", () => {
    const health = { isHealthy: false, reason: "no carrier" };
    const pool = policyPool(
      "bond",
      resource,
      vf("a", "p"),
      vf("b", "q", { health }),
      vf("c", "q"),
      vf("d", "r", { health }),
    );
    const prefer = (size: number) =>
      preferDevices(pool, { available: ["a", "b", "c", "d"], mustInclude: [], size });
    assert.deepEqual(prefer(2), ["a", "c"]);
    assert.deepEqual(prefer(3), ["a", "c", "d"]);
  });

  const refusals: [name: string, available: string[], must: string[], size: number, uplinks: number][] = [
    ["more devices than there are PFs", ["a0", "a1", "b0"], [], 3, 2],
    ["a second device of one PF to include", ["a0", "a1", "b0"], ["a0", "a1"], 2, 1],
  ];
  for (const [name, available, mustInclude, size, uplinks] of refusals) {
    it(`refuses to bond ${name}`, () => {
      const pool = policyPool("bond", resource, ...devices);
      assert.throws(() => preferDevices(pool, { available, mustInclude, size }), {
        code: "unavailable",
        message: `preferred allocation of intel.com/vfs: its policy is bond, each device from another PF; ${size} are wanted, but free devices are on ${uplinks} PFs`,
      });
    });
  }

  it("gives as many as wanted, all of them available, what must be included among them, and bonds only different PFs", () => {
    const device = fc.record({
      pf: fc.integer({ min: 0, max: 4 }),
      node: fc.option(fc.integer({ min: 0, max: 1 }), { nil: undefined }),
      isHealthy: fc.boolean(),
      isFree: fc.boolean(),
      isWanted: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
    });
    const request = fc.record({
      policy: fc.constantFrom(...ALLOCATION_POLICIES),
      drawn: fc.array(device, { minLength: 1, maxLength: 24 }),
      more: fc.nat({ max: 6 }),
    });
    fc.assert(
      fc.property(request, ({ policy, drawn, more }) => {
        const made = drawn.map(({ pf, node, isHealthy }, index) =>
          vf(`v${index}`, `pf${pf}`, {
            ...(node !== undefined && { numaNode: node }),
            health: { isHealthy },
          }),
        );
        const pool = policyPool(policy, resource, ...made);
        const mustInclude = made.filter((_, index) => drawn[index]?.isWanted).map(({ id }) => id);
        const free = made.filter((_, index) => drawn[index]?.isFree || drawn[index]?.isWanted);
        const available = free.map(({ id }) => id);
        const size = Math.min(available.length, mustInclude.length + more);
        fc.pre(size > 0);
        const uplinksOf = (ids: readonly string[]) =>
          new Set(ids.map((id) => made.find((each) => each.id === id)?.pfAddress)).size;
        const canBond = uplinksOf(mustInclude) === mustInclude.length && uplinksOf(available) >= size;
        const prefer = () => preferDevices(pool, { available, mustInclude, size });
        if (policy === "bond" && !canBond) {
          assert.throws(prefer, { code: "unavailable" });
          return;
        }
        const ids = prefer();
        assert.equal(new Set(ids).size, size);
        assert(ids.every((id) => available.includes(id)));
        assert(mustInclude.every((id) => ids.includes(id)));
        if (policy === "bond") assert.equal(uplinksOf(ids), size);
        assert.deepEqual(preferDevices(pool, { available: available.toReversed(), mustInclude, size }), ids);
      }),
      { numRuns: 500 },
    );
  });
});
