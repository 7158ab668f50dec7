import assert from "node:assert/strict";
import test from "node:test";
import type { AttachmentRequest, LinkRequest } from "../../../../src/attachment/request.ts";
import { BandwidthBudget } from "../../../../src/attachment/resolve/bandwidth-budget.ts";
import type { BandwidthShare } from "../../../../src/model/device.ts";
import type { FunctionPlace } from "../../../../src/model/ports.ts";

const SHARES = "lanyard.dev/up0-bandwidth";

const VF: FunctionPlace = {
  pciAddress: "0000:86:01.3",
  pfAddress: "0000:86:00.0",
  pfName: "up0",
  vfIndex: 3,
  link: "up0v3",
};

/** Ten shares of 50 Mbit/s of up0; nobody counts the bandwidth of up1. */
const devices = {
  findDevice: (resource: string, id: string): BandwidthShare | undefined =>
    resource === SHARES
      ? {
          kind: "bandwidthShare",
          id,
          link: "up0",
          rate: 50_000_000,
          topology: [],
          access: { nodes: [], mounts: [], info: {} },
          health: { isHealthy: true },
        }
      : undefined,
  bandwidthResource: (link: string) => (link === "up0" ? SHARES : undefined),
  findFunction: (pciAddress: string): FunctionPlace | undefined =>
    pciAddress === VF.pciAddress ? VF : undefined,
  functionOfLink: (link: string): FunctionPlace | undefined => (link === "up0v3" ? VF : undefined),
};

function given(count: number) {
  return Array.from({ length: count }, (_, at) => ({
    resource: SHARES,
    id: `up0-${at + 1}`,
    container: "main",
  }));
}

function wish(parent: string, guaranteed?: number, interfaceName = "net1"): AttachmentRequest {
  return wishOf({ type: "macvlan", parent, mode: "bridge" }, guaranteed, interfaceName);
}

function wishOf(link: LinkRequest, guaranteed?: number, interfaceName = "net1"): AttachmentRequest {
  return {
    pod: { namespace: "shop", name: "web", uid: "1" },
    interfaceName,
    podNetworkName: "over",
    link,
    addresses: [],
    routes: [],
    qosClass: {
      kind: "QosClass",
      name: "gold",
      egress: guaranteed === undefined ? {} : { guaranteed },
      ingress: {},
      priority: 0,
    },
  };
}

test("guarantees up to the shares that were given are granted", async () => {
  const budget = new BandwidthBudget(async () => given(2), devices);
  await budget.spend(wish("up0", 60_000_000));
  await budget.spend(wish("up0", 40_000_000, "net2"));
});

test("a guarantee beyond the shares is refused, with the sums, and takes nothing from the budget", async () => {
  const budget = new BandwidthBudget(async () => given(2), devices);
  await budget.spend(wish("up0", 60_000_000));
  await assert.rejects(budget.spend(wish("up0", 50_000_000, "net2")), {
    code: "unavailable",
    message:
      'pod shop/web, interface net2: QosClass "gold" guarantees 50 Mbit/s on up0, but the pod was given 100 Mbit/s ' +
      "of lanyard.dev/up0-bandwidth, of which 60 Mbit/s are guaranteed to its other interfaces; request more of " +
      "it in spec.containers[].resources.limits",
  });
  await budget.spend(wish("up0", 40_000_000, "net3"));
});

test("a pod without shares has no guarantee on an uplink whose bandwidth is counted", async () => {
  const budget = new BandwidthBudget(async () => [], devices);
  await assert.rejects(budget.spend(wish("up0", 1_000_000)), /given 0 bit\/s of/);
});

test("who guarantees nothing, or on an uplink that nobody counts, needs no shares, and nobody is asked", async () => {
  const budget = new BandwidthBudget(async () => assert.fail("nobody need be asked"), devices);
  await budget.spend(wish("up0"));
  await budget.spend(wish("up1", 900_000_000));
  for (const link of [
    { type: "standing" },
    { type: "plugin", program: { type: "ovs", configuration: {} } },
    { type: "macvlan", parent: "up0", isParentInPod: true, mode: "bridge" },
  ] as const) {
    await budget.spend(wishOf(link, 900_000_000));
  }
});

test("what a VF is guaranteed counts on its PF, whatever it was named by", async () => {
  const { pciAddress } = VF;
  for (const link of [
    { type: "sriov", pciAddress, pf: "up0", vfIndex: 3, settings: {} },
    { type: "hostDevice", link: "up0v3", pciAddress },
    { type: "hostDevice", link: "up0v3" },
    { type: "macvlan", parent: "up0v3", mode: "bridge" },
  ] as const) {
    const budget = new BandwidthBudget(async () => given(2), devices);
    await budget.spend(wishOf(link, 60_000_000));
    await assert.rejects(budget.spend(wish("up0", 50_000_000, "net2")), /of which 60 Mbit\/s are guaranteed/);
  }
});
