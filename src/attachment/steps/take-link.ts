import { EADDRNOTAVAIL, EBUSY, EEXIST, EINVAL, EOPNOTSUPP, EPERM } from "../../linux/errno.ts";
import type { Kernel } from "../../linux/kernel.ts";
import type { Namespace } from "../../linux/namespace.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import type { Link } from "../../linux/route/link.ts";
import type { Route } from "../../linux/route/route.ts";
import { errorText, LanyardError } from "../../model/errors.ts";
import { differenceOf } from "../difference.ts";
import { findAtHome } from "../link/homecoming.ts";
import { isSameLink, type LinkIdentity, linkIdentity, refuseOtherFunction } from "../link/identity.ts";
import { refuseTakenName } from "./create-link.ts";
import type { ActionHandler, UndoContext } from "./step.ts";

/** A link of the node is moved into the pod, with a new name. */
export interface TakeLinkStep {
  readonly kind: "takeLink";
  /** Its name on the node, which it gets back. */
  readonly link: string;
  /** Of the function that it must be of, where that is known. */
  readonly pciAddress?: string;
  /** Its name in the pod. */
  readonly name: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly mac?: string;
}

/** What the link was like on the node. */
export interface TakenLink extends LinkIdentity {
  /** Bytes. */
  readonly mtu: number;
  readonly isUp: boolean;
  readonly isPromiscuous: boolean;
  readonly isAllMulticast: boolean;
  /** Packets. */
  readonly transmitQueueLength: number;
  /** Bytes. */
  readonly gsoMaxSize: number;
  readonly altNames: readonly string[];
  readonly alias?: string;
}

/** Names that are tried for a link whose own name is another's by now. */
const MOST_FREE_NAMES = 99;

/** IP addresses the link had on the node do not come back with it: a pool's links are meant to be spare. */
export const takeLink: ActionHandler<TakeLinkStep, TakenLink> = {
  kind: "takeLink",

  async observe({ kernel, podLinks, hostLinks }, step) {
    const link = await hostLinks.get(step.link);
    refuseOtherFunction(link, step.pciAddress);
    const { routes } = await kernel.host.routes.list({ link: link.index, type: "unicast" });
    const why = whyNotSpare(link, routes);
    if (why !== undefined) {
      throw new LanyardError(
        "conflict",
        `link "${step.link}" of the node ${why} and cannot be moved into a pod`,
      );
    }
    await refuseTakenName(podLinks, step.name);
    const { mtu, isUp, isPromiscuous, isAllMulticast, transmitQueueLength, gsoMaxSize, altNames, alias } =
      link;
    return {
      ...linkIdentity(link),
      ...{ mtu, isUp, isPromiscuous, isAllMulticast, transmitQueueLength, gsoMaxSize, altNames },
      ...(alias === undefined ? {} : { alias }),
    };
  },

  async apply({ kernel, pod, podLinks, hostLinks }, step, before) {
    const { host } = kernel;
    const { index } = await hostLinks.get(step.link);
    hostLinks.forget(step.link);
    const inTheWay = await namesInTheWay(kernel, pod, before.altNames, step.name);
    const moved = pod.links.prepareFind(step.name);
    await kernel.perform([
      ...(inTheWay.length === 0 ? [] : [host.links.prepareDeleteAltNames(index, inTheWay)]),
      host.links.prepareSet(index, {
        namespaceFd: pod.fd,
        name: step.name,
        ...(step.mtu === undefined ? {} : { mtu: step.mtu }),
        ...(step.mac === undefined ? {} : { mac: step.mac }),
      }),
      { ...moved, read: (result) => podLinks.learn(step.name, moved.read(result)) },
    ]);
  },

  async undo(context, step, before) {
    const { kernel, pod } = context;
    const isOurs = (link: Link) => isSameLink(link, before, step.mac);
    // By what it is, because the pod may have renamed it, and may have made another of the name it had.
    const inPod = (await pod?.links.list())?.links.find(isOurs);
    if (pod !== undefined && inPod !== undefined) await sendHome(kernel, pod, inPod, step.link);
    // It may be on its old place under its old name, or have come home under another with the end of the
    // namespace, or (a virtual link) have ended with it.
    const link = await findAtHome(kernel, isOurs, before);
    if (link !== undefined) await restore(context, link, step, before);
  },

  async check({ podLinks }, { name, link: home, mtu, mac }, before) {
    const link = await podLinks.find(name);
    if (link === undefined)
      return [`${home} of the node was moved into the pod as ${name}, and is not there`];
    if (!isSameLink(link, before, mac))
      return [`${name} is another link than ${home} of the node, which was moved there`];
    return [...differenceOf(name, "MTU", mtu, link.mtu), ...differenceOf(name, "MAC address", mac, link.mac)];
  },

  brings: (step) => step.name,
};

function whyNotSpare(link: Link, routes: readonly Route[]): string | undefined {
  if (link.isLoopback) return "is the loopback";
  if (link.master !== undefined) return "belongs to a bridge or bond";
  const isWayOut = routes.some(({ destination }) => destination.endsWith("/0"));
  return isWayOut ? "carries the node's default route" : undefined;
}

/** Which other names a link cannot have where it is to be called `name`: no two of a namespace's names are the same. */
async function namesInTheWay(
  kernel: Kernel,
  namespace: Namespace,
  altNames: readonly string[],
  name: string,
): Promise<string[]> {
  const found = await kernel.perform(altNames.map((altName) => namespace.links.prepareFind(altName)));
  return altNames.filter((altName, position) => altName === name || found[position] !== undefined);
}

/** Moves a link home under its name, or under a free one where that is another's by now. */
async function sendHome(kernel: Kernel, pod: Namespace, link: Link, wanted: string): Promise<void> {
  const { host } = kernel;
  const name = await freeName(host, wanted);
  const inTheWay = await namesInTheWay(kernel, host, link.altNames, name);
  await kernel.perform([
    ...(inTheWay.length === 0 ? [] : [pod.links.prepareDeleteAltNames(link.index, inTheWay)]),
    pod.links.prepareSet(link.index, { namespaceFd: host.fd, name, isUp: false }),
  ]);
}

/** The name itself, or one like it that nobody has. */
async function freeName(namespace: Namespace, wanted: string): Promise<string> {
  const stem = wanted.slice(0, 12);
  for (let number = 0; number <= MOST_FREE_NAMES; number++) {
    const name = number === 0 ? wanted : `${stem}_${number}`;
    if ((await namespace.links.find(name)) === undefined) return name;
  }
  throw new LanyardError(
    "conflict",
    `${namespace.name} has ${MOST_FREE_NAMES} links with names like "${wanted}"`,
  );
}

/** Makes a link that is at home what it was there. */
async function restore(
  { kernel: { host }, tell }: UndoContext,
  link: Link,
  step: TakeLinkStep,
  before: TakenLink,
): Promise<void> {
  const { mtu, isPromiscuous, isAllMulticast, transmitQueueLength, gsoMaxSize, mac, alias = "" } = before;
  const other = link.name === step.link ? undefined : await host.links.find(step.link);
  if (other !== undefined && other.index !== link.index) {
    tell(
      `"${step.link}" is another link's name by now: the one that came home from a pod is called "${link.name}"`,
    );
  }
  const isFree = link.name !== step.link && (other === undefined || other.index === link.index);
  // An other name of its own is in the way of its name, too.
  if (isFree && other !== undefined) await host.links.deleteAltNames(link.index, [step.link]);
  await host.links.set(link.index, {
    isUp: false,
    isPromiscuous,
    isAllMulticast,
    mtu,
    transmitQueueLength,
    gsoMaxSize,
    gsoIpv4MaxSize: gsoMaxSize,
    alias,
    ...(isFree ? { name: step.link } : {}),
  });
  await withRefusalsTold(tell, async () => {
    if (link.mac !== mac) await host.links.set(link.index, { mac });
  });
  const names = (await host.links.get(link.index)).altNames;
  // What the pod called it beside its name would be in the way of the next pod's.
  const foreign = names.filter((each) => !before.altNames.includes(each));
  if (foreign.length > 0) await host.links.deleteAltNames(link.index, foreign);
  for (const altName of before.altNames.filter((each) => !names.includes(each))) {
    await withRefusalsTold(tell, () => host.links.addAltNames(link.index, [altName]));
  }
  if (before.isUp) await host.links.set(link.index, { isUp: true });
}

/** What the kernel will refuse however often it is asked is told, and the rest goes on. */
async function withRefusalsTold(tell: (sentence: string) => void, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isErrno(error, EADDRNOTAVAIL, EBUSY, EEXIST, EINVAL, EOPNOTSUPP, EPERM)) throw error;
    tell(errorText(error));
  }
}
