import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { AttachmentRequest } from "../../../src/attachment/request.ts";
import type { Kernel } from "../../../src/linux/kernel.ts";
import type { Link } from "../../../src/linux/route/link.ts";
import { PodSandbox } from "./fixtures.ts";
import type { StepRunner } from "./step-runner.ts";

/** Where Debian's package containernetworking-plugins has the reference plugins. */
const FOLDER = "/usr/lib/cni";

/** Runs a list of the reference plugins for one interface, each with the result of the one before, as a runtime does. */
export async function addByReference(
  plugins: readonly ({ readonly type: string } & Readonly<Record<string, unknown>>)[],
  namespacePath: string,
  interfaceName: string,
): Promise<void> {
  let prevResult: unknown;
  for (const plugin of plugins) {
    const configuration = { cniVersion: "0.4.0", name: "reference", ...plugin, prevResult };
    prevResult = JSON.parse(await run(plugin.type, configuration, namespacePath, interfaceName));
  }
}

async function run(
  type: string,
  configuration: unknown,
  namespacePath: string,
  interfaceName: string,
): Promise<string> {
  const child = spawn(`${FOLDER}/${type}`, [], {
    stdio: ["pipe", "pipe", "inherit"],
    env: {
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: "reference",
      CNI_NETNS: namespacePath,
      CNI_IFNAME: interfaceName,
      CNI_PATH: FOLDER,
      PATH: process.env.PATH,
    },
  });
  child.stdin.end(JSON.stringify(configuration));
  const [[code], output] = await Promise.all([once(child, "close"), text(child.stdout)]);
  if (code !== 0) throw new Error(`${type} ended with ${code}: ${output}`);
  return output;
}

/**
 * What is different for every link, and says nothing about how it was made. Further the length of the transmit queue, which
 * this version of the reference plugins sets to 0 because it leaves it out of a structure, and the alias, in which
 * host-device remembers a name: ours is in the journal.
 */
const OWN = [
  "index",
  "mac",
  "permanentMac",
  "parent",
  "parentNamespaceId",
  "master",
  "statistics",
  "carrierUps",
  "carrierDowns",
  "transmitQueueLength",
  "alias",
];

/** A link in every attribute but those. */
export function attributesOf(link: Link): Record<string, unknown> {
  return Object.fromEntries(Object.entries(link).filter(([name]) => !OWN.includes(name)));
}

/** Without `arp_notify`, which only some of the reference plugins set: all our addresses are announced. */
const SYSCTLS = ["arp_filter", "rp_filter", "proxy_arp", "forwarding"];

/** An interface of a pod in all its attributes, its addresses, the pod's routes, and sysctls, as far as they can be compared. */
export async function lookAtInterface(
  kernel: Kernel,
  namespacePath: string,
  interfaceName: string,
): Promise<Record<string, unknown>> {
  await using pod = await kernel.namespace(namespacePath);
  const link = await pod.links.get(interfaceName);
  const { addresses } = await pod.addresses.list({ link: link.index });
  const { routes } = await pod.routes.list({ table: "all" });
  return {
    link: attributesOf(link),
    addresses: addresses
      .filter(({ address }) => !address.startsWith("fe80:"))
      .map(({ address, scope, label, broadcast, peer }) => ({ address, scope, label, broadcast, peer })),
    routes: routes
      .filter(
        ({ destination, nextHops }) =>
          isTelling(destination) && nextHops.some((hop) => hop.link === link.index),
      )
      .map(({ destination, nextHops, type, table, priority, scope }) => {
        return { destination, gateway: nextHops[0]?.gateway, type, table, priority, scope };
      }),
    sysctls: await Promise.all(
      SYSCTLS.map(async (name) => [name, await pod.sysctl(`ipv4/conf/${interfaceName}/${name}`)]),
    ),
  };
}

/** Those of the link-local network and of multicast are the kernel's own, by the link's MAC address. */
function isTelling(destination: string): boolean {
  return !/^(fe80:|ff00:)/.test(destination);
}

/** Addresses and routes in the reference's words. */
export const IPAM = {
  type: "static",
  addresses: [
    { address: "10.1.1.5/24", gateway: "10.1.1.1" },
    { address: "fd11::5/64", gateway: "fd11::1" },
  ],
  routes: [{ dst: "10.2.0.0/16" }, { dst: "0.0.0.0/0", gw: "10.1.1.1" }],
};
/** The same in our words: the reference sends a route without a next hop by the first gateway of its family. */
export const ADDRESSED = {
  addresses: ["10.1.1.5/24", "fd11::5/64"],
  gateways: ["10.1.1.1", "fd11::1"],
  routes: [
    { destination: "10.2.0.0/16", gateway: "10.1.1.1" },
    { destination: "0.0.0.0/0", gateway: "10.1.1.1" },
  ],
};

/** Makes two pods, one by the reference plugins and one by us, and asserts that both look alike. */
export async function compareWithReference(
  { kernel, runner }: { readonly kernel: Kernel; readonly runner: StepRunner },
  plugins: Parameters<typeof addByReference>[0],
  request: AttachmentRequest,
  look = (path: string): Promise<Record<string, unknown>> => lookAtInterface(kernel, path, "net1"),
  between = async () => {},
): Promise<void> {
  const [theirs, ours] = [await PodSandbox.start(), await PodSandbox.start()];
  try {
    await addByReference(plugins, theirs.namespacePath, "net1");
    const expected = await look(theirs.namespacePath);
    await theirs.end();
    await between();
    const id = await runner.make(request, ours.namespacePath);
    assert.deepEqual(await look(ours.namespacePath), expected);
    await runner.undo(id, ours.namespacePath);
  } finally {
    await theirs.end();
    await ours.end();
  }
}
