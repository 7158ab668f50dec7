import type { DevicePolicy } from "../../../src/model/device-policy.ts";

/** A policy for eth1 that asks for nothing but what is given. */
export function policy(parts: Partial<DevicePolicy> = {}): DevicePolicy {
  return {
    kind: "DevicePolicy",
    name: "vfs",
    nodeSelector: {},
    nicSelector: { pfNames: [{ pf: "eth1", numbers: undefined }] },
    externallyManaged: false,
    priority: 50,
    vfGroups: [],
    ...parts,
  };
}
