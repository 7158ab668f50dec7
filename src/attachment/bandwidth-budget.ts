import { LanyardError } from "../model/errors.ts";
import { type AssignedDevice, podKey } from "../model/pod.ts";
import type { DeviceDirectory } from "../model/ports.ts";
import { formatRate } from "../model/quantity.ts";
import { nodeLinkOf } from "./plan.ts";
import type { AttachmentRequest } from "./request.ts";

/**
 * Holds a pod's guarantees to what the scheduler has counted for it: on an uplink whose bandwidth is offered in shares,
 * the guaranteed rates of a pod together are at most the shares it was given. Rates in bits per second.
 */
export class BandwidthBudget {
  readonly #assigned: readonly AssignedDevice[];
  readonly #devices: DeviceDirectory;
  readonly #spent = new Map<string, number>();

  constructor(assigned: readonly AssignedDevice[], devices: DeviceDirectory) {
    this.#assigned = assigned;
    this.#devices = devices;
  }

  /** Takes the request's guarantee from the budget. Throws LanyardError `unavailable` when that has not enough left. */
  spend(request: AttachmentRequest): void {
    const wanted = request.qosClass?.egress.guaranteed;
    const uplink = nodeLinkOf(request);
    const resource = this.#devices.bandwidthResource(uplink);
    if (wanted === undefined || resource === undefined) return;
    const given = this.#givenOf(resource, uplink);
    const spent = this.#spent.get(uplink) ?? 0;
    if (spent + wanted > given) {
      const others =
        spent === 0 ? "" : `, of which ${formatRate(spent)} are guaranteed to its other interfaces`;
      throw new LanyardError(
        "unavailable",
        `pod ${podKey(request.pod)}, interface ${request.interfaceName}: QosClass "${request.qosClass?.name}" ` +
          `guarantees ${formatRate(wanted)} on ${uplink}, but the pod was given ${formatRate(given)} of ` +
          `${resource}${others}; request more of it in spec.containers[].resources.limits`,
      );
    }
    this.#spent.set(uplink, spent + wanted);
  }

  #givenOf(resource: string, uplink: string): number {
    return this.#assigned
      .filter((device) => device.resource === resource)
      .map(({ id }) => this.#devices.findDevice(resource, id))
      .reduce((sum, device) => {
        return device?.kind === "bandwidthShare" && device.link === uplink ? sum + device.rate : sum;
      }, 0);
  }
}
