import assert from "node:assert/strict";
import test from "node:test";
import { BandwidthBudget } from "../../../src/attachment/bandwidth-budget.ts";
import type { AttachmentRequest } from "../../../src/attachment/request.ts";
import type { BandwidthShare } from "../../../src/model/device.ts";

const SHARES = "lanyard.dev/up0-bandwidth";

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
};

function given(count: number) {
  return Array.from({ length: count }, (_, at) => ({
    resource: SHARES,
    id: `up0-${at + 1}`,
    container: "main",
  }));
}

function wish(parent: string, guaranteed?: number, interfaceName = "net1"): AttachmentRequest {
  return {
    pod: { namespace: "shop", name: "web", uid: "1" },
    interfaceName,
    podNetworkName: "over",
    link: { type: "macvlan", parent, mode: "bridge" },
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

test("guarantees up to the shares that were given are granted", () => {
  const budget = new BandwidthBudget(given(2), devices);
  budget.spend(wish("up0", 60_000_000));
  budget.spend(wish("up0", 40_000_000, "net2"));
});

test("a guarantee beyond the shares is refused, with the sums, and takes nothing from the budget", () => {
  const budget = new BandwidthBudget(given(2), devices);
  budget.spend(wish("up0", 60_000_000));
  assert.throws(() => budget.spend(wish("up0", 50_000_000, "net2")), {
    code: "unavailable",
    message:
      'pod shop/web, interface net2: QosClass "gold" guarantees 50 Mbit/s on up0, but the pod was given 100 Mbit/s ' +
      "of lanyard.dev/up0-bandwidth, of which 60 Mbit/s are guaranteed to its other interfaces; request more of " +
      "it in spec.containers[].resources.limits",
  });
  budget.spend(wish("up0", 40_000_000, "net3"));
});

test("a pod without shares has no guarantee on an uplink whose bandwidth is counted", () => {
  assert.throws(() => new BandwidthBudget([], devices).spend(wish("up0", 1_000_000)), /given 0 bit\/s of/);
});

test("who guarantees nothing, or on an uplink that nobody counts, needs no shares", () => {
  const budget = new BandwidthBudget([], devices);
  budget.spend(wish("up0"));
  budget.spend(wish("up1", 900_000_000));
});
