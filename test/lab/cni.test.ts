import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, afterEach, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { AttachmentStatus } from "../../src/model/attachment.ts";
import { Launcher, type Order } from "../bench/plugins/launcher.ts";
import { median } from "../bench/statistics.ts";
import { PREVIOUS } from "../kernel/cni/scene.ts";
import { nextEvent, runIn } from "../kernel/world.ts";
import { loadModule, setCardsDown } from "./guest.ts";
import { type AdmittedPod, type HomeVf, USERSPACE, VFS, VfNode } from "./vf-node.ts";

/*
 * VFs through the whole road: a policy makes them, the kubelet gives them to pods, the runtime (the test) calls the plugin's
 * program, and the agent attaches them. The second card has no VFs, and sees all that passes the wire.
 */

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const PATIENCE = { timeout: 240_000 };
const SELECTION = "k8s.v1.cni.cncf.io/networks";
const ONE_VF = { name: "main", resources: { [VFS]: 1 } };

/** A NetworkAttachmentDefinition of these plugins; of one where it is no list. */
const definition = (name: string, resourceName: string | undefined, ...plugins: readonly object[]) => ({
  apiVersion: "k8s.cni.cncf.io/v1",
  kind: "NetworkAttachmentDefinition",
  metadata: {
    name,
    namespace: "default",
    ...(resourceName !== undefined && { annotations: { "k8s.v1.cni.cncf.io/resourceName": resourceName } }),
  },
  spec: { config: JSON.stringify({ cniVersion: "1.0.0", name, plugins }) },
});

const profile = (name: string, spec: object) => [
  { apiVersion: "lanyard.dev/v1alpha1", kind: "LinkProfile", metadata: { name }, spec },
  {
    apiVersion: "lanyard.dev/v1alpha1",
    kind: "PodNetwork",
    metadata: { name },
    spec: { parametersRefs: [{ group: "lanyard.dev", kind: "LinkProfile", name }] },
  },
];

const IPAM = { capabilities: { ips: true, mac: true }, ipam: { type: "static" } };
const PROFILED = { "lanyard.dev/networks": '[{"podNetworkName": "profiled"}]' };
const MAC = "02:00:00:00:dd:01";
const NETWORKS = [
  definition("tagged", VFS, {
    ...{ type: "sriov", vlan: 100, vlanQoS: 3, mac: MAC, spoofchk: "off", trust: "on", max_tx_rate: 50 },
    ...IPAM,
  }),
  definition("left", VFS, { type: "sriov", vlan: 101, ...IPAM }),
  definition("right", VFS, { type: "sriov", vlan: 102, ...IPAM }),
  definition("far", undefined, { type: "vlan", master: "eth1", vlanId: 100, ...IPAM }),
  definition("provider", VFS, { type: "sriov", vlan: 103, vlanProto: "802.1ad", spoofchk: "off", mac: MAC }),
  definition("guaranteed", VFS, { type: "sriov", vlan: 104, min_tx_rate: 10, max_tx_rate: 50, mac: MAC }),
  definition("held", VFS, { type: "sriov", vlan: 105, trust: "on", ...IPAM }, { type: "slow" }),
  definition("userspace", USERSPACE, { type: "sriov", vlan: 60, vlanQoS: 1, trust: "on", ...IPAM }),
  ...profile("profiled", {
    type: "sriov",
    resourceName: VFS,
    vlan: { id: 106, qos: 2 },
    spoofCheck: false,
    mac: MAC,
    mtu: 1400,
    ipam: { type: "static", addresses: [{ address: "10.66.0.2/24" }] },
  }),
  ...profile("trunk", { type: "vlan", parent: "eth1", vlan: { id: 106 } }),
  ...profile("flat0", { type: "ipvlan", parent: "eth0" }),
  ...profile("flat1", { type: "ipvlan", parent: "eth1" }),
];

let node: VfNode;
/** What `ip` shows while no pod has anything. */
let atHome: unknown[];

before(async () => {
  for (const module of ["vfio-pci", "vfio_iommu_type1"]) loadModule(module);
  node = await VfNode.make();
  node.setManifest("vf-networks", NETWORKS);
  const { host } = node.cni.world.kernel;
  await host.links.set((await host.links.get("eth1")).index, { isUp: true });
  await node.startAlone();
  atHome = node.show();
}, PATIENCE);

after(async () => {
  await node[Symbol.asyncDispose]();
  setCardsDown();
}, PATIENCE);

afterEach(async () => {
  assert.deepEqual((await node.cni.status()).attachments, []);
  assert.deepEqual(node.show(), atHome);
});

const annotate = (...networks: readonly (string | object)[]) => ({
  [SELECTION]: JSON.stringify(networks.map((each) => (typeof each === "string" ? { name: each } : each))),
});

const add = (of: AdmittedPod, annotations: Record<string, string>) => {
  return node.cni.call({ command: "ADD", ...of, input: node.cni.chained(annotations) });
};

const remove = (of: AdmittedPod, annotations: Record<string, string>) => {
  return node.cni.call({ command: "DEL", ...of, input: node.cni.chained(annotations) });
};

async function attached(of: AdmittedPod, annotations: Record<string, string>): Promise<AttachmentStatus[]> {
  assert.deepEqual(await add(of, annotations), { code: 0, output: PREVIOUS });
  const { attachments } = await node.cni.status();
  const own = attachments.filter(({ pod }) => pod.uid === of.identity.uid);
  return own.sort((one, other) => (one.interfaceName < other.interfaceName ? -1 : 1));
}

async function detached(of: AdmittedPod, annotations: Record<string, string>): Promise<void> {
  assert.deepEqual(await remove(of, annotations), { code: 0, output: {} });
  await node.release(of);
}

async function vfAttributes({ vfIndex }: HomeVf) {
  const { host } = node.cni.world.kernel;
  return (await host.vfs.get((await host.links.get("eth0")).index, vfIndex)).attributes;
}

/** Settles when the VF's link is at home again, under whichever name; begun before it leaves its pod. */
function homecoming({ pciAddress }: HomeVf): Promise<unknown> {
  return nextEvent(node.cni.world.kernel.linkEvents, `${pciAddress} at home`, (event) => {
    const { change, link, namespaceId } = event;
    return change === "present" && namespaceId === undefined && link.device?.name === pciAddress;
  });
}

const podOf = (name: string, resources: object, ...networks: readonly object[]) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    namespace: "default",
    annotations: { "lanyard.dev/networks": JSON.stringify(networks) },
  },
  spec: { containers: [{ name: "main", image: "none", resources: { limits: resources } }] },
});

test("pods of manifests get a VF, a VLAN and ipvlans, and talk, without a cluster", PATIENCE, async () => {
  node.setManifest("pods", [
    podOf(
      "near",
      { [VFS]: 1 },
      { podNetworkName: "profiled" },
      { podNetworkName: "flat0", ips: ["10.67.0.1/24"] },
    ),
    podOf(
      "far",
      {},
      { podNetworkName: "trunk", ips: ["10.66.0.1/24"] },
      { podNetworkName: "flat1", ips: ["10.67.0.2/24"] },
    ),
  ]);
  const { attachments } = await node.cni.until("the pods' interfaces", (status) => {
    return status.attachments.filter(({ state }) => state === "attached").length === 4;
  });
  const ofPod = (name: string) => attachments.filter(({ pod }) => pod.name === name);
  assert.deepEqual(attachments.map(({ pod, type }) => `${pod.name} ${type}`).sort(), [
    ...["far ipvlan", "far vlan", "near ipvlan", "near sriov"],
  ]);
  const [near] = ofPod("near");
  assert.ok(near);
  await ping(near.namespacePath, "10.66.0.1");
  await ping(near.namespacePath, "10.67.0.2");
  node.removeManifest("pods");
  await node.cni.until(
    "no pod is left",
    ({ pods, attachments }) => pods?.length === 0 && attachments.length === 0,
  );
});

describe("a VF named by a NetworkAttachmentDefinition", PATIENCE, () => {
  before(() => node.startWithKubelet(), PATIENCE);

  test("talks in its VLAN over the wire under its MAC address, and DEL gives back all that it was", async () => {
    const [vf] = node.vfs;
    const near = await node.admit(ONE_VF);
    const far = await node.admit();
    const here = annotate({ name: "tagged", ips: ["10.60.0.2/24"] });
    const there = annotate({ name: "far", ips: ["10.60.0.1/24"] });
    await attached(far, there);
    const [status] = await attached(near, here);
    assert.deepEqual(status?.result.interfaces, [
      { name: "net1", mac: MAC, mtu: 1500, sandbox: near.pod.namespacePath, pciID: vf.pciAddress },
    ]);
    assert.deepEqual(status?.result.ips, [{ address: "10.60.0.2/24", interface: 0 }]);
    assert.partialDeepStrictEqual(await vfAttributes(vf), {
      mac: MAC,
      vlan: { id: 100, qos: 3, protocol: "802.1Q" },
      isSpoofChecked: false,
      isTrusted: true,
      rate: { max: 50_000_000 },
    });
    tc("qdisc add dev eth1 clsact");
    try {
      tc("filter add dev eth1 ingress protocol 802.1q flower vlan_id 100 vlan_prio 3 action pass");
      await ping(near.pod.namespacePath, "10.60.0.1");
      const [, filter] = JSON.parse(tc("-s -j filter show dev eth1 ingress"));
      assert.ok(filter.options.actions[0].stats.packets >= 3, "packets with the tag and its priority");
    } finally {
      tc("qdisc del dev eth1 clsact");
    }
    assert.deepEqual(await node.cni.call({ command: "CHECK", ...near, input: node.cni.chained(here) }), {
      code: 0,
      output: {},
    });
    await detached(near, here);
    await detached(far, there);
  });

  test("is offered and healthy while a pod has it, left alone by its policy, and told by status and metrics", async () => {
    const [vf] = node.vfs;
    const pod = await node.admit(ONE_VF);
    const annotations = annotate({ name: "left", ips: ["10.61.0.2/24"] });
    await attached(pod, annotations);
    const { numVfs } = node;
    node.numVfs = numVfs + 1;
    await node.cni.until("the policy waits for the pod", ({ pfs: [pf] }) => {
      return pf?.state === "waiting" && /stays 3 instead of 4: VF 0 is in use by/.test(pf.message);
    });
    node.numVfs = numVfs;
    await node.cni.until("the policy has what it wants", ({ pfs: [pf] }) => pf?.state === "inSync");
    assert.equal(node.allocatable(VFS), 2);
    assert.deepEqual((await vfAttributes(vf))?.vlan?.id, 101);
    const told = execFileSync(process.execPath, [MAIN, "status", "--socket", node.cni.at("run/agent.sock")], {
      encoding: "utf8",
    });
    const line = told.split("\n").find((each) => each.startsWith(`default/${pod.name} `)) ?? told;
    assert.deepEqual(line.split(/ +/).slice(1, 7), [
      ...["net1", "default/left", "sriov", vf.pciAddress, "attached", "10.61.0.2/24"],
    ]);
    const metrics = await node.cni.metrics();
    assert.match(metrics, new RegExp(`^lanyard_device_healthy{[^}]*${vf.pciAddress}[^}]*} 1$`, "m"));
    assert.match(metrics, /^lanyard_interface_up{[^}]*interface="net1"[^}]*} 1$/m);
    await detached(pod, annotations);
  });

  test("goes where it is said when a pod has two: in the order of PCI addresses, or by container", async () => {
    const [first, second] = node.vfs;
    const ofStatus = ({ interfaceName, podNetworkName, device, result }: AttachmentStatus) =>
      [interfaceName, podNetworkName, device?.id, device?.container, result.interfaces[0]?.pciID].join(" ");
    const plain = await node.admit({ name: "main", resources: { [VFS]: 2 } });
    const annotations = annotate(
      { name: "left", ips: ["10.61.0.2/24"] },
      { name: "right", ips: ["10.62.0.2/24"] },
    );
    assert.deepEqual((await attached(plain, annotations)).map(ofStatus), [
      `net1 default/left ${first.pciAddress} main ${first.pciAddress}`,
      `net2 default/right ${second.pciAddress} main ${second.pciAddress}`,
    ]);
    assert.deepEqual(
      [(await vfAttributes(first))?.vlan?.id, (await vfAttributes(second))?.vlan?.id],
      [101, 102],
    );
    await detached(plain, annotations);

    const named = await node.admit(
      { name: "one", resources: { [VFS]: 1 } },
      { name: "two", resources: { [VFS]: 1 } },
    );
    const crossed = annotate(
      { name: "left", ips: ["10.61.0.2/24"], "cni-args": { "lanyard.dev/container": "two" } },
      { name: "right", ips: ["10.62.0.2/24"], "cni-args": { "lanyard.dev/container": "one" } },
    );
    const containers = (await attached(named, crossed)).map(({ device }) => device?.container);
    assert.deepEqual(containers, ["two", "one"]);
    await detached(named, crossed);
  });

  test("that a program drives gets VLAN, MAC address and trust through its PF", async () => {
    const [, , vf] = node.vfs;
    const pod = await node.admit({ name: "main", resources: { [USERSPACE]: 1 } });
    const annotations = annotate({ name: "userspace", mac: MAC, ips: ["10.62.0.2/24"] });
    const [status] = await attached(pod, annotations);
    assert.deepEqual(status?.result.interfaces, [
      { name: "net1", mac: MAC, sandbox: pod.pod.namespacePath, pciID: vf.pciAddress },
    ]);
    assert.deepEqual(await node.cni.namesOf(pod.pod), []);
    assert.partialDeepStrictEqual(await vfAttributes(vf), {
      mac: MAC,
      vlan: { id: 60, qos: 1, protocol: "802.1Q" },
      isTrusted: true,
    });
    await detached(pod, annotations);
  });

  test("is refused with the driver's reason where the PF cannot set it, and stays what it was", async () => {
    for (const [network, message] of [
      ["provider", /net1: .*VLAN of VF 0 .*802\.1ad/],
      ["guaranteed", /net1: .*rate of VF 0 .*lowest rate/],
    ] as const) {
      const pod = await node.admit(ONE_VF);
      const annotations = annotate(network);
      const { code, output } = await add(pod, annotations);
      assert.equal(code, 1);
      assert.match(String(output.msg), message);
      assert.deepEqual(node.show(), atHome);
      assert.deepEqual(await node.cni.namesOf(pod.pod), []);
      await detached(pod, annotations);
    }
  });

  test("takes a pod with it that it cannot reach, and the other VF stays at home", async () => {
    const [first] = node.vfs;
    const { kernel } = node.cni.world;
    const pod = await node.admit({ name: "main", resources: { [VFS]: 2 } });
    const annotations = annotate(
      { name: "right", ips: ["10.62.0.2/24"] },
      { name: "left", ips: ["10.61.0.2/24"] },
    );
    await kernel.pci.unbind(first.pciAddress);
    try {
      const { code, output } = await add(pod, annotations);
      assert.equal(code, 1);
      assert.match(String(output.msg), new RegExp(`net1: .*${first.pciAddress}.*no driver is bound`));
      assert.deepEqual(await node.cni.namesOf(pod.pod), []);
    } finally {
      await kernel.pci.bind(first.pciAddress, "igbvf");
      const [link = ""] = (await kernel.pci.get(first.pciAddress)).links;
      const { index } = await kernel.host.links.get(link);
      if (link !== first.link) await kernel.host.links.set(index, { name: first.link as string });
    }
    await detached(pod, annotations);
    await node.counts(VFS, 2);
    // A driver that starts anew chooses another address where the PF gives none.
    atHome = node.show();
  });
});

describe("a VF named by a LinkProfile", PATIENCE, () => {
  test("comes home clean when its sandbox is killed and the runtime collects garbage", async () => {
    const [vf] = node.vfs;
    const pod = await node.admit(ONE_VF);
    const [status] = await attached(pod, PROFILED);
    assert.deepEqual(status?.result.interfaces, [
      { name: "net1", mac: MAC, mtu: 1400, sandbox: pod.pod.namespacePath, pciID: vf.pciAddress },
    ]);
    await rename(pod, "net1", "mine");
    const home = homecoming(vf);
    await pod.pod.end();
    await home;
    const more = { cniVersion: "1.1.0", "cni.dev/valid-attachments": [] };
    const collected = await node.cni.call({ command: "GC", input: node.cni.chained({}, more) });
    assert.deepEqual(collected, { code: 0, output: {} });
    await node.release(pod);
  });

  test("comes to the next pod from a sandbox that was killed, and from one pod in turn to the next", async () => {
    const killed = await node.admit(ONE_VF);
    await attached(killed, PROFILED);
    await rename(killed, "net1", "mine");
    await killed.pod.end();
    await node.release(killed);

    const second = await node.admit(ONE_VF);
    const [taken] = await attached(second, PROFILED);
    assert.equal(taken?.result.interfaces[0]?.pciID, node.vfs[0].pciAddress);
    // The runtime's late DEL for the first pod touches nothing of the second.
    assert.equal((await remove(killed, PROFILED)).code, 0);
    assert.deepEqual(await node.cni.namesOf(second.pod), ["net1"]);
    await detached(second, PROFILED);

    // Named as a plugin of its own, as another runtime would.
    const third = await node.admit(ONE_VF);
    const input = { cniVersion: "1.1.0", name: "direct", type: "lanyard", podNetworkName: "profiled" };
    const call = { ...third, interfaceName: "data", input };
    const { code, output } = await node.cni.call({ command: "ADD", ...call });
    assert.deepEqual(
      [code, output.interfaces],
      [
        0,
        [
          {
            name: "data",
            mac: MAC,
            mtu: 1400,
            sandbox: third.pod.namespacePath,
            pciID: node.vfs[0].pciAddress,
          },
        ],
      ],
    );
    assert.deepEqual(await node.cni.namesOf(third.pod), ["data"]);
    assert.deepEqual(await node.cni.call({ command: "DEL", ...call }), { code: 0, output: {} });
    await node.release(third);
  });
});

describe("an agent that is killed", PATIENCE, () => {
  test("while one pod has a VF and another is given one leaves both to the next agent", async () => {
    const standing = await node.admit(ONE_VF);
    const begun = await node.admit(ONE_VF);
    await attached(standing, PROFILED);
    const held = annotate({ name: "held", mac: "02:00:00:00:dd:02", ips: ["10.63.0.2/24"] });
    const asked = add(begun, held);
    await node.cni.file("has-begun");
    assert.deepEqual(await node.cni.namesOf(begun.pod), ["net1"]);
    await node.killAgent();
    assert.equal((await asked).code, 1);
    // The runtime gives up on the one, and ends the other: both DELs are queued.
    for (const pod of [standing, begun]) {
      assert.deepEqual(await remove(pod, PROFILED), { code: 0, output: {} });
    }
    await standing.pod.end();
    node.cni.touch("goes-on");
    node.agent = await node.cni.startAgent();
    await node.cni.until("the queue is worked off", ({ attachments, cni }) => {
      return attachments.length === 0 && cni?.queuedCalls === 0;
    });
    assert.deepEqual(await node.cni.namesOf(begun.pod), []);
    for (const pod of [standing, begun]) await node.release(pod);
    await node.counts(VFS, 2);
  });
});

const ROUNDS = 5;
/** $1: the PF's link, $2: the VF's number, $3: its link, $4 and $5: the pod's and the node's namespace, $6: its own MAC address. */
const SCRIPT = {
  add: `
    ip link set dev $3 address ${MAC}
    ip link set dev $1 vf $2 vlan 106 qos 2 mac ${MAC} spoofchk off
    ip link set dev $3 netns $4 name net1
    nsenter --net=$4 sh -euc "ip link set dev net1 mtu 1400; ip address add 10.66.0.2/24 dev net1; ip link set dev net1 up"
  `,
  delete: `
    nsenter --net=$4 sh -euc "ip link set dev net1 down; ip link set dev net1 mtu 1500; ip link set dev net1 netns $5 name $3"
    ip link set dev $1 vf $2 vlan 0 mac 00:00:00:00:00:00 spoofchk on
    ip link set dev $3 address $6
  `,
};

test(
  "ADD and DEL of a VF, from fork to exit, beside a script that does the same by ip(8)",
  PATIENCE,
  async (context) => {
    await using launcher = new Launcher(node.cni.folder);
    const [{ vfIndex, link = "" }] = node.vfs;
    const { mac } = await node.cni.world.kernel.host.links.get(link);
    const samples: Record<string, number[]> = {};
    for (let round = 0; round < ROUNDS; round++) {
      const pod = await node.admit(ONE_VF);
      const run = async (what: string, order: Order) => {
        const { code, output, milliseconds } = await launcher.run(order);
        assert.equal(code, 0, output);
        samples[what] = [...(samples[what] ?? []), milliseconds];
      };
      const input = node.cni.chained(PROFILED);
      const places = [pod.pod.namespacePath, `/proc/${process.pid}/ns/net`];
      const parameters = ["sh", "eth0", String(vfIndex), link, ...places, mac];
      const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
      for (const command of ["ADD", "DEL"]) await run(command, node.cni.order({ command, ...pod, input }));
      for (const [what, text] of Object.entries(SCRIPT))
        await run(what, {
          program: "/bin/sh",
          parameters: ["-euc", text, ...parameters],
          environment,
          input: "",
        });
      await node.release(pod);
    }
    const told = (what: string) => `${median(samples[what] ?? []).toFixed(1)} ms`;
    context.diagnostic(
      `cni-sriov, median of ${ROUNDS}: ADD ${told("ADD")}, script ${told("add")}; DEL ${told("DEL")}, script ${told("delete")}`,
    );
  },
);

const tc = (words: string) => execFileSync("tc", words.split(" "), { encoding: "utf8" });

/** Links need a moment until packets pass. */
async function ping(from: string, to: string): Promise<void> {
  await using pod = await node.cni.world.kernel.namespace(from);
  await runIn(pod, "/run/lab/bin/busybox", "ping", "-c", "3", "-w", "20", "-A", to);
}

async function rename(of: AdmittedPod, from: string, to: string): Promise<void> {
  await using pod = await node.cni.world.kernel.namespace(of.pod.namespacePath);
  const { index } = await pod.links.get(from);
  await pod.links.set(index, { isUp: false, name: to });
}
