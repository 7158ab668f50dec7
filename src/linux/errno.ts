import { constants } from "node:os";

const names = new Map<number, string>();
for (const [name, number] of Object.entries(constants.errno)) {
  // EAGAIN and EWOULDBLOCK, ENOTSUP and EOPNOTSUPP share a number: the kernel's own spelling wins.
  if (name === "EWOULDBLOCK" || name === "ENOTSUP") continue;
  names.set(number, name);
}

export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const ENXIO = 6;
export const E2BIG = 7;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const ERANGE = 34;
export const ENOSPC = 28;
export const EROFS = 30;
/** The kernel did not answer in time. */
export const ETIME = 62;
export const EMSGSIZE = 90;
export const EPROTONOSUPPORT = 93;
export const EOPNOTSUPP = 95;
export const EADDRNOTAVAIL = 99;
export const ENETDOWN = 100;
export const ENETUNREACH = 101;
export const ENOBUFS = 105;
export const ENOTCONN = 107;
export const EHOSTUNREACH = 113;

/** `ENODEV` for 19; the number itself where it has no name. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

const texts = new Map<number, string>([
  [EPERM, "not permitted: CAP_NET_ADMIN is needed in this network namespace"],
  [ENOENT, "no such object"],
  [EBUSY, "in use"],
  [EEXIST, "exists already"],
  [ENODEV, "no such link"],
  [EINVAL, "the kernel found an argument invalid"],
  [EOPNOTSUPP, "not supported by this kernel or link"],
  [EADDRNOTAVAIL, "no such address on the link"],
  [ENOBUFS, "the kernel's receive buffer for this socket overflowed"],
  [EMSGSIZE, "the answer does not fit into one message"],
  [ESRCH, "no such object"],
  [ENOMEM, "the kernel is out of memory"],
  [EACCES, "permission denied"],
  [ERANGE, "a value is out of range"],
  [ETIME, "no answer from the kernel in time"],
  [ENETUNREACH, "the network is unreachable"],
  [EHOSTUNREACH, "no route to the host"],
]);

/** What an error number means in netlink, in our words, for when the kernel sends no text of its own. */
export function errnoText(errno: number): string {
  return texts.get(errno) ?? "the kernel refused";
}
