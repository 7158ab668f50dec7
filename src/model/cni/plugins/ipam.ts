import type { z } from "zod";
import { isMapping } from "../../device-plugin-reading.ts";
import { InvalidValueError } from "../../errors.ts";
import { parsedBy, validate } from "../../validation.ts";
import { goFields, unlessEmpty } from "../go-json.ts";
import type { IpamPlugin } from "../known-plugin.ts";
import { parseProgramName } from "../network-configuration.ts";
import { readRange } from "./ipam-range.ts";
import { readStatic } from "./ipam-static.ts";
import type { Wishes } from "./plugin-reader.ts";

const schema = goFields({ type: unlessEmpty(parsedBy(parseProgramName)) });

/**
 * Reads the `ipam` of a configuration; undefined where there is none, or an empty one: the interface gets no addresses then.
 * `argsIps` stand in `args.cni.ips`. Throws InvalidObjectError or InvalidValueError.
 */
export function readIpam(
  written: unknown,
  argsIps: readonly unknown[] | undefined,
  wishes: Wishes,
): IpamPlugin | undefined {
  if (written === undefined) return undefined;
  const place = `${wishes.place} ipam`;
  const { type }: z.infer<typeof schema> = validate(schema, written, place);
  if (type === undefined) {
    if (isMapping(written) && Object.keys(written).length > 0) {
      throw new InvalidValueError(`${place}.type`, undefined, "a plugin such as static, or no ipam at all");
    }
    return undefined;
  }
  switch (type) {
    case "static":
      return readStatic(written, argsIps, wishes);
    case "range":
      return readRange(written, argsIps, wishes);
    default:
      return { type: "program", program: type };
  }
}
