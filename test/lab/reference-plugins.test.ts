import { after, before, test } from "node:test";
import { Kernel } from "../../src/linux/kernel.ts";
import {
  ADDRESSED,
  compareWithReference,
  IPAM,
  lookAtInterface,
} from "../kernel/attachment/reference-plugin.ts";
import { requestOf, StepRunner } from "../kernel/attachment/step-runner.ts";
import { nextEvent } from "../kernel/world.ts";
import { setCardsDown } from "./guest.ts";

/** The kinds of attachment whose links this machine's own kernel does not have, beside those of the reference plugins. */

const PATIENCE = { timeout: 120_000 };

let kernel: Kernel;
let runner: StepRunner;

before(async () => {
  kernel = new Kernel();
  runner = new StepRunner(kernel);
  const arrival = nextEvent(kernel.linkEvents, "the carrier of eth1", ({ link }) => {
    return link.name === "eth1" && link.hasCarrier;
  });
  for (const name of ["eth0", "eth1"])
    await kernel.host.links.set((await kernel.host.links.get(name)).index, { isUp: true });
  arrival.catch(() => {});
  if (!(await kernel.host.links.get("eth1")).hasCarrier) await arrival;
});

after(async () => {
  runner[Symbol.dispose]();
  setCardsDown();
  await kernel.stop();
});

test("a VLAN is as the reference plugin makes it", PATIENCE, async () => {
  await compareWithReference(
    { kernel, runner },
    [{ type: "vlan", master: "eth0", vlanId: 100, mtu: 1400, ipam: IPAM }],
    requestOf({
      link: { type: "vlan", parent: "eth0", vlan: { id: 100, qos: 0, protocol: "802.1Q" } },
      mtu: 1400,
      ...ADDRESSED,
    }),
  );
});

for (const mode of ["l2", "l3", "l3s"] as const) {
  test(`an ipvlan ${mode} is as the reference plugin makes it`, PATIENCE, async () => {
    await compareWithReference(
      { kernel, runner },
      [{ type: "ipvlan", master: "eth0", mode, mtu: 1400, ipam: IPAM }],
      requestOf({ link: { type: "ipvlan", parent: "eth0", mode }, mtu: 1400, ...ADDRESSED }),
    );
  });
}

test("a card is in the pod as the reference plugin moves it there", PATIENCE, async () => {
  const home = nextEvent(kernel.linkEvents, "the card at home", ({ change, link, namespaceId }) => {
    return change === "present" && namespaceId === undefined && link.name === "net1";
  });
  // Without IPv6, of which nothing is delivered before there is a carrier: the reference plugin waits for that.
  const ofIpv4 = (text: string) => !text.includes(":");
  await compareWithReference(
    { kernel, runner },
    [
      {
        type: "host-device",
        device: "eth1",
        ipam: { ...IPAM, addresses: IPAM.addresses.filter(({ address }) => ofIpv4(address)) },
      },
    ],
    requestOf({
      link: { type: "hostDevice", link: "eth1" },
      ...ADDRESSED,
      addresses: ADDRESSED.addresses.filter(ofIpv4),
    }),
    async (path) => {
      await using pod = await kernel.namespace(path);
      const carrier = nextEvent(kernel.linkEvents, "the carrier in the pod", ({ link, namespaceId }) => {
        return link.name === "net1" && link.hasCarrier && namespaceId !== undefined;
      });
      carrier.catch(() => {});
      if (!(await pod.links.get("net1")).hasCarrier) await carrier;
      return await lookAtInterface(kernel, path, "net1");
    },
    async () => {
      const { link } = await home;
      await kernel.host.links.set(link.index, { isUp: false, name: "eth1", alias: "" });
    },
  );
});
