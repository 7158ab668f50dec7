import { createHash } from "node:crypto";
import type { PoolKind } from "../model/device.ts";
import { InvalidValueError } from "../model/errors.ts";
import { longestSocketPath } from "../rpc/limits.ts";

/** The device plugin API this door speaks. */
export const apiVersion = "v1beta1";

/** The kubelet's own socket in its device plugin folder. */
export const kubeletSocketName = "kubelet.sock";

/** What stands behind the resource in a socket's file name: `-1b2c3d4e.sock`. */
const socketSuffixLength = 14;

/** The shortest name of a resource in a socket's file name that still tells two apart: a digest and a little before it. */
const leastSocketStem = 20;

/** The longest name part of an annotation's key (Kubernetes, "Annotations: Syntax and character set"). */
const longestAnnotationName = 63;

/**
 * File name of a resource's socket: `lanyard.dev/nics` is served on `lanyard.dev_nics-1b2c3d4e.sock`. It is unique to
 * the process, so that the end of an older process is not taken for that of a newer one. A prefix is a DNS name and
 * holds no `_`, so two resources never share a file.
 * A long name is shortened to what the path of a socket in this folder has left (sun_path of unix(7)).
 *
 * @param instance eight hexadecimal digits, others in each process
 */
export function socketName(folder: string, resource: string, instance: string): string {
  return `${socketStem(folder, resource)}-${instance}.sock`;
}

/**
 * Whether a file name is one that some process, this one or another, would give to the resource's socket; also
 * `lanyard.dev_nics.sock`, as plugins whose sockets are not unique call theirs.
 */
export function isSocketName(folder: string, file: string, resource: string): boolean {
  const stem = socketStem(folder, resource);
  return file.startsWith(stem) && /^(-[0-9a-f]{8})?\.sock$/.test(file.slice(stem.length));
}

/** Whether a file name is one that this program gives to the sockets of resources, whatever resource it is. */
export function isOwnSocketName(file: string): boolean {
  return /^[a-z0-9.-]+_.+-[0-9a-f]{8}\.sock$/.test(file);
}

/**
 * The environment variable that lists a container's devices.
 *
 * Functions: `PCIDEVICE_INTEL_COM_FAST-NICS`, the name by which programs of the field know them: upper case, `.` and
 * `/` become `_`, hyphens stay. Others: `LANYARD_DEVICE_LANYARD_DEV_FAST_NICS`, where every character outside A-Z and
 * 0-9 is `_`.
 */
export function deviceVariable(resource: string, kind: PoolKind): string {
  const [prefix, name] = splitResource(resource);
  const words = `${prefix}_${name}`.toUpperCase();
  if (kind === "hostDevice" || kind === "bandwidthShare") {
    return `LANYARD_DEVICE_${words.replaceAll(/[^A-Z0-9]/g, "_")}`;
  }
  return `PCIDEVICE_${words.replaceAll(".", "_")}`;
}

/** The environment variable that describes them, as JSON by id. */
export function infoVariable(resource: string, kind: PoolKind): string {
  return `${deviceVariable(resource, kind)}_INFO`;
}

/**
 * The annotation by which a container runtime finds the resource's CDI devices. One key for each resource: the kubelet
 * keeps one value for a key, so pools that shared a key would lose each other's devices.
 */
export function cdiAnnotation(resource: string): string {
  const [prefix, name] = splitResource(resource);
  const room = longestAnnotationName - "lanyard_".length;
  return `cdi.k8s.io/lanyard_${shorten(`${prefix}_${name}`, room)}`;
}

/** @throws InvalidValueError for anything but PREFIX/NAME */
export function splitResource(resource: string): [prefix: string, name: string] {
  const [prefix, name, ...rest] = resource.split("/");
  if (!prefix || !name || rest.length > 0) {
    throw new InvalidValueError("resource name", resource, "PREFIX/NAME, for example lanyard.dev/nics");
  }
  return [prefix, name];
}

function socketStem(folder: string, resource: string): string {
  const [prefix, name] = splitResource(resource);
  const room = longestSocketPath - Buffer.byteLength(folder) - 1 - socketSuffixLength;
  return shorten(`${prefix}_${name}`, Math.max(leastSocketStem, room));
}

/** A word of at most so many characters: itself, or its beginning and a digest of the whole. */
function shorten(word: string, length: number): string {
  if (word.length <= length) return word;
  const digest = createHash("sha256").update(word).digest("hex").slice(0, 16);
  return `${word.slice(0, length - digest.length - 1)}.${digest}`;
}
