import type { z } from "zod";
import { InvalidValueError } from "../../errors.ts";
import { suggest } from "../../nearest.ts";
import { InvalidObjectError, validate } from "../../validation.ts";
import { goFields, withKnownSpelling } from "../go-json.ts";
import type { KnownPlugin } from "../known-plugin.ts";
import type { PluginConfiguration, RuntimeConfiguration } from "../network-configuration.ts";
import { type PluginRuntime, takenBy } from "../runtime-configuration.ts";

/** Reads the configurations of one plugin. */
export interface PluginReader {
  /** Undefined: its program is to be run. Throws InvalidObjectError. */
  read(plugin: PluginConfiguration, runtime: PluginRuntime, place: string): KnownPlugin | undefined;
  /** Sentences about fields that the plugin does not have. */
  unknownFields(plugin: PluginConfiguration): readonly string[];
}

/** What is told for one attachment, and where that was said. */
export interface Wishes {
  /** Only what the plugin says it takes. */
  readonly runtime: RuntimeConfiguration;
  /** CNI_ARGS. */
  readonly args: ReadonlyMap<string, string>;
  readonly place: string;
}

/** Fields of every plugin's configuration. */
const COMMON_FIELDS = [
  "type",
  "name",
  "cniVersion",
  "capabilities",
  "ipam",
  "dns",
  "args",
  "runtimeConfig",
  "prevResult",
  // The multi-network plugins put these into whatever they have a device for.
  "deviceID",
  "pciBusID",
];

/**
 * A reader for a plugin with these fields. What `understand` refuses with an InvalidValueError is told as a mistake of the
 * configuration.
 */
export function pluginReader<Shape extends z.ZodRawShape>(
  shape: Shape,
  understand: (written: z.infer<z.ZodObject<Shape>>, wishes: Wishes) => KnownPlugin | undefined,
): PluginReader {
  const schema = goFields(shape);
  const known = [...Object.keys(shape), ...COMMON_FIELDS];
  return {
    read(plugin, runtime, place) {
      const written = validate(schema, plugin.written, place) as z.infer<z.ZodObject<Shape>>;
      const { args = new Map<string, string>(), ...rest } = runtime;
      try {
        return understand(written, { runtime: takenBy(plugin, rest), args, place });
      } catch (error) {
        throw error instanceof InvalidValueError ? new InvalidObjectError([error]) : error;
      }
    },
    unknownFields(plugin) {
      const written = Object.keys(withKnownSpelling(plugin.written, known) as object);
      return written
        .filter((field) => !known.includes(field))
        .map((field) => `${plugin.type} has no field "${field}", which is ignored${suggest(field, known)}`);
    },
  };
}
