import assert from "node:assert/strict";
import { test } from "node:test";
import { NOTHING_REMEMBERED } from "../../../src/inventory/forming.ts";
import type { NodeLink } from "../../../src/inventory/link.ts";
import { formPools } from "../../../src/inventory/pools.ts";
import type { BandwidthShare } from "../../../src/model/device.ts";
import type { DeviceHealth, HealthCondition } from "../../../src/model/health.ts";
import type { PoolConfig } from "../../../src/model/pool-config.ts";
import { bandwidthPool, card, link, linkPool, node, PF0 } from "./samples.ts";

const nics = linkPool();
const shares = bandwidthPool();

function form(configs: PoolConfig[], links: NodeLink[], away: NodeLink[] = []) {
  const held = new Map(away.map((each) => [each.name, each]));
  return formPools(configs, node({ links }), { ...NOTHING_REMEMBERED, held });
}

/** The health that a finding of its own makes. */
function unhealthy(condition: HealthCondition, reason: string): DeviceHealth {
  return { isHealthy: false, reason, findings: [{ condition, effect: "unhealthy", reason }] };
}

test("links that match a pattern are offered whole, ordered as people count", () => {
  const { pools, notes } = form([nics], [link("nic10", { numaNode: 1 }), link("nic2"), link("eth0")]);
  assert.deepEqual(pools, [
    {
      resource: "lanyard.dev/nics",
      kind: "hostDevice",
      allocation: "numa",
      devices: [
        {
          kind: "hostDevice",
          id: "nic2",
          link: "nic2",
          topology: [],
          access: { nodes: [], mounts: [], info: { kind: "hostDevice", link: "nic2" } },
          health: { isHealthy: true },
        },
        {
          kind: "hostDevice",
          id: "nic10",
          link: "nic10",
          numaNode: 1,
          topology: [1],
          access: { nodes: [], mounts: [], info: { kind: "hostDevice", link: "nic10" } },
          health: { isHealthy: true },
        },
      ],
    },
  ]);
  assert.deepEqual(notes, []);
});

const refusals: [string, Partial<NodeLink>, RegExp][] = [
  [
    "the default route",
    { hasDefaultRoute: true },
    /^nic0 is not offered as lanyard\.dev\/nics: .*default route$/,
  ],
  ["a master", { master: 7 }, /port of another link/],
  ["the loopback address", { isLoopback: true }, /loopback link/],
];

for (const [name, facts, note] of refusals) {
  test(`a link with ${name} is not given away`, () => {
    const { pools, notes } = form([nics], [link("nic0", facts)]);
    assert.deepEqual(pools[0]?.devices, []);
    assert.equal(notes.length, 1);
    assert.match(notes[0] ?? "", note);
  });
}

test("the link of a PF that has VFs is not given away", () => {
  const { pools, notes } = formPools(
    [nics],
    node({ functions: card(PF0, "nic0", 1), links: [link("nic0")] }),
  );
  assert.deepEqual(pools[0]?.devices, []);
  assert.match(
    notes.join(),
    /^nic0 is not offered as lanyard\.dev\/nics: it is a PF, and its VFs are what is used/,
  );
});

test("a link inside a pod stays in its pool, whatever it is there", () => {
  const held = link("nic1", { hasDefaultRoute: true });
  const { pools, notes } = form([nics], [link("nic0")], [held]);
  assert.deepEqual(
    pools[0]?.devices.map(({ id }) => id),
    ["nic0", "nic1"],
  );
  assert.deepEqual(notes, []);
});

test("a link that is back on the node is described as it is there", () => {
  const { pools } = form([nics], [link("nic1", { hasCarrier: false })], [link("nic1")]);
  assert.equal(pools[0]?.devices.length, 1);
  assert.equal(pools[0]?.devices[0]?.health.isHealthy, false);
});

test("a host device is unhealthy when it is up without carrier, and only then", () => {
  for (const [facts, health] of [
    [{ isUp: true, hasCarrier: true }, { isHealthy: true }],
    [{ isUp: false, hasCarrier: false }, { isHealthy: true }],
    [{ isUp: true, hasCarrier: false }, unhealthy("carrier", "nic0 is up but has no carrier")],
  ] as const) {
    assert.deepEqual(form([nics], [link("nic0", facts)]).pools[0]?.devices[0]?.health, health);
  }
});

test("a link is in one pool only: the first that asks for it", () => {
  const { pools, notes } = form([nics, { ...nics, name: "all", links: ["*"] }], [link("nic0"), link("x")]);
  assert.deepEqual(
    pools.map(({ devices }) => devices.map(({ id }) => id)),
    [["nic0"], ["x"]],
  );
  assert.deepEqual(notes, [
    "nic0 is not offered as lanyard.dev/all: it is offered as lanyard.dev/nics already",
  ]);
});

test("an uplink whose bandwidth is shared is not given away, wherever its pool stands", () => {
  const all: PoolConfig = { ...nics, links: ["*"] };
  for (const pools of [
    [all, shares],
    [shares, all],
  ]) {
    const formed = form(pools, [link("up0", { speed: 1_000_000_000 })]);
    assert.deepEqual(formed.pools.find(({ kind }) => kind === "hostDevice")?.devices, []);
    assert.match(
      formed.notes.join(),
      /up0 is not offered .*uplink whose bandwidth is offered as lanyard\.dev\/bw/,
    );
  }
});

test("a pattern that matches nothing is told", () => {
  assert.deepEqual(form([nics], [link("eth0")]).notes, [
    "lanyard.dev/nics finds no link for the pattern nic*",
  ]);
});

const shareCases: [string, Partial<PoolConfig>, NodeLink[], number, RegExp | undefined][] = [
  ["the kernel's speed", {}, [link("up0", { speed: 1_000_000_000 })], 20, undefined],
  ["the configured total", { total: 120_000_000 }, [link("up0")], 2, undefined],
  [
    "the configured total, though it is above the speed",
    { total: 2_000_000_000 },
    [link("up0", { speed: 1_000_000_000 })],
    40,
    /promises more than up0 has: its total of 2 Gbit\/s is above 1 Gbit\/s$/,
  ],
  ["an unknown speed", {}, [link("up0")], 0, /the kernel knows no speed of it, and the pool names no total$/],
  ["no uplink", {}, [], 0, /there is no such link, and the pool names no total$/],
  ["a speed below one share", {}, [link("up0", { speed: 10_000_000 })], 0, /a share of 50 Mbit\/s is above/],
  [
    "far too small a share",
    { share: 1_000 },
    [link("up0", { speed: 1_000_000_000 })],
    10_000,
    /10000 of 1000000 shares/,
  ],
];

for (const [name, facts, links, count, note] of shareCases) {
  test(`${name} makes ${count} shares`, () => {
    const { pools, notes } = form([{ ...shares, ...facts } as PoolConfig], links);
    assert.equal(pools[0]?.devices.length, count);
    assert.equal(notes.length, note === undefined ? 0 : 1, notes.join());
    if (note !== undefined) assert.match(notes[0] ?? "", note);
  });
}

test("shares are numbered from 1, know their rate, and are as healthy as their uplink", () => {
  const total = 100_000_000;
  for (const [links, health] of [
    [[link("up0", { numaNode: 0 })], { isHealthy: true }],
    [[link("up0", { isUp: false })], unhealthy("adminState", "up0 is down")],
    [[link("up0", { hasCarrier: false })], unhealthy("carrier", "up0 has no carrier")],
    [[], unhealthy("present", "the node has no link up0")],
  ] as const) {
    const devices = form([{ ...shares, total }], [...links]).pools[0]?.devices as BandwidthShare[];
    assert.deepEqual(
      devices.map(({ id, rate, health }) => ({ id, rate, health })),
      ["up0-1", "up0-2"].map((id) => ({ id, rate: 50_000_000, health })),
    );
    assert.equal(devices[0]?.numaNode, links[0]?.numaNode);
  }
});
