import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What udev writes of a device before it is done with it: it renames the link, or its rules still run programs
 * (udev_event_execute_rules, src/udev/udev-event.c of systemd; ID_PROCESSING from 256 on).
 */
const UNFINISHED = /^E:ID_(PROCESSING|RENAMING)=1$/m;

/**
 * Where udev keeps what it knows of devices: what changes in this folder may settle a link. `root` is `/`, or a folder
 * that stands for it.
 */
export function udevDataFolder(root: string): string {
  return join(root, "run/udev/data");
}

/**
 * Whether udev is done with a link, so that its name stays: udev has a file for every network device that it has
 * processed (device_should_have_db, src/libsystemd/sd-device/device-private.c of systemd). Where udev does not run
 * (it listens on `control` while it does), every link is settled. `index` is the link's, in the node's own network
 * namespace. The files are in memory and small, and are read at once.
 */
export function isSettled(root: string, index: number): boolean {
  if (!existsSync(join(root, "run/udev/control"))) return true;
  try {
    return !UNFINISHED.test(readFileSync(join(udevDataFolder(root), `n${index}`), "utf8"));
  } catch (error) {
    // One that is there and cannot be read was written, too.
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}
