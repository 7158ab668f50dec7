import { LanyardError } from "../../model/errors.ts";
import { type AssignedDevice, podKey } from "../../model/pod.ts";
import type { DeviceDirectory, FunctionPlace } from "../../model/ports.ts";
import { formatRate } from "../../model/quantity.ts";
import { nodeLinkOf } from "../plan.ts";
import type { AttachmentRequest } from "../request.ts";

/**
 * Holds a pod's guarantees to what the scheduler has counted for it: on an uplink whose bandwidth is offered in shares,
 * the guaranteed rates of a pod together are at most the shares it was given. What a VF sends leaves by its PF. Rates in
 * bits per second.
 */
export class BandwidthBudget {
  readonly #ask: () => Promise<readonly AssignedDevice[]>;
  readonly #devices: DeviceDirectory;
  readonly #spent = new Map<string, number>();

  /** @param ask what the pod was given; called only where that must be known */
  constructor(ask: () => Promise<readonly AssignedDevice[]>, devices: DeviceDirectory) {
    this.#ask = ask;
    this.#devices = devices;
  }

  /** Takes the request's guarantee from the budget. Throws LanyardError `unavailable` when that has not enough left. */
  async spend(request: AttachmentRequest): Promise<void> {
    const wanted = request.qosClass?.egress.guaranteed;
    if (wanted === undefined) return;
    const uplink = this.#uplinkOf(request);
    const resource = uplink === undefined ? undefined : this.#devices.bandwidthResource(uplink);
    if (uplink === undefined || resource === undefined) return;
    const given = this.#sharesOf(resource, uplink, await this.#ask());
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
    this.count(request);
  }

  /** Counts the guarantee of an interface that the pod has. */
  count(request: AttachmentRequest): void {
    const uplink = this.#uplinkOf(request);
    const guaranteed = request.qosClass?.egress.guaranteed;
    if (uplink === undefined || guaranteed === undefined) return;
    this.#spent.set(uplink, (this.#spent.get(uplink) ?? 0) + guaranteed);
  }

  /** Name of the link by which the interface's traffic leaves the node, as far as that is its own. */
  #uplinkOf(request: AttachmentRequest): string | undefined {
    const { link } = request;
    if (link.type === "sriov") return link.pf;
    const pciAddress = link.type === "hostDevice" ? link.pciAddress : undefined;
    const nodeLink = nodeLinkOf(request);
    const place =
      pciAddress === undefined ? this.#functionOf(nodeLink) : this.#devices.findFunction(pciAddress);
    return place?.vfIndex === undefined ? nodeLink : place.pfName;
  }

  #functionOf(link: string | undefined): FunctionPlace | undefined {
    return link === undefined ? undefined : this.#devices.functionOfLink(link);
  }

  #sharesOf(resource: string, uplink: string, assigned: readonly AssignedDevice[]): number {
    return assigned
      .filter((device) => device.resource === resource)
      .map(({ id }) => this.#devices.findDevice(resource, id))
      .reduce((sum, device) => {
        return device?.kind === "bandwidthShare" && device.link === uplink ? sum + device.rate : sum;
      }, 0);
  }
}
