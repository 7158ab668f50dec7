import { isIpv6 } from "../model/address.ts";
import { LanyardError, NotFoundError } from "../model/errors.ts";
import type { Kernel } from "./kernel.ts";
import type { Namespace } from "./namespace.ts";
import type { LinkAddress } from "./route/address.ts";

/** The kernel asks the neighbours after up to one second, and waits one more for an answer; some links start slowly. */
const DEFAULT_TIMEOUT_MS = 5000;

/**
 * How often to look where nothing is heard. Looking takes a hundredth of a millisecond and the wait one to two
 * seconds, so that this neither costs nor delays much.
 */
const LOOK_AGAIN_MS = 100;

/** Addresses that are waited for. */
export interface AddressWait {
  /** The link's namespace, open as long as it is waited. */
  readonly namespace: Namespace;
  /** Link index. */
  readonly link: number;
  /** In CIDR form, as they were added. */
  readonly addresses: readonly string[];
  /** 5000 when absent. */
  readonly timeoutMs?: number;
}

/**
 * Waits until duplicate address detection has passed all these addresses of a link, so that they can be used. IPv4 has
 * none, and an address with `nodad` is used at once. Throws LanyardError: `conflict` when another host on the network
 * has one of them, `timeout` when it is not decided in time, NotFoundError when the link does not have one of them,
 * or is not there.
 *
 * It goes by the kernel's announcements, which come from namespaces with an id here (see `NamespaceIds`); elsewhere it
 * looks again and again.
 */
export async function waitUntilUsable(kernel: Kernel, wait: AddressWait): Promise<void> {
  const { namespace, link, addresses, timeoutMs = DEFAULT_TIMEOUT_MS } = wait;
  const place = `link ${link} in ${namespace.name}`;
  const isOwn = namespace === kernel.host;
  const id = isOwn ? undefined : await kernel.host.namespaceIds.find(namespace.fd);
  const isDeaf = !isOwn && id === undefined;
  let wake = () => {};
  const unsubscribe = kernel.addressEvents.onChange(
    ({ address, namespaceId }) => {
      if (address.link === link && namespaceId === id) wake();
    },
    () => wake(),
  );
  const deadline = performance.now() + timeoutMs;
  let tentative = addresses.filter(isIpv6);
  try {
    for (let look = 1; tentative.length > 0; look++) {
      // Begun before the look, so that nothing is missed that is announced meanwhile.
      const announced = Promise.withResolvers<void>();
      wake = announced.resolve;
      const found = await kernel.perform(
        tentative.map((address) => namespace.addresses.prepareFind(link, address)),
      );
      tentative = tentative.filter((address, position) => {
        const state = found[position];
        if (state === undefined) throw missing(address, place, look);
        return isUndecided(state, place);
      });
      if (tentative.length === 0) return;
      const left = deadline - performance.now();
      if (left <= 0) throw undecided(tentative, place, timeoutMs);
      const timer = setTimeout(announced.resolve, isDeaf ? Math.min(left, LOOK_AGAIN_MS) : left);
      await announced.promise;
      clearTimeout(timer);
    }
  } finally {
    unsubscribe();
  }
}

/** Throws when another host has the address. */
function isUndecided({ address, flags }: LinkAddress, place: string): boolean {
  if (!flags.includes("dadfailed")) return flags.includes("tentative");
  const text = `another host on the network has ${address} of ${place}: choose an address that is free`;
  throw new LanyardError("conflict", text);
}

function missing(address: string, place: string, look: number): LanyardError {
  if (look === 1) {
    const reasons = "it was not added, or has gone already, as a duplicate whose lifetime is limited does";
    return new NotFoundError(`${place} has no address ${address}: ${reasons} when another host has it`);
  }
  const text = `${address} of ${place} has gone: another host has it, and the kernel removes a duplicate whose lifetime is limited, or somebody else removed it`;
  return new LanyardError("conflict", text);
}

function undecided(addresses: readonly string[], place: string, timeoutMs: number): LanyardError {
  const text = `the kernel still looks for duplicates of ${addresses.join(", ")} of ${place} after ${timeoutMs} ms; it begins when the link is up and has a carrier`;
  return new LanyardError("timeout", text);
}
