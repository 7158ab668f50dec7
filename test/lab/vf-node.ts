import { type ChildProcess, execFileSync } from "node:child_process";
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { readNetDevice } from "../../src/linux/sysfs/net-device.ts";
import type { PodIdentity } from "../../src/model/pod.ts";
import { EmbeddedKubelet } from "../../src/standalone/kubelet/embedded-kubelet.ts";
import { CniNode } from "../kernel/cni/scene.ts";
import { type Pod, within } from "../kernel/world.ts";

/** Milliseconds for what the guest's emulated processor takes its time with. */
const PATIENCE = 120_000;

/** What a policy makes of the first card: VFs with a link, and one that a program drives. */
export const VFS = "lanyard.dev/vfs";
export const USERSPACE = "lanyard.dev/userspace";

const policyOf = (numVfs: number) => ({
  apiVersion: "lanyard.dev/v1alpha1",
  kind: "DevicePolicy",
  metadata: { name: "first-card" },
  spec: {
    nicSelector: { pfNames: ["eth0"] },
    numVfs,
    vfGroups: [
      { range: "0-1", resourceName: "vfs" },
      { range: "2", resourceName: "userspace", driver: "vfio-pci" },
    ],
  },
});

/** A VF of the first card, as it is at home. */
export interface HomeVf {
  readonly pciAddress: string;
  readonly vfIndex: number;
  /** Name of its link; undefined for one that a program drives. */
  readonly link: string | undefined;
}

/** A pod as the kubelet admitted it and the runtime calls the plugin for it. */
export interface AdmittedPod {
  readonly name: string;
  readonly sandbox: string;
  readonly pod: Pod;
  readonly identity: PodIdentity;
}

/**
 * The guest as a node: a policy makes VFs of `eth0`, the embedded kubelet, a stand-in, gives them away in this process, and
 * an agent in a process of its own attaches them.
 */
export class VfNode implements AsyncDisposable {
  readonly cni: CniNode;
  /** PCI address of the PF. */
  readonly pf: string;
  /** The one that runs now. */
  agent: ChildProcess | undefined;
  #vfs: readonly HomeVf[] = [];
  #kubelet: EmbeddedKubelet | undefined;
  #podCount = 0;
  #numVfs = 0;

  private constructor(cni: CniNode, pf: string) {
    this.cni = cni;
    this.pf = pf;
  }

  static async make(): Promise<VfNode> {
    const cni = await CniNode.make();
    // To be asked often is more than an emulated processor has time for beside its start.
    cni.asking = { every: 300, patience: PATIENCE };
    const { pciAddress = "" } = await readNetDevice("/sys", "eth0");
    const node = new VfNode(cni, pciAddress);
    const { kernel } = cni.world;
    cni.world.defer(() => kernel.pci.setVfCount(pciAddress, 0));
    mkdirSync(cni.at("devinfo"));
    cni.otherSettings = { deviceInfo: { directory: cni.at("devinfo") } };
    node.numVfs = 3;
    return node;
  }

  /** Starts an agent that has no cluster; it makes the VFs. */
  async startAlone(): Promise<void> {
    this.agent = await this.cni.startAgent("--standalone");
    await this.cni.until("the policy's VFs", ({ pfs }) => pfs[0]?.state === "inSync");
    this.#vfs = await this.#readVfs();
  }

  /** Starts a kubelet, and an agent beside it in place of the one that runs. */
  async startWithKubelet(): Promise<void> {
    if (this.agent !== undefined) await this.cni.endAgent(this.agent);
    await this.startKubelet();
    this.agent = await this.cni.startAgent();
    await this.counts(VFS, 2);
    await this.counts(USERSPACE, 1);
  }

  async startKubelet(): Promise<void> {
    this.#kubelet = new EmbeddedKubelet({
      directory: this.cni.at("device-plugins"),
      podResourcesSocket: this.cni.at("pod-resources/kubelet.sock"),
      log: pino({ level: "silent" }),
    });
    await this.#kubelet.start();
  }

  /** Ends the agent as nobody should. */
  async killAgent(): Promise<void> {
    if (this.agent !== undefined) await this.cni.endAgent(this.agent, "SIGKILL");
    this.agent = undefined;
  }

  async stopKubelet(): Promise<void> {
    await this.#kubelet?.stop();
    this.#kubelet = undefined;
  }

  /** How many VFs the policy wants. */
  get numVfs(): number {
    return this.#numVfs;
  }

  set numVfs(count: number) {
    this.#numVfs = count;
    this.setManifest("policy", [policyOf(count)]);
  }

  /** In the order of their numbers. */
  get vfs(): readonly [HomeVf, HomeVf, HomeVf] {
    return this.#vfs as readonly [HomeVf, HomeVf, HomeVf];
  }

  setManifest(file: string, objects: readonly object[]): void {
    const documents = objects.map((each) => JSON.stringify(each)).join("\n---\n");
    writeFileSync(this.cni.at(`manifests/${file}.yaml`), documents);
  }

  removeManifest(file: string): void {
    rmSync(this.cni.at(`manifests/${file}.yaml`));
  }

  /** How many healthy devices the kubelet counts, given away or not. */
  allocatable(resource: string): number | undefined {
    return this.#kubelet?.resources().find((each) => each.resource === resource)?.allocatable;
  }

  /** Settles when the kubelet counts so many. */
  async counts(resource: string, allocatable: number): Promise<void> {
    await within(
      `${allocatable} of ${resource}`,
      (settle: (value: undefined) => void) => {
        const look = () => {
          if (this.allocatable(resource) === allocatable) settle(undefined);
        };
        const unsubscribe = this.#kubelet?.onChange(look) ?? (() => {});
        look();
        return unsubscribe;
      },
      PATIENCE,
    );
  }

  /** A sandbox for a pod that the kubelet gave these devices, one container a line. */
  async admit(
    ...containers: readonly { readonly name: string; readonly resources: Readonly<Record<string, number>> }[]
  ): Promise<AdmittedPod> {
    this.#podCount += 1;
    const name = `pod${this.#podCount}`;
    const identity = { namespace: "default", name, uid: `uid-${name}` };
    await this.#kubelet?.admit(identity, containers);
    return { name, sandbox: `box-of-${name}`, identity, pod: await this.cni.world.startPod() };
  }

  /** The kubelet has the pod's devices back. */
  async release({ identity }: AdmittedPod): Promise<void> {
    await this.#kubelet?.release(identity);
  }

  /**
   * What `ip -d link` shows of the PF with its VFs, and of each VF's link that is on the node. All but the link's number, which
   * the kernel keeps only where it is free, and the permanent MAC address: igbvf takes for that what the PF gave it last.
   */
  show(): unknown[] {
    const names = ["eth0", ...this.#vfs.flatMap(({ link }) => link ?? [])];
    return names.map((name) => {
      const {
        ifindex: _,
        permaddr: __,
        ...shown
      } = JSON.parse(execFileSync("ip", ["-d", "-j", "link", "show", name], { encoding: "utf8" }))[0];
      return shown;
    });
  }

  async #readVfs(): Promise<HomeVf[]> {
    const { kernel } = this.cni.world;
    const { sriov } = await kernel.pci.get(this.pf);
    return Promise.all(
      (sriov?.vfs ?? []).map(async (pciAddress, vfIndex) => {
        const [link] = (await kernel.pci.get(pciAddress)).links;
        return { pciAddress, vfIndex, link };
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopKubelet();
    await this.cni[Symbol.asyncDispose]();
    // Fails when a copy of a device's description is left.
    for (const folder of ["devinfo/cni", "devinfo", ""]) rmdirSync(join("/run/k8s.cni.cncf.io", folder));
  }
}
