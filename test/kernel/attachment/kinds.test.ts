import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { AttachmentRequest } from "../../../src/attachment/request.ts";
import { hostEndName } from "../../../src/attachment/types/bridge.ts";
import { Kernel } from "../../../src/linux/kernel.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";
import { leaveSharedNamespace, PATIENCE } from "../world.ts";
import { makePod, PodSandbox } from "./fixtures.ts";
import { requestOf, StepRunner } from "./step-runner.ts";

leaveSharedNamespace();

let kernel: Kernel;
let runner: StepRunner;

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
});

/** Attaches to a new pod, looks, takes it back twice, and looks at what is left. */
async function attached(
  request: AttachmentRequest,
  look: (pod: Namespace, at: { id: number; path: string }) => Promise<void>,
  prepare: (pod: Namespace) => Promise<void> = async () => {},
): Promise<void> {
  await inSandbox(async (path) => {
    await within(path, prepare);
    const id = await runner.make(request, path);
    assert.deepEqual(await runner.check(id, path), []);
    await within(path, (pod) => look(pod, { id, path }));
    await runner.undo(id, path);
    await runner.undo(id, path);
  });
}

/** A new pod's namespace, which ends with the work. */
async function inSandbox(work: (path: string) => Promise<void>): Promise<void> {
  const sandbox = await PodSandbox.start();
  try {
    await work(sandbox.namespacePath);
  } finally {
    await sandbox.end();
  }
}

async function within<T>(path: string, work: (pod: Namespace) => Promise<T>): Promise<T> {
  await using pod = await kernel.namespace(path);
  return await work(pod);
}

const addressesOf = async (place: Namespace, link: string) =>
  (await place.addresses.list({ link: (await place.links.get(link)).index })).addresses.map(
    ({ address }) => address,
  );

const namesIn = async (place: Namespace) => (await place.links.list()).links.map(({ name }) => name).sort();

describe("links over another", () => {
  test("a macvlan is as large as its parent, and queues as many broadcasts as asked", PATIENCE, async () => {
    const link = {
      type: "macvlan",
      parent: "up0",
      mode: "private",
      broadcastQueueLength: 500,
    } as const;
    await attached(requestOf({ link, mac: "02:00:00:00:00:05" }), async (pod) => {
      const made = await pod.links.get("net1");
      assert.deepEqual(
        [made.kind, made.mtu, made.mac, made.isUp],
        ["macvlan", 1450, "02:00:00:00:00:05", true],
      );
      assert.equal(made.kindData?.mode, "private");
      assert.equal(made.kindData?.broadcastQueueLength, 500);
    });
  });

  test("a macvlan stands on a link of the pod", PATIENCE, async () => {
    const link = { type: "macvlan", parent: "inner", isParentInPod: true, mode: "bridge" } as const;
    const makeParent = async (pod: Namespace) => {
      await pod.links.create({ name: "inner", of: { kind: "veth", peer: { name: "outer" } }, mtu: 1400 });
    };
    await attached(
      requestOf({ link }),
      async (pod) => {
        const [made, parent] = [await pod.links.get("net1"), await pod.links.get("inner")];
        assert.deepEqual([made.parent, made.parentNamespaceId, made.mtu], [parent.index, undefined, 1400]);
      },
      makeParent,
    );
  });

  test("the only macvlan of a parent takes it whole", PATIENCE, async () => {
    const link = { type: "macvlan", parent: "up0", mode: "passthru" } as const;
    await attached(requestOf({ link }), async (pod) => {
      const parent = await kernel.host.links.get("up0");
      assert.equal((await pod.links.get("net1")).mac, parent.mac);
      assert.equal(parent.promiscuity, 1);
    });
    assert.equal((await kernel.host.links.get("up0")).promiscuity, 0);
  });

  test("a parent that is not there is named", PATIENCE, async () => {
    const link = { type: "macvlan", parent: "nowhere", mode: "bridge" } as const;
    await inSandbox(async (path) => {
      await assert.rejects(runner.make(requestOf({ link }), path), {
        code: "not-found",
        message: 'no link "nowhere" in the node\'s network namespace',
      });
    });
  });
});

describe("a bridge", () => {
  const bridge = {
    isVlanFiltering: false,
    isPromiscuous: false,
    isGateway: false,
    forceAddress: false,
  };

  test("is made where there is none, keeps its MAC address, and stays", PATIENCE, async () => {
    const link = { type: "bridge", parent: "br-new", bridge: { ...bridge, isPromiscuous: true } } as const;
    const seen: string[] = [];
    for (const mac of ["02:00:00:00:00:01", "02:00:00:00:00:00"]) {
      await attached(requestOf({ link, mac, mtu: 1300, addresses: ["10.7.0.2/24"] }), async (pod) => {
        const made = await kernel.host.links.get("br-new");
        seen.push(made.mac);
        assert.deepEqual([made.kind, made.mtu, made.isUp, made.isPromiscuous], ["bridge", 1300, true, true]);
        const inner = await pod.links.get("net1");
        assert.deepEqual([inner.kind, inner.mac, inner.mtu, inner.isUp], ["veth", mac, 1300, true]);
        const outer = await kernel.host.links.get(hostEndName(requestOf({ link })));
        assert.deepEqual([outer.master, outer.mtu, outer.isUp], [made.index, 1300, true]);
      });
      assert.equal(await kernel.host.links.find(hostEndName(requestOf({ link }))), undefined);
    }
    const left = await kernel.host.links.get("br-new");
    assert.deepEqual([left.mac, left.mac], seen);
    assert.equal(await kernel.host.sysctl("ipv6/conf/br-new/accept_ra"), "0");
  });

  test("that stood before keeps its MAC address when a port with a lower one joins", PATIENCE, async () => {
    await kernel.host.links.create({ name: "br-old", of: { kind: "bridge" } });
    const before = await kernel.host.links.get("br-old");
    const link = { type: "bridge", parent: "br-old" } as const;
    await attached(requestOf({ link }), async () => {
      assert.equal((await kernel.host.links.get("br-old")).mac, before.mac);
    });
    assert.equal((await kernel.host.links.get("br-old")).mac, before.mac);
  });

  test("is the gateway of its pods, and the node forwards for them", PATIENCE, async () => {
    await kernel.host.setSysctl("ipv4/ip_forward", "0");
    const link = { type: "bridge", parent: "br-gw", bridge: { ...bridge, isGateway: true } } as const;
    const request = requestOf({
      link,
      addresses: ["10.7.1.2/24", "fd07::2/64"],
      gateways: ["10.7.1.1", "fd07::1"],
      defaultGateways: [],
    });
    await attached(request, async (pod) => {
      const addresses = await addressesOf(kernel.host, "br-gw");
      assert.ok(addresses.includes("10.7.1.1/24") && addresses.includes("fd07::1/64"), `${addresses}`);
      assert.equal(await kernel.host.sysctl("ipv4/ip_forward"), "1");
      assert.equal(await kernel.host.sysctl("ipv6/conf/all/forwarding"), "1");
      assert.equal((await pod.routes.get("192.0.2.1")).nextHops[0]?.gateway, "10.7.1.1");
      assert.equal((await pod.routes.get("2001:db8::1")).nextHops[0]?.gateway, "fd07::1");
    });
    // Another pod of another subnet finds the bridge taken, unless it may take the address away.
    const other = (forceAddress: boolean) =>
      requestOf({
        link: { ...link, bridge: { ...link.bridge, forceAddress } },
        addresses: ["10.7.2.2/24"],
        gateways: ["10.7.2.1"],
      });
    await inSandbox(async (path) => {
      await assert.rejects(runner.make(other(false), path), {
        code: "conflict",
        message:
          /"br-gw" of the node has 10\.7\.1\.1\/24, and shall be the gateway 10\.7\.2\.1\/24.*forceAddress/,
      });
      assert.deepEqual(await within(path, namesIn), ["lo"]);
    });
    await attached(other(true), async () => {
      const addresses = await addressesOf(kernel.host, "br-gw");
      assert.ok(addresses.includes("10.7.2.1/24") && !addresses.includes("10.7.1.1/24"), `${addresses}`);
      assert.ok(addresses.includes("fd07::1/64"));
    });
  });

  test("sets its port as asked, and the pod's end may stay down", PATIENCE, async () => {
    const link = { type: "bridge", parent: "br-port", bridge, isHairpin: true, isIsolated: true } as const;
    await attached(requestOf({ link, staysDown: true }), async (pod, { id, path }) => {
      const port = await kernel.host.links.get(hostEndName(requestOf({ link })));
      assert.deepEqual([port.portData?.isHairpin, port.portData?.isIsolated], [true, true]);
      assert.equal((await pod.links.get("net1")).isUp, false);
      await kernel.host.bridgePorts.set(port.index, { isHairpin: false });
      assert.deepEqual(await runner.check(id, path), [
        `the hairpin mode of ${port.name}, the node's end of net1 was made true, and is false`,
      ]);
    });
  });

  test("is refused where a link of that name is none, and VLANs where it does not tell them apart", async () => {
    await inSandbox(async (path) => {
      const make = (link: AttachmentRequest["link"]) => runner.make(requestOf({ link }), path);
      await assert.rejects(make({ type: "bridge", parent: "up0", bridge }), {
        code: "conflict",
        message: /link "up0" of the node is no bridge but veth/,
      });
      await kernel.host.links.create({ name: "br-plain", of: { kind: "bridge" } });
      await assert.rejects(make({ type: "bridge", parent: "br-plain", vlan: 7 }), {
        code: "conflict",
        message: /"br-plain" of the node does not tell VLANs apart/,
      });
    });
  });
});

describe("a link of the node in a pod", () => {
  const link = { type: "hostDevice", link: "nic0" } as const;
  const makeNic = async (altNames: readonly string[] = []) => {
    const { links } = kernel.host;
    await links.create({ name: "nic0", of: { kind: "veth", peer: { name: "nic-peer" } }, mtu: 1460 });
    const { index } = await links.get("nic0");
    if (altNames.length > 0) await links.addAltNames(index, altNames);
    await links.set(index, { isUp: true, isAllMulticast: true, transmitQueueLength: 77 });
    return async () => await links.delete((await links.get("nic-peer")).index);
  };

  test("comes home as it was, whatever the pod did to it", PATIENCE, async () => {
    const remove = await makeNic(["net1", "enp9s0", "inner0"]);
    const before = await kernel.host.links.get("nic0");
    const request = requestOf({
      link,
      mac: "02:00:00:00:00:09",
      mtu: 1200,
      tuning: { isPromiscuous: true, transmitQueueLength: 10 },
    });
    const makeRival = async ({ links }: Namespace) => {
      // Its other names are in the way: one is what it shall be called, one another link's there.
      await links.create({ name: "inner0", of: { kind: "veth", peer: { name: "inner1" } } });
    };
    await attached(
      request,
      async ({ links }) => {
        const inside = await links.get("net1");
        assert.deepEqual(
          [inside.mac, inside.mtu, inside.isPromiscuous, inside.transmitQueueLength, inside.altNames],
          ["02:00:00:00:00:09", 1200, true, 10, ["enp9s0"]],
        );
        // The pod calls it otherwise, and makes another of its name.
        await links.set(inside.index, { isUp: false, name: "mine", mtu: 1000, isAllMulticast: false });
        await links.set(inside.index, { alias: "the pod's" });
        await links.addAltNames(inside.index, ["mine-too"]);
        await links.create({ name: "net1", of: { kind: "veth", peer: { name: "net1-peer" } } });
      },
      makeRival,
    );
    const home = await kernel.host.links.get("nic0");
    const { statistics: _, carrierUps: _ups, carrierDowns: _downs, index: _index, ...was } = before;
    for (const [name, value] of Object.entries(was)) {
      const found = home[name as keyof typeof home];
      const isNames = name === "altNames";
      assert.deepEqual(
        isNames ? [...home.altNames].sort() : found,
        isNames ? [...before.altNames].sort() : value,
        name,
      );
    }
    assert.deepEqual(runner.told, []);
    await remove();
  });

  test("keeps a free name when its own is another's by now, and says so", PATIENCE, async () => {
    const remove = await makeNic();
    await attached(requestOf({ link }), async () => {
      await kernel.host.links.create({ name: "nic0", of: { kind: "veth", peer: { name: "usurper" } } });
    });
    const peer = await kernel.host.links.get("nic-peer");
    const home = (await kernel.host.links.list()).links.find(({ index }) => index === peer.parent);
    assert.equal(home?.name, "nic0_1");
    assert.equal(home?.isUp, true);
    const told = `"nic0" is another link's name by now: the one that came home from a pod is called "nic0_1"`;
    assert.deepEqual(runner.told.splice(0), [told, told]);
    await remove();
    await kernel.host.links.delete((await kernel.host.links.get("nic0")).index);
  });
});

describe("tuning", () => {
  const standing = { type: "standing" } as const;
  const makeEth0 = async ({ links }: Namespace) => {
    await links.create({ name: "eth0", of: { kind: "veth", peer: { name: "peer0" } }, isUp: true });
    await links.set((await links.get("peer0")).index, { isUp: true });
  };

  test("of a standing link is taken back value by value", PATIENCE, async () => {
    await inSandbox(async (path) => {
      await within(path, makeEth0);
      const read = () =>
        within(path, async (pod) => {
          const { mtu, mac, isPromiscuous, isAllMulticast, transmitQueueLength } =
            await pod.links.get("eth0");
          const sysctls = [await pod.sysctl("ipv4/conf/eth0/arp_filter"), await pod.sysctl("core/somaxconn")];
          return { mtu, mac, isPromiscuous, isAllMulticast, transmitQueueLength, sysctls };
        });
      const before = await read();
      const request = requestOf({
        link: standing,
        interfaceName: "eth0",
        mtu: 1280,
        mac: "02:00:00:00:00:77",
        tuning: {
          sysctl: { "ipv4/conf/eth0/arp_filter": "1", "core/somaxconn": "500" },
          isPromiscuous: true,
          isAllMulticast: true,
          transmitQueueLength: 5,
        },
      });
      const id = await runner.make(request, path);
      assert.deepEqual(await read(), {
        mtu: 1280,
        mac: "02:00:00:00:00:77",
        isPromiscuous: true,
        isAllMulticast: true,
        transmitQueueLength: 5,
        sysctls: ["1", "500"],
      });
      assert.deepEqual(await runner.check(id, path), []);
      await within(path, (pod) => pod.setSysctl("ipv4/conf/eth0/arp_filter", "0"));
      assert.deepEqual(await runner.check(id, path), [
        "the sysctl ipv4/conf/eth0/arp_filter of eth0 was made 1, and is 0",
      ]);
      await runner.undo(id, path);
      await runner.undo(id, path);
      assert.deepEqual(await read(), before);
    });
  });

  test("of a new link stands before it comes up, and what leads elsewhere is refused", PATIENCE, async () => {
    const link = { type: "macvlan", parent: "up0", mode: "bridge" } as const;
    const tuning = { sysctl: { "ipv4/conf/net1/rp_filter": "2" }, isAllMulticast: true };
    await attached(requestOf({ link, tuning }), async (pod) => {
      assert.equal(await pod.sysctl("ipv4/conf/net1/rp_filter"), "2");
      assert.equal((await pod.links.get("net1")).isAllMulticast, true);
    });
    await inSandbox(async (path) => {
      for (const name of ["../kernel/panic", "ipv4/../../kernel/panic", "/proc/sys/kernel/panic"]) {
        const request = requestOf({ link, tuning: { sysctl: { [name]: "1" } } });
        await assert.rejects(runner.make(request, path), { code: "invalid" }, name);
        assert.deepEqual(await within(path, namesIn), ["lo"]);
      }
    });
  });
});

describe("routes and addresses", () => {
  const link = { type: "macvlan", parent: "up0", mode: "bridge" } as const;

  test("routes carry what they were asked with, into their own table", PATIENCE, async () => {
    const request = requestOf({
      link,
      addresses: ["10.9.0.2/24"],
      routes: [
        { destination: "10.10.0.0/16", gateway: "10.9.0.1", mtu: 1300, advertisedMss: 1200, priority: 50 },
        { destination: "10.11.0.0/16", scope: 253, table: 100 },
      ],
    });
    await attached(request, async (pod, { id, path }) => {
      const { routes } = await pod.routes.list();
      const main = routes.find(({ destination }) => destination === "10.10.0.0/16");
      assert.deepEqual([main?.mtu, main?.advmss, main?.priority], [1300, 1200, 50]);
      const { routes: others } = await pod.routes.list({ table: 100 });
      assert.deepEqual(
        others.map(({ destination, scope, nextHops }) => [destination, scope, nextHops[0]?.gateway]),
        [["10.11.0.0/16", "link", undefined]],
      );
      const { index } = await pod.links.get("net1");
      await pod.routes.delete({ destination: "10.11.0.0/16", link: index, scope: 253, table: 100 });
      await pod.setSysctl("ipv6/conf/net1/disable_ipv6", "1");
      await pod.addresses.delete(index, "10.9.0.2/24");
      assert.deepEqual(await runner.check(id, path), [
        "net1 was given the address 10.9.0.2/24, and has none",
        "net1 was given the route 10.10.0.0/16 via 10.9.0.1 of priority 50 with MTU 1300 with segments of 1200, and has none to there",
        "net1 was given the route 10.11.0.0/16, and has none to there",
      ]);
    });
  });

  test("an IPv6 address can be used when it was given, and duplicates are looked for", PATIENCE, async () => {
    await attached(requestOf({ link, addresses: ["fd09::2/64"] }), async (pod, { id, path }) => {
      const { index } = await pod.links.get("net1");
      const found = await pod.addresses.find(index, "fd09::2/64");
      assert.equal(found?.flags.includes("nodad"), false);
      const isUsable = !found?.flags.includes("tentative") || found.flags.includes("optimistic");
      assert.ok(isUsable, `${found?.flags}`);
      // The kernel sends from it by its own choice.
      assert.equal((await pod.routes.get("fd09::9")).source, "fd09::2");
      assert.deepEqual(await runner.check(id, path), []);
    });
  });

  test("IPv6 is turned on for an interface that gets an address of it", PATIENCE, async () => {
    const turnOff = (pod: Namespace) => pod.setSysctl("ipv6/conf/default/disable_ipv6", "1");
    await attached(
      requestOf({ link, addresses: ["fd09::2/64"] }),
      async (pod) => assert.ok((await addressesOf(pod, "net1")).includes("fd09::2/64")),
      turnOff,
    );
  });

  test(
    "default routes take the place of the pod's, family by family, and give it back",
    PATIENCE,
    async () => {
      const makeEth0 = async (pod: Namespace) => {
        await pod.links.create({ name: "eth0", of: { kind: "veth", peer: { name: "peer0" } }, isUp: true });
        await pod.links.set((await pod.links.get("peer0")).index, { isUp: true });
        const { index } = await pod.links.get("eth0");
        await pod.addresses.add(index, "10.1.0.2/24");
        await pod.addresses.add(index, "fd01::2/64");
        await pod.routes.add({ destination: "0.0.0.0/0", gateway: "10.1.0.1", link: index, priority: 10 });
        await pod.routes.add({ destination: "0.0.0.0/0", gateway: "10.1.0.3", link: index, priority: 20 });
        await pod.routes.add({ destination: "::/0", gateway: "fd01::1", link: index });
      };
      const defaultsOf = async (pod: Namespace) =>
        (await pod.routes.list({ type: "unicast" })).routes
          .filter(({ destination }) => destination.endsWith("/0"))
          .map(({ destination, nextHops, priority }) => [destination, nextHops[0]?.gateway, priority]);
      await inSandbox(async (path) => {
        await within(path, makeEth0);
        const before = await within(path, defaultsOf);
        assert.equal(before.length, 3);
        const request = requestOf({ link, addresses: ["10.9.0.2/24"], defaultGateways: ["10.9.0.1"] });
        const id = await runner.make(request, path);
        assert.deepEqual(await within(path, defaultsOf), [
          ["0.0.0.0/0", "10.9.0.1", undefined],
          ["::/0", "fd01::1", 1024],
        ]);
        assert.deepEqual(await runner.check(id, path), []);
        await runner.undo(id, path);
        await runner.undo(id, path);
        assert.deepEqual(await within(path, defaultsOf), before);

        runner.forget(id);

        // What led by a link that is gone is not given back, and is no failure.
        const again = await runner.make(request, path);
        await within(path, async ({ links }) => links.delete((await links.get("eth0")).index));
        await runner.undo(again, path);
        assert.deepEqual(await within(path, defaultsOf), []);
        assert.equal(runner.told.splice(0).length, 2);
      });
    },
  );
});

describe("limits", () => {
  const gold = {
    kind: "QosClass",
    name: "gold",
    egress: { ceiling: 50_000_000 },
    ingress: { ceiling: 30_000_000 },
    priority: 0,
  } as const;
  const request = requestOf({ link: { type: "standing" }, interfaceName: "eth0", qosClass: gold });
  const makeEth0 = async ({ links }: Namespace) => {
    await links.create({ name: "eth0", of: { kind: "veth", peer: { name: "peer0" } }, isUp: true });
    await links.set((await links.get("peer0")).index, { isUp: true });
  };

  test("hold a link that stands, are compared, and go without it", PATIENCE, async () => {
    await inSandbox(async (path) => {
      await within(path, makeEth0);
      const limitsOf = (pod: Namespace) =>
        pod.links.get("eth0").then(async ({ index, gsoMaxSize }) => ({
          qdiscs: (await pod.qdiscs.list(index)).map(({ spec }) => spec.kind),
          gsoMaxSize,
          links: await namesIn(pod),
        }));
      const before = await within(path, limitsOf);
      const id = await runner.make(request, path);
      assert.deepEqual(await runner.check(id, path), []);
      assert.notDeepEqual(await within(path, limitsOf), before);
      await within(path, async (pod) => {
        const { index } = await pod.links.get("eth0");
        const [leaf] = await pod.classes.list(index);
        assert.ok(leaf !== undefined && leaf.spec.kind === "htb");
        await pod.classes.change({ ...leaf.spec, ceil: 10_000_000, rate: 10_000_000 });
        assert.deepEqual((await runner.check(id, path)).slice(0, 2), [
          "the rate of class htb of eth0 was 50000000, and is 10000000",
          "the ceil of class htb of eth0 was 50000000, and is 10000000",
        ]);
        await pod.links.delete((await pod.links.get("ifb-eth0")).index);
        assert.deepEqual(await runner.check(id, path), ["eth0 was shaped by way of ifb-eth0, which is gone"]);
      });
      await runner.undo(id, path);
      await runner.undo(id, path);
      assert.deepEqual(await within(path, limitsOf), before);
    });
  });

  test("are refused where somebody else holds the link", PATIENCE, async () => {
    await inSandbox(async (path) => {
      await within(path, async (pod) => {
        await makeEth0(pod);
        const link = (await pod.links.get("eth0")).index;
        await pod.qdiscs.add({
          ...{ link, parent: "root", handle: 0x70000, kind: "tbf" },
          ...{ rate: 8_000_000, burst: 65_536, limit: 65_536 },
        });
      });
      await assert.rejects(runner.make(request, path), {
        code: "conflict",
        message: /link "eth0" of the pod has a qdisc tbf at its root already/,
      });
    });
  });
});

test("the attachment's copy of the device plugin's file comes and goes with it", PATIENCE, async () => {
  const folder = mkdtempSync(join(tmpdir(), "lanyard-devinfo-"));
  try {
    const [source, path] = [join(folder, "dp.json"), join(folder, "cni", "net1.json")];
    writeFileSync(source, '{"type":"pci"}');
    const request = requestOf({
      link: { type: "macvlan", parent: "up0", mode: "bridge" },
      deviceInfo: { source, path },
      pod: makePod("info"),
    });
    await attached(request, async (_pod, { id, path: namespace }) => {
      assert.equal(readFileSync(path, "utf8"), '{"type":"pci"}');
      assert.equal(statSync(path).mode & 0o777, 0o444);
      rmSync(path);
      assert.deepEqual(await runner.check(id, namespace), [
        `${path} was made a copy of ${source}, and is gone`,
      ]);
    });
    assert.throws(() => statSync(path));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
