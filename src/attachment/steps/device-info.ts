import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { writeWholeFile } from "../../linux/whole-file.ts";
import type { ActionHandler } from "./step.ts";

/**
 * The attachment gets a copy of the file in which the device plugin says what the device is (device-info specification). It
 * lies below /run, which a reboot empties.
 */
export interface DeviceInfoStep {
  readonly kind: "deviceInfo";
  /** The device plugin's file. */
  readonly source: string;
  readonly path: string;
}

/** Whoever reads it does not write it. */
const MODE = 0o444;

export const deviceInfo: ActionHandler<DeviceInfoStep, null> = {
  kind: "deviceInfo",

  async apply(_context, { source, path }) {
    const text = await readOrNothing(source);
    // Not every device plugin writes one.
    if (text === undefined) return;
    await mkdir(dirname(path), { recursive: true });
    await writeWholeFile(path, text, MODE);
  },

  async undo(_context, { path }) {
    await rm(path, { force: true });
  },

  async check(_context, { source, path }) {
    const [made, found] = await Promise.all([readOrNothing(source), readOrNothing(path)]);
    if (made === undefined || made === found) return [];
    return [
      `${path} was made a copy of ${source}, and ${found === undefined ? "is gone" : "says something else"}`,
    ];
  },
};

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
