import { InvalidValueError } from "../model/errors.ts";

/** The device plugin API this door speaks. */
export const apiVersion = "v1beta1";

/** The kubelet's own socket in its device plugin folder. */
export const kubeletSocketName = "kubelet.sock";

/**
 * File name of a resource's socket: `lanyard.dev/nics` is served on `lanyard.dev_nics.sock`. A prefix is a DNS
 * name and holds no `_`, so two resources never share a file.
 */
export function socketName(resource: string): string {
  const [prefix, name] = splitResource(resource);
  return `${prefix}_${name}.sock`;
}

/**
 * The environment variable that lists a container's devices: `LANYARD_DEVICE_LANYARD_DEV_NICS`. Upper case, and
 * every character outside A-Z and 0-9 is `_`.
 */
export function deviceVariable(resource: string): string {
  const [prefix, name] = splitResource(resource);
  return `LANYARD_DEVICE_${prefix}_${name}`.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
}

/** The environment variable that describes them, as JSON: `{id: {kind, link, rate?}}`, rate in bits per second. */
export function infoVariable(resource: string): string {
  return `${deviceVariable(resource)}_INFO`;
}

function splitResource(resource: string): [string, string] {
  const [prefix, name, ...rest] = resource.split("/");
  if (!prefix || !name || rest.length > 0) {
    throw new InvalidValueError("resource name", resource, "PREFIX/NAME, for example lanyard.dev/nics");
  }
  return [prefix, name];
}
