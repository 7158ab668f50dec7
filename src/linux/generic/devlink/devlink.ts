import type { NetlinkClient } from "../../worker/netlink-client.ts";
import { GenericFamily } from "../family.ts";
import { DevlinkClient } from "./client.ts";
import { DevlinkDevices } from "./devices.ts";
import { Eswitches } from "./eswitch.ts";
import { HealthReporters } from "./health.ts";
import { DevlinkParameters } from "./parameters.ts";
import { DevlinkPorts } from "./ports.ts";
import { DevlinkRates } from "./rates.ts";

/** The family's name and version (include/uapi/linux/devlink.h). */
const DEVLINK_GENL_NAME = "devlink";
const DEVLINK_GENL_VERSION = 1;

/**
 * What the cards of one network namespace can be asked and told beside their links: a device belongs to one namespace,
 * and is named by its bus and its name there, such as `pci/0000:86:00.0`. All calls throw NotFoundError on a kernel
 * without devlink.
 */
export class Devlink {
  readonly devices: DevlinkDevices;
  readonly eswitches: Eswitches;
  readonly ports: DevlinkPorts;
  readonly rates: DevlinkRates;
  readonly health: HealthReporters;
  readonly parameters: DevlinkParameters;

  /** `client` speaks NETLINK_GENERIC; `place` names the namespace in errors. */
  constructor(client: NetlinkClient, place: string) {
    const family = new GenericFamily(client, DEVLINK_GENL_NAME, DEVLINK_GENL_VERSION);
    const devlink = new DevlinkClient(family, place);
    this.devices = new DevlinkDevices(devlink);
    this.eswitches = new Eswitches(devlink);
    this.ports = new DevlinkPorts(devlink);
    this.rates = new DevlinkRates(devlink);
    this.health = new HealthReporters(devlink);
    this.parameters = new DevlinkParameters(devlink);
  }
}
