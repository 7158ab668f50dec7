import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { LinkLookup } from "../../../src/attachment/link/lookup.ts";
import type { AttachmentRequest } from "../../../src/attachment/request.ts";
import { type ResultSources, resultOf } from "../../../src/attachment/result.ts";
import { hasLink, initialStatus, statusOf } from "../../../src/attachment/status.ts";
import { hostEndName } from "../../../src/attachment/types/bridge.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";
import type { Link } from "../../../src/linux/route/link.ts";
import type { CniResult } from "../../../src/model/cni/result.ts";

const request: AttachmentRequest = {
  pod: { namespace: "default", name: "one", uid: "1" },
  interfaceName: "net1",
  podNetworkName: "over",
  link: { type: "macvlan", parent: "up", mode: "bridge" },
  addresses: ["10.1.0.7/24", "fd01::7/64"],
  gateways: ["10.1.0.1"],
  routes: [
    {
      destination: "10.9.0.0/16",
      gateway: "10.1.0.1",
      mtu: 1400,
      advertisedMss: 1300,
      priority: 7,
      table: 5,
      scope: 0,
    },
    { destination: "fd09::/48" },
  ],
  dns: { nameservers: ["10.1.0.53"] },
};

/** Only what is asked of a link here. */
function link(name: string, mac: string, mtu = 1500): Link {
  return { name, mac, mtu } as Link;
}

/** Links as if they had been read: nothing is asked of a kernel. */
function seen(...links: readonly (Link | { name: string; isAbsent: true })[]): LinkLookup {
  const lookup = new LinkLookup({ name: "a namespace of words" } as Namespace);
  for (const each of links) lookup.learn(each.name, "isAbsent" in each ? undefined : each);
  return lookup;
}

function sources(more: Partial<ResultSources> = {}): ResultSources {
  return {
    podLinks: seen(link("net1", "02:00:00:00:00:01")),
    hostLinks: seen(),
    namespacePath: "/run/netns/blue",
    told: undefined,
    ...more,
  };
}

const ABSENT = { name: "net1", isAbsent: true } as const;

describe("the result of an attachment", () => {
  test("tells the pod's link, its addresses with their own gateways, its routes and names", async () => {
    assert.deepEqual(await resultOf(request, sources()), {
      interfaces: [{ name: "net1", mac: "02:00:00:00:00:01", mtu: 1500, sandbox: "/run/netns/blue" }],
      ips: [
        { address: "10.1.0.7/24", gateway: "10.1.0.1", interface: 0 },
        { address: "fd01::7/64", interface: 0 },
      ],
      routes: [
        { dst: "10.9.0.0/16", gw: "10.1.0.1", mtu: 1400, advmss: 1300, priority: 7, table: 5, scope: 0 },
        { dst: "fd09::/48" },
      ],
      dns: { nameservers: ["10.1.0.53"] },
    });
  });

  test("tells of a bridge, the node's end and the pod's end, in this order", async () => {
    const port: AttachmentRequest = { ...request, link: { type: "bridge", parent: "br0" } };
    const hostName = hostEndName(port);
    const hostLinks = seen(link("br0", "02:00:00:00:00:b0"), link(hostName, "02:00:00:00:00:e0"));
    const { interfaces, ips } = await resultOf(port, sources({ hostLinks }));
    assert.deepEqual(interfaces, [
      { name: "br0", mac: "02:00:00:00:00:b0", mtu: 1500 },
      { name: hostName, mac: "02:00:00:00:00:e0", mtu: 1500 },
      { name: "net1", mac: "02:00:00:00:00:01", mtu: 1500, sandbox: "/run/netns/blue" },
    ]);
    assert.deepEqual(
      ips.map((ip) => ip.interface),
      [2, 2],
    );
  });

  test("tells a VF by its PCI address, and one that a program drives without a link", async () => {
    const sriov = { type: "sriov", pciAddress: "0000:86:01.2", pf: "p0", vfIndex: 1, settings: {} } as const;
    const vf: AttachmentRequest = { ...request, mac: "02:00:00:00:00:0f", addresses: [], link: sriov };
    const own = { name: "net1", sandbox: "/run/netns/blue", pciID: "0000:86:01.2" };
    assert.deepEqual((await resultOf(vf, sources())).interfaces, [
      { ...own, mac: "02:00:00:00:00:01", mtu: 1500 },
    ]);
    const userspace = sources({ podLinks: seen(ABSENT) });
    assert.deepEqual((await resultOf(vf, userspace)).interfaces, [{ ...own, mac: "02:00:00:00:00:0f" }]);
    assert.equal(hasLink(await statusOf(vf, [], sources())), true);
    assert.equal(hasLink(await statusOf(vf, [], userspace)), false);
  });

  test("is what a program said, with the link as it was changed afterwards", async () => {
    const told: CniResult = {
      interfaces: [
        { name: "vethabc", mac: "02:00:00:00:00:aa" },
        { name: "net1", mac: "02:00:00:00:00:bb", mtu: 9000, sandbox: "/run/netns/blue" },
      ],
      ips: [{ address: "10.5.0.2/24", interface: 1 }],
      routes: [],
      dns: {},
    };
    const now = await resultOf(request, sources({ told }));
    assert.deepEqual(now.interfaces, [
      told.interfaces[0],
      { name: "net1", mac: "02:00:00:00:00:01", mtu: 1500, sandbox: "/run/netns/blue" },
    ]);
    assert.deepEqual(now.ips, told.ips);
    assert.deepEqual(await resultOf(request, sources({ told, podLinks: seen(ABSENT) })), told);
  });
});

describe("the status of an attachment", () => {
  test("has its own copy of the device plugin's file, where there is one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lanyard-status-"));
    try {
      const path = join(folder, "info.json");
      const informed = { ...request, deviceInfo: { source: "/nowhere", path } };
      assert.equal((await statusOf(informed, [], sources())).deviceInfo, undefined);
      const content = { type: "pci", version: "1.1.0", pci: { "pci-address": "0000:86:01.2" } };
      writeFileSync(path, JSON.stringify(content));
      assert.deepEqual((await statusOf(informed, [], sources())).deviceInfo, content);
      writeFileSync(path, "no JSON");
      await assert.rejects(statusOf(informed, [], sources()), {
        code: "invalid",
        message: /info\.json cannot be read/,
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("names the owner and the device, and tells nothing to a runtime before it stands", () => {
    const owner = { sandbox: "box", interfaceName: "eth0", network: "cluster" };
    const device = { resource: "lanyard.dev/nics", id: "nic0", container: "main" };
    const status = initialStatus(
      { ...request, owner, link: { type: "hostDevice", link: "nic0", device } },
      "/n",
    );
    assert.deepEqual([status.owner, status.device, status.result.interfaces], [owner, device, []]);
  });
});
