import { InvalidValueError } from "../model/errors.ts";
import { EACCES, EINVAL, ENOENT, EPERM, ERANGE, EROFS } from "./errno.ts";

const ENOTDIR = 20;
const EISDIR = 21;

const NO_SUCH = "there is no such sysctl; those of a link are there as long as the link is, under its name";

/** What it means when a sysctl cannot be written, by error number. */
export const SYSCTL_WRITE_REASONS: Readonly<Record<number, string>> = {
  [ENOENT]: NO_SUCH,
  [ENOTDIR]: NO_SUCH,
  [EISDIR]: "this is a folder of sysctls",
  [EINVAL]: "the kernel does not take this value",
  [ERANGE]: "the value is out of range",
  [EACCES]: "this sysctl can only be read",
  [EPERM]: "this process may not change it: CAP_NET_ADMIN is needed in this network namespace",
  [EROFS]: "/proc/sys is mounted read-only here: the container must be privileged",
};

/** The same for one that cannot be read. */
export const SYSCTL_READ_REASONS: Readonly<Record<number, string>> = {
  [ENOENT]: NO_SUCH,
  [ENOTDIR]: NO_SUCH,
  [EISDIR]: "this is a folder of sysctls",
  [EACCES]: "this sysctl can only be written",
};

/**
 * The file of a `net.` sysctl, with or without `net` in front. As sysctl.conf(5) has it, the first separator says how
 * the name is written: `ipv4/conf/net1.100/arp_notify` is a path, and in `ipv4.conf.net1/100.arp_notify` dots and
 * slashes have changed places. Throws InvalidValueError for a name that leads elsewhere.
 */
export function sysctlPath(name: string): string {
  const isPath = /^[^.]*(\/|$)/.test(name);
  const path = isPath ? name : name.replace(/[./]/g, (separator) => (separator === "." ? "/" : "."));
  const parts = path.split("/");
  if (parts.length > 1 && parts[0] === "net") parts.shift();
  const isUsable = parts.every((part) => /^[^\s\0]+$/.test(part) && part !== "." && part !== "..");
  if (!isUsable) throw new InvalidValueError("sysctl", name, "a name such as ipv4/conf/net1/arp_notify");
  return `/proc/sys/net/${parts.join("/")}`;
}

/** The text to write for a value: a file that is written nothing to keeps its value, so that none is a line feed. */
export function sysctlText(value: string): string {
  return value === "" ? "\n" : value;
}
