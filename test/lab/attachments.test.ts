import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { AttachmentRequest, SriovRequest } from "../../src/attachment/request.ts";
import { hostEndName } from "../../src/attachment/types/bridge.ts";
import { Kernel } from "../../src/linux/kernel.ts";
import type { Namespace } from "../../src/linux/namespace.ts";
import type { Link } from "../../src/linux/route/link.ts";
import { readNetDevice } from "../../src/linux/sysfs/net-device.ts";
import { PodSandbox } from "../kernel/attachment/fixtures.ts";
import { requestOf, StepRunner } from "../kernel/attachment/step-runner.ts";
import { nextEvent, runIn } from "../kernel/world.ts";
import { loadModule, setCardsDown } from "./guest.ts";

/**
 * Attachments on the guest's emulated igb cards: `eth0` and `eth1`, joined by one wire. VFs are made once, two of `eth0` and
 * later one of `eth1`, because that takes the driver more than a second. As long as `eth1` has none it sees all that passes
 * the wire: with VFs the emulated card gives frames of a VLAN to none but them.
 */

const PATIENCE = { timeout: 120_000 };
/** The MAC addresses that the VFs' drivers start with. */
const OWN_MACS = ["02:00:00:00:bb:00", "02:00:00:00:bb:01", "02:00:00:00:bb:02"] as const;

/** A VF that is at home. */
interface TestVf {
  readonly pciAddress: string;
  readonly pf: string;
  readonly vfIndex: number;
  readonly link: string;
}

let kernel: Kernel;
let runner: StepRunner;
let vfs: readonly [TestVf, TestVf];

before(async () => {
  kernel = new Kernel();
  runner = new StepRunner(kernel);
  for (const pf of ["eth0", "eth1"])
    await kernel.host.links.set((await kernel.host.links.get(pf)).index, { isUp: true });
  vfs = (await makeVfs("eth0", OWN_MACS.slice(0, 2))) as unknown as typeof vfs;
  await withCarrier(kernel.host, "eth1");
});

after(async () => {
  runner[Symbol.dispose]();
  for (const pf of ["eth0", "eth1"]) await kernel.pci.setVfCount(await addressOf(pf), 0);
  setCardsDown();
  await kernel.stop();
});

/** Makes VFs whose drivers start with these MAC addresses: they start with another one each time where the PF gives none. */
async function makeVfs(pf: string, macs: readonly string[]): Promise<TestVf[]> {
  const { index } = await kernel.host.links.get(pf);
  const address = await addressOf(pf);
  await kernel.pci.setVfCount(address, macs.length, false);
  // A PF that has no carrier yet may begin anew, and then heeds no VF before that does so, too.
  await withCarrier(kernel.host, pf);
  const made: TestVf[] = [];
  for (const [vfIndex, pciAddress] of ((await kernel.pci.get(address)).sriov?.vfs ?? []).entries()) {
    await kernel.host.vfs.set(index, vfIndex, { mac: macs[vfIndex] as string });
    await kernel.pci.bind(pciAddress, "igbvf");
    const [link = ""] = (await kernel.pci.get(pciAddress)).links;
    made.push({ pciAddress, pf, vfIndex, link });
  }
  return made;
}

async function addressOf(link: string): Promise<string> {
  const { pciAddress } = await readNetDevice("/sys", link);
  if (pciAddress === undefined) throw new Error(`${link} is no PCI device`);
  return (await kernel.pci.get(pciAddress)).address;
}

async function withCarrier(place: Namespace, name: string): Promise<void> {
  const arrival = nextEvent(
    kernel.linkEvents,
    `the carrier of ${name}`,
    ({ link }) => link.name === name && link.hasCarrier,
  );
  arrival.catch(() => {});
  if (!(await place.links.get(name)).hasCarrier) await arrival;
}

/** Links need a moment until packets pass. */
async function ping(path: string, to: string): Promise<void> {
  await using pod = await kernel.namespace(path);
  await runIn(pod, "/run/lab/bin/busybox", "ping", "-c", "3", "-w", "20", "-A", to);
}

async function inPod<T>(path: string, work: (pod: Namespace) => Promise<T>): Promise<T> {
  await using pod = await kernel.namespace(path);
  return await work(pod);
}

/** New pods, which end with the work. */
async function withPods(count: number, work: (...paths: string[]) => Promise<void>): Promise<void> {
  const sandboxes = await Promise.all(Array.from({ length: count }, () => PodSandbox.start()));
  try {
    await work(...sandboxes.map(({ namespacePath }) => namespacePath));
  } finally {
    await Promise.all(sandboxes.map((sandbox) => sandbox.end()));
  }
}

const sriovOf = (vf: TestVf, settings: SriovRequest["settings"] = {}, link: string | undefined = vf.link) => {
  const { pciAddress, pf, vfIndex } = vf;
  return { type: "sriov", pciAddress, pf, vfIndex, settings, ...(link === "" ? {} : { link }) } as const;
};

/** A VF as its PF tells of it, and its link as it is at home. */
async function stateOf({ pf, vfIndex, link }: TestVf) {
  const { index } = await kernel.host.links.get(pf);
  const { attributes } = await kernel.host.vfs.get(index, vfIndex);
  const found = await kernel.host.links.find(link);
  return { attributes, link: found && homeFacts(found) };
}

const homeFacts = ({ name, altNames, mac, mtu, isUp, isPromiscuous, isAllMulticast, ...link }: Link) => {
  const { transmitQueueLength, gsoMaxSize, device } = link;
  return {
    ...{ name, altNames, mac, mtu, isUp, isPromiscuous, isAllMulticast },
    ...{ transmitQueueLength, gsoMaxSize, device },
  };
};

describe("a VF", () => {
  test("talks in its VLAN under its MAC address, and comes home clean", PATIENCE, async () => {
    const [vf] = vfs;
    const was = await stateOf(vf);
    const mac = "02:00:00:00:cc:01";
    const settings = {
      vlan: { id: 100, qos: 3 },
      rate: { max: 500_000_000 },
      isSpoofChecked: true,
      isTrusted: false,
    };
    const { index: parent } = await kernel.host.links.get("eth1");
    await kernel.host.links.create({ name: "eth1.100", parent, of: { kind: "vlan", id: 100 }, isUp: true });
    const far = await kernel.host.links.get("eth1.100");
    try {
      await kernel.host.addresses.add(far.index, "10.20.0.1/24");
      await withPods(1, async (path) => {
        const request = requestOf({
          link: sriovOf(vf, settings),
          mac,
          mtu: 1400,
          addresses: ["10.20.0.2/24", "fd20::2/64"],
          routes: [{ destination: "10.21.0.0/16", gateway: "10.20.0.1" }],
        });
        const id = await runner.make(request, path);
        assert.deepEqual(await runner.check(id, path), []);
        assert.equal(await kernel.host.links.find(vf.link), undefined);
        const inside = await inPod(path, ({ links }) => links.get("net1"));
        assert.deepEqual([inside.mac, inside.mtu, inside.isUp], [mac, 1400, true]);
        assert.deepEqual((await stateOf(vf)).attributes?.vlan, { id: 100, qos: 3, protocol: "802.1Q" });
        await ping(path, "10.20.0.1");

        const { index: pf } = await kernel.host.links.get(vf.pf);
        await kernel.host.vfs.set(pf, vf.vfIndex, { vlan: { id: 101 } });
        assert.deepEqual(await runner.check(id, path), [
          'the VLAN of VF 0 of eth0 was made {"id":100,"qos":3,"protocol":"802.1Q"}, and is {"id":101,"qos":0,"protocol":"802.1Q"}',
        ]);
        await runner.undo(id, path);
        await runner.undo(id, path);
      });
    } finally {
      await kernel.host.links.delete(far.index);
    }
    assert.deepEqual(await stateOf(vf), was);
    assert.deepEqual(runner.told.splice(0), []);
  });

  test(
    "is known by its device: two that come home under each other's names keep apart",
    PATIENCE,
    async () => {
      const [one, other] = vfs;
      const macs = ["02:00:00:00:cc:21", "02:00:00:00:cc:22"];
      const homecomings: Promise<unknown>[] = [];
      const ids: number[] = [];
      await withPods(2, async (...paths) => {
        for (const [position, vf] of [one, other].entries()) {
          const path = paths[position] as string;
          const request = requestOf({ link: sriovOf(vf), mac: macs[position] as string });
          ids.push(await runner.make(request, path));
          const rival = [other, one][position] as TestVf;
          homecomings.push(
            nextEvent(kernel.linkEvents, `${vf.link} at home`, ({ change, link, namespaceId }) => {
              return change === "present" && namespaceId === undefined && link.name === rival.link;
            }),
          );
          await inPod(path, async ({ links }) => {
            const { index } = await links.get("net1");
            await links.set(index, { isUp: false, name: rival.link });
          });
        }
      });
      await Promise.all(homecomings);
      for (const id of ids) await runner.undo(id);
      // Each has its own address again, whatever it is called.
      const { links } = await kernel.host.links.list();
      const ofVf = ({ pciAddress }: TestVf) =>
        links.find(({ device }) => device?.name === pciAddress) as Link;
      assert.deepEqual([ofVf(one).mac, ofVf(other).mac], [OWN_MACS[0], OWN_MACS[1]]);
      assert.equal(runner.told.splice(0).length, 2);
      for (const vf of [one, other])
        await kernel.host.links.set(ofVf(vf).index, { name: `x${vf.link}`.slice(0, 15) });
      for (const vf of [one, other]) await kernel.host.links.set(ofVf(vf).index, { name: vf.link });
    },
  );

  test("whose PF was renamed, and which a pod still has, is given back all the same", PATIENCE, async () => {
    const [vf] = vfs;
    const was = await stateOf(vf);
    const { index } = await kernel.host.links.get("eth0");
    await withPods(1, async (path) => {
      const request = requestOf({ link: sriovOf(vf, { vlan: { id: 40 } }), mac: "02:00:00:00:cc:31" });
      const id = await runner.make(request, path);
      await kernel.host.links.set(index, { name: "renamed" });
      try {
        assert.deepEqual(await runner.check(id, path), []);
        await runner.undo(id, path);
      } finally {
        await kernel.host.links.set(index, { name: "eth0" });
      }
    });
    assert.deepEqual(await stateOf(vf), was);
  });

  test(
    "gets nothing when the driver refuses one of its settings, and the refusal names it",
    PATIENCE,
    async () => {
      const [vf] = vfs;
      const was = await stateOf(vf);
      const refusals = [
        [
          { vlan: { id: 50, protocol: "802.1ad" } },
          /set the VLAN of VF 0 of link \d+ .* knows no VLANs of 802\.1ad/,
        ],
        [{ isTrusted: true, rate: { min: 1_000_000, max: 9_000_000 } }, /set the rate of VF 0 .*lowest rate/],
        [{ isSpoofChecked: false, linkState: "enable" }, /set the link state of VF 0 .*does not set this/],
      ] as const;
      await withPods(1, async (path) => {
        for (const [settings, message] of refusals) {
          const request = requestOf({
            link: sriovOf(vf, { vlan: { id: 51 }, ...settings }),
            mac: "02:00:00:00:cc:41",
          });
          await assert.rejects(runner.make(request, path), { code: "kernel", message });
          assert.deepEqual(await stateOf(vf), was);
        }
      });
      assert.deepEqual(runner.told.splice(0), []);
    },
  );

  test("is not taken for the one that has its name by now", PATIENCE, async () => {
    const [one, other] = vfs;
    const were = [await stateOf(one), await stateOf(other)];
    await withPods(1, async (path) => {
      for (const mac of [{ mac: "02:00:00:00:cc:61" }, {}]) {
        const request = requestOf({ link: sriovOf(one, { vlan: { id: 52 } }, other.link), ...mac });
        await assert.rejects(runner.make(request, path), {
          code: "conflict",
          message: new RegExp(`"${other.link}" .* is of ${other.pciAddress} now, .* ${one.pciAddress}`),
        });
        assert.deepEqual([await stateOf(one), await stateOf(other)], were);
      }
    });
  });

  test("that a program drives is set through its PF alone", PATIENCE, async () => {
    const vf = vfs[1];
    for (const module of ["vfio-pci", "vfio_iommu_type1"]) loadModule(module);
    const mac = "02:00:00:00:cc:51";
    await kernel.pci.bind(vf.pciAddress, "vfio-pci");
    try {
      const was = (await stateOf(vf)).attributes;
      for (const isBound of [true, false]) {
        if (!isBound) await kernel.pci.unbind(vf.pciAddress);
        await withPods(1, async (path) => {
          const settings = { vlan: { id: 60, qos: 1 }, rate: { max: 100_000_000 }, isTrusted: true };
          const request = requestOf({ link: sriovOf(vf, settings, ""), mac, addresses: ["10.60.0.2/24"] });
          const id = await runner.make(request, path);
          assert.deepEqual(await runner.check(id, path), []);
          assert.partialDeepStrictEqual((await stateOf(vf)).attributes, {
            ...settings,
            mac,
            vlan: { id: 60, qos: 1, protocol: "802.1Q" },
          });
          assert.deepEqual(
            await inPod(path, async ({ links }) => (await links.list()).links.map(({ name }) => name)),
            ["lo"],
          );
          await runner.undo(id, path);
        });
        assert.deepEqual((await stateOf(vf)).attributes, was);
      }
    } finally {
      await kernel.pci.bind(vf.pciAddress, "igbvf");
      const [link = ""] = (await kernel.pci.get(vf.pciAddress)).links;
      const { index } = await kernel.host.links.get(link);
      if (link !== vf.link) await kernel.host.links.set(index, { name: vf.link });
    }
  });

  test("reaches another card's VF, and both come home when their pods are killed", PATIENCE, async () => {
    const [one] = vfs;
    const [other] = (await makeVfs("eth1", [OWN_MACS[2]])) as [TestVf];
    const were = [await stateOf(one), await stateOf(other)];
    const ids: number[] = [];
    await withPods(2, async (first, second) => {
      for (const [position, [vf, path]] of (
        [
          [one, first],
          [other, second],
        ] as const
      ).entries()) {
        const settings = { vlan: { id: 30 }, isTrusted: true };
        const mac = `02:00:00:00:cc:1${position}`;
        const addresses = [`10.30.0.${position + 1}/24`];
        ids.push(await runner.make(requestOf({ link: sriovOf(vf, settings), mac, addresses }), path));
      }
      await ping(first, "10.30.0.2");
      await inPod(first, async ({ links }) => {
        const { index } = await links.get("net1");
        await links.set(index, { isUp: false, name: "mine", mtu: 1300, isPromiscuous: true });
      });
    });
    // Another agent finds the journal, and the namespaces gone.
    runner.reopen();
    for (const id of ids) {
      await runner.undo(id);
      await runner.undo(id);
    }
    assert.deepEqual([await stateOf(one), await stateOf(other)], were);
    assert.deepEqual(runner.told.splice(0), []);
    await kernel.pci.setVfCount(await addressOf("eth1"), 0);
  });

  test("that was unplugged while a pod had it leaves nothing to be taken back", PATIENCE, async () => {
    const [vf] = (await makeVfs("eth1", [OWN_MACS[2]])) as [TestVf];
    const ids: number[] = [];
    await withPods(1, async (path) => {
      ids.push(await runner.make(requestOf({ link: sriovOf(vf, { vlan: { id: 70 } }) }), path));
      await kernel.pci.setVfCount(await addressOf("eth1"), 0);
      await runner.undo(ids[0] as number, path);
    });
    await runner.undo(ids[0] as number);
    assert.deepEqual(runner.told.splice(0), []);
  });
});

const VLAN = { id: 80, qos: 5, protocol: "802.1Q" } as const;

describe("pods over two cards", () => {
  const both = async (
    linkOf: (parent: string) => AttachmentRequest["link"],
    net: string,
    look: (link: Link) => void = () => {},
  ) => {
    await withPods(2, async (first, second) => {
      const ids: number[] = [];
      for (const [path, parent, host] of [
        [first, "eth0", 1],
        [second, "eth1", 2],
      ] as const) {
        const request = requestOf({ link: linkOf(parent), addresses: [`${net}.${host}/24`] });
        ids.push(await runner.make(request, path));
        assert.deepEqual(await runner.check(ids.at(-1) as number, path), []);
      }
      await ping(first, `${net}.2`);
      look(await inPod(first, ({ links }) => links.get("net1")));
      for (const [position, path] of [first, second].entries()) {
        await runner.undo(ids[position] as number, path);
        await runner.undo(ids[position] as number, path);
        const left = await inPod(path, async ({ links }) =>
          (await links.list()).links.map(({ name }) => name),
        );
        assert.deepEqual(left, ["lo"]);
      }
    });
  };

  test("talk in a VLAN with its priority", PATIENCE, async () => {
    await both(
      (parent) => ({ type: "vlan", parent, vlan: VLAN }),
      "10.80.0",
      ({ kindData }) => {
        const lines = kindData?.egressQos as readonly { from: number; to: number }[];
        assert.deepEqual(
          lines.toSorted((one, other) => one.from - other.from),
          [0, 1, 2, 3, 4, 5, 6, 7].map((from) => ({ from, to: VLAN.qos })),
        );
      },
    );
    await both((parent) => ({ type: "vlan", parent, vlan: { ...VLAN, protocol: "802.1ad" } }), "10.81.0");
  });

  test("talk by ipvlan", PATIENCE, async () => {
    await both((parent) => ({ type: "ipvlan", parent, mode: "l2" }), "10.82.0");
  });

  test("talk by macvlan", PATIENCE, async () => {
    await both((parent) => ({ type: "macvlan", parent, mode: "bridge" }), "10.83.0");
  });
});

test("an ipvlan that routes stands on a link of the pod", PATIENCE, async () => {
  await withPods(1, async (path) => {
    await runner.make(requestOf({ link: { type: "vlan", parent: "eth0", vlan: VLAN }, mtu: 1400 }), path);
    for (const mode of ["l3", "l3s"] as const) {
      const link = { type: "ipvlan", parent: "net1", isParentInPod: true, mode } as const;
      const request = requestOf({ link, interfaceName: "net2", addresses: ["10.84.0.2/24"] });
      const id = await runner.make(request, path);
      const made = await inPod(path, ({ links }) => links.get("net2"));
      assert.deepEqual([made.kind, made.mtu, made.kindData?.mode], ["ipvlan", 1400, mode]);
      assert.deepEqual(await runner.check(id, path), []);
      await runner.undo(id, path);
      runner.forget(id);
    }
  });
});

test("the ports of a bridge that tells VLANs apart are in theirs alone", PATIENCE, async () => {
  const bridge = { isVlanFiltering: true, isPromiscuous: false, isGateway: true, forceAddress: false };
  const linkOf = (vlan: number, keepsDefaultVlan: boolean) =>
    ({
      type: "bridge",
      parent: "br-lab",
      bridge,
      vlan,
      trunk: [
        { first: 20, last: 22 },
        { first: 30, last: 30 },
      ],
      keepsDefaultVlan,
    }) as const;
  const { host } = kernel;
  try {
    await withPods(2, async (first, second) => {
      const requests = [
        requestOf({ link: linkOf(10, false), addresses: ["10.90.0.2/24"], gateways: ["10.90.0.1"] }),
        requestOf({
          link: linkOf(11, true),
          interfaceName: "net2",
          addresses: ["10.91.0.2/24"],
          gateways: ["10.91.0.1"],
        }),
      ] as const;
      const ids = [await runner.make(requests[0], first), await runner.make(requests[1], second)] as const;
      assert.deepEqual(await runner.check(ids[0], first), []);
      const vlansOf = async (request: AttachmentRequest) => {
        const { index } = await host.links.get(hostEndName(request));
        return (await host.bridgeVlans.list()).ports.find(({ link }) => link === index)?.vlans;
      };
      const tagged = { isPvid: false, isUntagged: false };
      const trunk = [
        { id: 20, last: 22, ...tagged },
        { id: 30, ...tagged },
      ];
      assert.deepEqual(await vlansOf(requests[0]), [{ id: 10, isPvid: true, isUntagged: true }, ...trunk]);
      assert.deepEqual(await vlansOf(requests[1]), [
        { id: 1, isPvid: false, isUntagged: true },
        { id: 11, isPvid: true, isUntagged: true },
        ...trunk,
      ]);
      await ping(first, "10.90.0.1");
      await ping(second, "10.91.0.1");
      await assert.rejects(
        inPod(second, async (pod) => {
          await pod.addresses.add((await pod.links.get("net2")).index, "10.90.0.3/24");
          await runIn(pod, "/run/lab/bin/busybox", "ping", "-c", "1", "-w", "2", "10.90.0.2");
        }),
      );
      const port = await host.links.get(hostEndName(requests[0]));
      await host.bridgeVlans.delete(port.index, { id: 10 });
      const [told = ""] = await runner.check(ids[0], first);
      assert.match(told, /was put into VLAN 10, and is in /);
    });
  } finally {
    for (const name of ["br-lab.10", "br-lab.11", "br-lab"]) {
      const link = await host.links.find(name);
      if (link !== undefined) await host.links.delete(link.index);
    }
  }
});
