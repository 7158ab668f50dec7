import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { hostEndName } from "../../../src/attachment/types/bridge.ts";
import { Kernel } from "../../../src/linux/kernel.ts";
import { leaveSharedNamespace, PATIENCE } from "../world.ts";
import { ADDRESSED, attributesOf, compareWithReference, IPAM, lookAtInterface } from "./reference-plugin.ts";
import { requestOf, StepRunner } from "./step-runner.ts";

leaveSharedNamespace();

let kernel: Kernel;
let runner: StepRunner;
/** Where the reference plugin keeps what it changed. */
const folder = mkdtempSync(join(tmpdir(), "lanyard-reference-"));

before(async () => {
  kernel = new Kernel();
  runner = new StepRunner(kernel);
  const { links } = kernel.host;
  await links.create({ name: "up0", of: { kind: "veth", peer: { name: "up1" } }, isUp: true, mtu: 1450 });
  await links.set((await links.get("up1")).index, { isUp: true });
});

after(async () => {
  runner[Symbol.dispose]();
  await kernel.stop();
  rmSync(folder, { recursive: true });
});

test("a macvlan is as the reference plugins make it, tuned and addressed", PATIENCE, async () => {
  const sysctl = { "net.ipv4.conf.net1.arp_filter": "1", "net.ipv4.conf.net1.rp_filter": "2" };
  await compareWithReference(
    { kernel, runner },
    [
      { type: "macvlan", master: "up0", mode: "bridge", mtu: 1400, ipam: IPAM },
      { type: "tuning", dataDir: folder, mac: "02:00:00:00:00:0b", promisc: true, allmulti: true, sysctl },
    ],
    requestOf({
      link: { type: "macvlan", parent: "up0", mode: "bridge" },
      mtu: 1400,
      mac: "02:00:00:00:00:0a",
      tuning: {
        sysctl: { "ipv4/conf/net1/arp_filter": "1", "ipv4/conf/net1/rp_filter": "2" },
        isPromiscuous: true,
        isAllMulticast: true,
      },
      ...ADDRESSED,
    }),
  );
});

test("a port of a bridge is as the reference plugin makes it, and so is the bridge", PATIENCE, async () => {
  const { host } = kernel;
  const look = async (path: string) => {
    const bridge = await host.links.get("br-ref");
    const ports = (await host.links.list()).links.filter(({ master }) => master === bridge.index);
    const { addresses } = await host.addresses.list({ link: bridge.index });
    const seen = {
      ...(await lookAtInterface(kernel, path, "net1")),
      ports: ports.map((port) => ({ ...attributesOf(port), name: undefined, altNames: [] })),
      bridge: attributesOf(bridge),
      gateways: addresses.map(({ address }) => address).filter((address) => !address.startsWith("fe80:")),
      forwarding: [await host.sysctl("ipv4/ip_forward"), await host.sysctl("ipv6/conf/all/forwarding")],
      acceptsAdvertisements: await host.sysctl("ipv6/conf/br-ref/accept_ra"),
    };
    // Each of the two makes the bridge anew.
    for (const { index } of ports) await host.links.delete(index);
    await host.links.delete(bridge.index);
    for (const name of ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]) await host.setSysctl(name, "0");
    return seen;
  };
  const link = {
    type: "bridge",
    parent: "br-ref",
    bridge: { isVlanFiltering: false, isPromiscuous: false, isGateway: true, forceAddress: false },
    isHairpin: true,
  } as const;
  await compareWithReference(
    { kernel, runner },
    [{ type: "bridge", bridge: "br-ref", isGateway: true, hairpinMode: true, mtu: 1400, ipam: IPAM }],
    requestOf({ link, mtu: 1400, ...ADDRESSED }),
    look,
  );
  assert.equal(await host.links.find(hostEndName(requestOf({ link }))), undefined);
});
