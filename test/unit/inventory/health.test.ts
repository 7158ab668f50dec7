import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { judge, troublesOf } from "../../../src/inventory/health.ts";
import type { NodeLink } from "../../../src/inventory/link.ts";
import type { NodeReading } from "../../../src/inventory/node.ts";
import { formPools } from "../../../src/inventory/pools.ts";
import {
  DEFAULT_HEALTH_POLICY,
  HEALTH_CONDITIONS,
  HEALTH_EFFECTS,
  type HealthCondition,
  type HealthPolicy,
} from "../../../src/model/health.ts";
import { functionOf, functionPool, link, node, PF0, PF1, pci, sf, vf, vfAddress } from "./samples.ts";

const VF = vfAddress(PF0, 0);
const SWITCH = "00aa";

/** A PF with one VF, in switchdev mode, and both ends of the VF; `changes` are to the links by name. */
function cardOf(
  changes: Record<string, Partial<NodeLink>> = {},
  more: Partial<NodeReading> = {},
): NodeReading {
  const ports = { p0: "p0", eth7: "pf0vf0" };
  const links = Object.entries(ports).map(([name, physicalPortName]) =>
    link(name, { physicalPortName, physicalSwitchId: SWITCH, ...changes[name] }),
  );
  return node({
    functions: [pci(PF0, { vfCount: 1, links: ["eth7", "p0"] }), vf(PF0, 0, { links: ["v0"] })],
    links: [...links, link("v0", changes.v0)],
    cards: new Map([[PF0, { eswitchMode: "switchdev", failedReporters: [] }]]),
    ...more,
  });
}

const without = (reading: NodeReading, name: string) => ({
  ...reading,
  links: reading.links.filter((each) => each.name !== name),
});

function unbound(): NodeReading {
  const { driver: _, ...facts } = vf(PF0, 0);
  return cardOf({}, { functions: [pci(PF0, { vfCount: 1, links: ["eth7", "p0"] }), facts] });
}

const failing = (...failedReporters: string[]) => ({
  cards: new Map([[PF0, { eswitchMode: "switchdev", failedReporters }]]),
});

/** What is found of the VF. */
const faults: [string, NodeReading, HealthCondition, string][] = [
  ["no driver", unbound(), "driver", `no driver is bound to ${VF}`],
  ["its PF down", cardOf({ p0: { isUp: false, hasCarrier: false } }), "adminState", "p0 is down"],
  ["its PF without a carrier", cardOf({ p0: { hasCarrier: false } }), "carrier", "p0 has no carrier"],
  [
    "its link forced down by the PF",
    cardOf({}, { disabledVfs: new Set([VF]) }),
    "linkState",
    `the PF has forced the link of ${VF} down`,
  ],
  [
    "no port on the card's switch",
    without(cardOf(), "eth7"),
    "representor",
    `the card's switch shows no port for ${VF}`,
  ],
  [
    "a port on the card's switch that is joined to a bridge and down",
    cardOf({ eth7: { master: 900, isUp: false } }),
    "representor",
    "eth7, its port on the card's switch, is down",
  ],
  [
    "a PCI error of its own",
    cardOf({}, { recentPciErrors: new Map([[VF, 1]]) }),
    "pciErrors",
    "1 uncorrectable PCI error lately",
  ],
  [
    "PCI errors of its own and of its PF",
    cardOf(
      {},
      {
        recentPciErrors: new Map([
          [VF, 1],
          [PF0, 2],
          [PF1, 9],
        ]),
      },
    ),
    "pciErrors",
    "3 uncorrectable PCI errors lately",
  ],
  [
    "a reporter of the card in an error",
    cardOf({}, failing("fw_fatal")),
    "devlink",
    "the card reports an error: fw_fatal",
  ],
];

const wells: [string, NodeReading][] = [
  ["everything as it should be", cardOf()],
  ["its own link down", cardOf({ v0: { isUp: false, hasCarrier: false } })],
  ["its own link up without a carrier, as its pod made it", cardOf({ v0: { hasCarrier: false } })],
  ["its own link inside a pod", without(cardOf(), "v0")],
  ["its PF's link not on the node", without(cardOf({}, { cards: new Map() }), "p0")],
  ["a port on the card's switch that is down and joined to nothing", cardOf({ eth7: { isUp: false } })],
  [
    "no port where the card is not in switchdev mode",
    without(cardOf({}, { cards: new Map([[PF0, { eswitchMode: "legacy", failedReporters: [] }]]) }), "eth7"),
  ],
  ["errors of another card", cardOf({}, { recentPciErrors: new Map([[PF1, 3]]) })],
  [
    "another card's reporter in an error",
    cardOf({}, { cards: new Map([[PF1, { failedReporters: ["fw"] }]]) }),
  ],
  ["another VF forced down", cardOf({}, { disabledVfs: new Set([vfAddress(PF0, 1)]) })],
];

describe("a VF", () => {
  for (const [what, reading, condition, reason] of faults) {
    test(`with ${what} fails the condition ${condition}`, () => {
      assert.deepEqual(troublesOf(functionOf(reading, VF)), [{ condition, reason }]);
    });
  }
  for (const [what, reading] of wells) {
    test(`with ${what} is well`, () => {
      assert.deepEqual(troublesOf(functionOf(reading, VF)), []);
    });
  }

  test("tells of every fault, in the order of the conditions", () => {
    const reading = cardOf(
      { p0: { hasCarrier: false } },
      { recentPciErrors: new Map([[VF, 1]]), disabledVfs: new Set([VF]), ...failing("fw", "rx") },
    );
    assert.deepEqual(
      troublesOf(functionOf(reading, VF)).map(({ condition }) => condition),
      ["carrier", "linkState", "pciErrors", "devlink", "devlink"],
    );
  });

  test("counts a PF's errors for all of its VFs, and a VF's only for itself", () => {
    const reading = node({
      functions: [pci(PF0, { vfCount: 2 }), vf(PF0, 0), vf(PF0, 1)],
      recentPciErrors: new Map([[VF, 1]]),
    });
    const counts = [VF, vfAddress(PF0, 1)].map((name) => functionOf(reading, name).recentPciErrors);
    assert.deepEqual(counts, [1, 0]);
  });
});

describe("a function that is no VF", () => {
  const found = (facts: Partial<NodeLink>, more: Partial<NodeReading> = {}) => {
    const functions = [pci(PF0, { links: ["p0"] })];
    return troublesOf(functionOf(node({ functions, links: [link("p0", facts)], ...more }), PF0));
  };

  test("is well while its link is down, because it waits for its pod", () => {
    assert.deepEqual(found({ isUp: false, hasCarrier: false }), []);
  });

  test("has to have a carrier while its link is up", () => {
    assert.deepEqual(found({ hasCarrier: false }), [
      { condition: "carrier", reason: "p0 is up but has no carrier" },
    ]);
  });

  test("counts its own errors once", () => {
    assert.deepEqual(found({}, { recentPciErrors: new Map([[PF0, 2]]) }), [
      { condition: "pciErrors", reason: "2 uncorrectable PCI errors lately" },
    ]);
  });
});

test("a sub-function follows its PF as a VF does", () => {
  const reading = node({
    functions: [pci(PF0, { links: ["p0"] }), sf(PF0, 2, 88, { links: ["s88"] })],
    links: [link("p0", { hasCarrier: false }), link("s88", { isUp: false, hasCarrier: false })],
  });
  assert.deepEqual(troublesOf(functionOf(reading, "mlx5_core.sf.2")), [
    { condition: "carrier", reason: "p0 has no carrier" },
  ]);
});

test("errors of the function that a sub-function belongs to count once for it", () => {
  const reading = node({
    functions: [pci(PF0), sf(PF0, 2, 88)],
    recentPciErrors: new Map([[PF0, 2]]),
  });
  assert.deepEqual(troublesOf(functionOf(reading, "mlx5_core.sf.2")), [
    { condition: "pciErrors", reason: "2 uncorrectable PCI errors lately" },
  ]);
});

describe("what a pool makes of a fault", () => {
  const reason = "something is wrong";
  const policyWith = (condition: HealthCondition, effect: HealthPolicy[HealthCondition]): HealthPolicy => ({
    ...DEFAULT_HEALTH_POLICY,
    [condition]: effect,
  });
  const expected = {
    ignore: () => ({ isHealthy: true }),
    report: (condition: HealthCondition) => ({
      isHealthy: true,
      findings: [{ condition, effect: "report", reason }],
    }),
    unhealthy: (condition: HealthCondition) => ({
      isHealthy: false,
      reason,
      findings: [{ condition, effect: "unhealthy", reason }],
    }),
  };
  for (const condition of HEALTH_CONDITIONS) {
    for (const effect of HEALTH_EFFECTS) {
      test(`of the condition ${condition}, by the effect ${effect}`, () => {
        const health = judge([{ condition, reason }], policyWith(condition, effect));
        assert.deepEqual(health, expected[effect](condition));
      });
    }
  }

  test("is by default that counted errors are only told and all else takes the device away", () => {
    const takenAway = HEALTH_CONDITIONS.filter(
      (condition) => !judge([{ condition, reason }], DEFAULT_HEALTH_POLICY).isHealthy,
    );
    assert.deepEqual(takenAway, ["present", "driver", "adminState", "carrier", "linkState", "representor"]);
  });

  test("gives the first reason that makes the device unhealthy, and tells of all", () => {
    const health = judge(
      [
        { condition: "pciErrors", reason: "errors" },
        { condition: "carrier", reason: "no carrier" },
        { condition: "linkState", reason: "forced down" },
      ],
      policyWith("linkState", "unhealthy"),
    );
    assert.deepEqual(health, {
      isHealthy: false,
      reason: "no carrier",
      findings: [
        { condition: "pciErrors", effect: "report", reason: "errors" },
        { condition: "carrier", effect: "unhealthy", reason: "no carrier" },
        { condition: "linkState", effect: "unhealthy", reason: "forced down" },
      ],
    });
  });

  test("is the pool's own: two pools of one PF may differ", () => {
    const reading = node({
      functions: [pci(PF0, { vfCount: 2, links: ["p0"] }), vf(PF0, 0), vf(PF0, 1)],
      links: [link("p0", { hasCarrier: false })],
    });
    const selectors = [{ isRdma: false, needVhostNet: false, pciAddresses: [VF] }];
    const tolerant = functionPool("tolerant", { selectors, health: policyWith("carrier", "ignore") });
    const { pools } = formPools([tolerant, functionPool("strict")], reading);
    assert.deepEqual(
      pools.map(({ devices }) => devices[0]?.health.isHealthy),
      [true, false],
    );
  });
});
