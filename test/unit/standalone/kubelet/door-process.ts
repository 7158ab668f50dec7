import { pino } from "pino";
import { DevicePluginDoor } from "../../../../src/kubelet/door.ts";
import { FakePools, nic, poolOf } from "../../kubelet/pools.ts";

/** A device plugin in a process of its own, so that a test can kill it: `door-process.ts FOLDER RESOURCE`. */
const [folder = "", resource = ""] = process.argv.slice(2);
const pools = new FakePools(poolOf(resource, nic("up0")));
await new DevicePluginDoor({ pools, log: pino({ level: "silent" }), kubeletDir: folder }).start();
