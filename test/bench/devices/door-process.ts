// node door-process.ts KUBELET_DIR DEVICE_INFO_DIR
//
// A device plugin as the agent has it, whose pools are data. What the agent does to a function before it changes owner
// is left out: it needs one.
import { pino } from "pino";
import { DeviceBook } from "../../../src/clients/device-book.ts";
import { monotonicNow } from "../../../src/demo/clock.ts";
import { DevicePluginDoor } from "../../../src/kubelet/door.ts";
import { FakePools } from "../../unit/kubelet/pools.ts";
import { layOutPools, withHealth } from "./layout.ts";
import { obey, residentMiB } from "./orders.ts";

const [kubeletDir, deviceInfoDir] = process.argv.slice(2) as [string, string];
const log = pino({ level: "error" });
const pools = new FakePools();
const uses = new DeviceBook({ client: { list: async () => [], findKubelet: async () => "one" }, log });
const door = new DevicePluginDoor({
  pools,
  log,
  kubeletDir,
  deviceInfo: { directory: deviceInfoDir },
  uses,
});
uses.start();
await door.start();

const orders = {
  residentMiB,

  /** Has the pools appear. */
  offer(): void {
    pools.set(...layOutPools());
  },

  /** @returns when that began, in milliseconds of the monotonic clock */
  setHealth(resource: string, id: string, isHealthy: boolean): number {
    const changed = withHealth(pools.pools(), resource, id, isHealthy);
    const at = monotonicNow();
    pools.set(...changed);
    return at;
  },
};

export type DoorOrders = typeof orders;

obey(orders, async () => {
  await door.stop();
  await uses.stop();
});
