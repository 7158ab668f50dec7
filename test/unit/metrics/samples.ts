import type { Link, LinkStatistics } from "../../../src/linux/route/link.ts";
import { decodeLink } from "../../../src/linux/route/link-decoder.ts";
import type { AttachmentStatus } from "../../../src/model/attachment.ts";
import { EMPTY_RESULT } from "../../../src/model/cni/result.ts";
import type { Pool } from "../../../src/model/device.ts";

/** A link that says nothing but what a test gives it. */
export function makeLink(more: Partial<Link> = {}): Link {
  return { ...(decodeLink(new Uint8Array(16)) as Link), isUp: true, hasCarrier: true, ...more };
}

/** Counters that can be told apart: 1 to 8 times `unit`. */
export function countIn(unit: number): LinkStatistics {
  return {
    receivePackets: unit,
    transmitPackets: 2 * unit,
    receiveBytes: 3 * unit,
    transmitBytes: 4 * unit,
    receiveErrors: 5 * unit,
    transmitErrors: 6 * unit,
    receiveDrops: 7 * unit,
    transmitDrops: 8 * unit,
  };
}

/** `net1` of the pod `default/web` on the network `fabric`, with what a test cares about. */
export function makeAttachment(more: Partial<AttachmentStatus> = {}): AttachmentStatus {
  return {
    pod: { namespace: "default", name: "web", uid: "uid-of-web" },
    interfaceName: "net1",
    podNetworkName: "fabric",
    type: "macvlan",
    state: "attached",
    mac: "02:00:00:00:00:01",
    mtu: 1500,
    addresses: ["10.0.0.1/24"],
    result: EMPTY_RESULT,
    namespacePath: "/run/netns/web",
    ...more,
  };
}

/** A pool of host devices: names of the good ones, then of the bad ones. */
export function makePool(resource: string, healthy: readonly string[], unhealthy: readonly string[]): Pool {
  const device = (id: string, isHealthy: boolean) =>
    ({
      kind: "hostDevice",
      id,
      link: id,
      topology: [],
      access: { nodes: [], mounts: [], info: {} },
      health: { isHealthy, ...(isHealthy ? {} : { reason: "no carrier" }) },
    }) as const;
  const devices = [...healthy.map((id) => device(id, true)), ...unhealthy.map((id) => device(id, false))];
  return { resource, kind: "hostDevice", allocation: "numa", devices };
}
