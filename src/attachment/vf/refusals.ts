import {
  EADDRNOTAVAIL,
  EAGAIN,
  EBUSY,
  EINVAL,
  EOPNOTSUPP,
  EPERM,
  EPROTONOSUPPORT,
} from "../../linux/errno.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import { errorText, LanyardError } from "../../model/errors.ts";

/** A VF that is being reset is tried again; one does that in a tenth of a second, and some take one or two. */
const ATTEMPTS = 20;
const PAUSE_MS = 100;

/** The VF's own driver will not take its MAC address, whatever the PF says. */
export class VfRefusal extends LanyardError {}

/** Again and again while the VF is being reset. */
export async function patiently(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS || !isErrno(error, EAGAIN, EBUSY)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** False when the driver will not take it however often it is asked, which is told. */
export async function isTaken(work: () => Promise<void>, tell: (sentence: string) => void): Promise<boolean> {
  try {
    await patiently(work);
    return true;
  } catch (error) {
    const isFinal =
      error instanceof VfRefusal || isErrno(error, EADDRNOTAVAIL, EINVAL, EOPNOTSUPP, EPERM, EPROTONOSUPPORT);
    if (!isFinal) throw error;
    tell(errorText(error));
    return false;
  }
}
