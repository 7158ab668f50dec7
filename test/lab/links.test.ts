import assert from "node:assert/strict";
import test from "node:test";
import type { Namespace } from "../../src/linux/namespace.ts";
import type { LinkKindSpec } from "../../src/linux/route/kinds/kinds.ts";
import type { NewLink } from "../../src/linux/route/links.ts";
import { runIn, World } from "../kernel/world.ts";

/** Links of the kinds and settings that only the guest's kernel has, read back by us and by iproute2. */

const PATIENCE = { timeout: 60_000 };

/** What `ip -d -j link show` says of one link, as far as it is looked at. */
interface ToldLink {
  readonly mtu: number;
  readonly altnames?: readonly string[];
  readonly vlan_tci?: unknown;
  readonly linkinfo: { readonly info_kind: string; readonly info_data?: Readonly<Record<string, unknown>> };
}

interface KindCase {
  readonly of: LinkKindSpec;
  /** Whether it stands on another link. */
  readonly hasParent?: boolean;
  /** What iproute2 must say in `info_data`. */
  readonly told: Readonly<Record<string, unknown>>;
}

const cases: readonly KindCase[] = [
  { of: { kind: "dummy" }, told: {} },
  { of: { kind: "vrf", table: 77 }, told: { table: 77 } },
  {
    of: {
      kind: "vlan",
      id: 100,
      protocol: "802.1ad",
      egressQos: [{ from: 3, to: 5 }],
      ingressQos: [{ from: 6, to: 2 }],
      looseBinding: true,
    },
    hasParent: true,
    told: {
      protocol: "802.1ad",
      id: 100,
      flags: ["REORDER_HDR", "LOOSE_BINDING"],
      ingress_qos: [{ from: 6, to: 2 }],
      egress_qos: [{ from: 3, to: 5 }],
    },
  },
  {
    of: { kind: "ipvlan", mode: "l3s", isolation: "vepa" },
    hasParent: true,
    told: { mode: "l3s" },
  },
  {
    of: {
      kind: "bond",
      mode: "802.3ad",
      miimon: 100,
      upDelay: 200,
      downDelay: 300,
      hashPolicy: "layer3+4",
      minLinks: 1,
      lacpRate: "fast",
    },
    told: {
      mode: "802.3ad",
      miimon: 100,
      updelay: 200,
      downdelay: 300,
      xmit_hash_policy: "layer3+4",
      min_links: 1,
      ad_lacp_rate: "fast",
    },
  },
  {
    of: { kind: "bridge", isVlanFiltering: true, vlanProtocol: "802.1ad", defaultPvid: 12 },
    told: { vlan_filtering: 1, vlan_protocol: "802.1ad", vlan_default_pvid: 12 },
  },
];

for (const { of, hasParent, told } of cases) {
  test(`a ${of.kind} is what was asked for, to us and to iproute2`, PATIENCE, async () => {
    await using world = new World();
    const namespace = await world.makeNamespace();
    const parent =
      hasParent === true ? await makeLink(namespace, { name: "base", of: { kind: "dummy" } }) : undefined;
    await makeLink(namespace, { name: "made", of, ...(parent === undefined ? {} : { parent }) });
    const link = await namespace.links.get("made");
    assert.equal(link.kind, of.kind);
    if (parent !== undefined) assert.equal(link.parent, parent);
    const { kind: _, ...wanted } = of;
    assert.deepEqual(pick(link.kindData ?? {}, wanted), wanted);
    const { linkinfo } = await askIp(namespace, "made");
    assert.equal(linkinfo.info_kind, of.kind);
    assert.deepEqual(pick(linkinfo.info_data ?? {}, told), told);
  });
}

test("a vlan's packets carry its tag, and its map decides their priority", PATIENCE, async () => {
  await using world = new World();
  const here = await world.makeNamespace();
  const there = await world.makeNamespace();
  const [near] = await world.joinByVeth([here, "near"], [there, "far"]);
  const far = await there.links.get("far");
  const vlan = { kind: "vlan", id: 7 } as const;
  const tagged = await makeLink(here, {
    name: "near.7",
    parent: near.index,
    of: { ...vlan, egressQos: [{ from: 0, to: 5 }] },
    isUp: true,
  });
  await here.addresses.add(tagged, "10.7.0.1/24");
  const answering = await makeLink(there, { name: "far.7", parent: far.index, of: vlan, isUp: true });
  await there.addresses.add(answering, "10.7.0.2/24");
  // Only packets of VLAN 7 with the priority 5 are counted: 0xb is `parent ffff:fff2`.
  await runIn(there, "tc", "qdisc", "add", "dev", "far", "clsact");
  const filter = ["protocol", "802.1Q", "pref", "1", "flower", "vlan_id", "7", "vlan_prio", "5"];
  await runIn(there, "tc", "filter", "add", "dev", "far", "ingress", ...filter, "action", "ok");
  await runIn(here, "/run/lab/bin/busybox", "ping", "-c", "2", "-W", "5", "10.7.0.2");
  const shown = JSON.parse(await runIn(there, "tc", "-s", "-j", "filter", "show", "dev", "far", "ingress"));
  const packets = shown.flatMap((each: { options?: { actions?: { stats: { packets: number } }[] } }) =>
    (each.options?.actions ?? []).map(({ stats }) => stats.packets),
  );
  assert.ok(packets[0] >= 2, `counted ${packets}`);
});

test("other names are added, found by, and taken away", PATIENCE, async () => {
  await using world = new World();
  const namespace = await world.makeNamespace();
  const index = await makeLink(namespace, { name: "net1", of: { kind: "dummy" } });
  const long = "a-name-that-is-longer-than-fifteen-bytes";
  await namespace.links.addAltNames(index, ["uplink", long]);
  assert.deepEqual((await namespace.links.get(index)).altNames, ["uplink", long]);
  assert.equal((await namespace.links.get("uplink")).index, index);
  assert.equal((await namespace.links.get(long)).index, index);
  assert.deepEqual((await askIp(namespace, "net1")).altnames, ["uplink", long]);
  await assert.rejects(namespace.links.addAltNames(index, ["uplink"]), /EEXIST/);
  await namespace.links.deleteAltNames(index, ["uplink"]);
  assert.deepEqual((await namespace.links.get(index)).altNames, [long]);
});

test("a bond goes on with its other link when one loses its carrier", PATIENCE, async () => {
  await using world = new World();
  const namespace = await world.makeNamespace();
  const far = await world.makeNamespace();
  const of = { kind: "bond", mode: "active-backup", miimon: 10 } as const;
  const bond = await makeLink(namespace, { name: "bond0", of });
  for (const name of ["leg0", "leg1"]) {
    await makeLink(namespace, {
      name,
      of: { kind: "veth", peer: { name: `far-${name}`, namespaceFd: far.fd } },
    });
    await far.links.set((await far.links.get(`far-${name}`)).index, { isUp: true });
    await namespace.links.set((await namespace.links.get(name)).index, { master: bond });
  }
  await namespace.links.set(bond, { isUp: true });
  const active = async () => (await namespace.links.get(bond)).kindData?.activeLink;
  const legs = [await indexOf(namespace, "leg0"), await indexOf(namespace, "leg1")];
  await until("the first leg is used", async () => (await active()) === legs[0]);
  await far.links.set(await indexOf(far, "far-leg0"), { isUp: false });
  await until("the second leg is used", async () => (await active()) === legs[1]);
});

async function makeLink(namespace: Namespace, link: NewLink): Promise<number> {
  await namespace.links.create(link);
  return await indexOf(namespace, link.name);
}

async function indexOf({ links }: Namespace, name: string): Promise<number> {
  return (await links.get(name)).index;
}

async function askIp(namespace: Namespace, name: string): Promise<ToldLink> {
  const [told] = JSON.parse(await runIn(namespace, "ip", "-d", "-j", "link", "show", "dev", name));
  return told;
}

/** Those of an object's fields that another has. */
function pick(from: object, like: object): object {
  return Object.fromEntries(Object.entries(from).filter(([name]) => Object.hasOwn(like, name)));
}

/** Looks again until it is so; the test's own time limit ends what never comes. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 500; look++) if (await isSo()) return;
  throw new Error(`it did not come to be that ${what}`);
}
