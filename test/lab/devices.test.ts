import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { ControlClient } from "../../src/control/client.ts";
import type { StatusReport } from "../../src/control/report.ts";
import { readNetDevice } from "../../src/linux/sysfs/net-device.ts";
import { EmbeddedKubelet } from "../../src/standalone/kubelet/embedded-kubelet.ts";
import { nextEvent, World, within } from "../kernel/world.ts";
import { loadModule } from "./guest.ts";
import { MachineMonitor } from "./qmp.ts";

/*
 * The whole road of a device on real functions: an agent of its own process, and the embedded kubelet, a stand-in, in
 * this one. The cable is pulled in QEMU.
 */

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const PATIENCE = { timeout: 240_000 };
const VFS = "lanyard.dev/vfs";
const DPDK = "lanyard.dev/dpdk";

const POLICY = `
apiVersion: lanyard.dev/v1alpha1
kind: DevicePolicy
metadata: { name: first-card }
spec:
  nicSelector: { pfNames: [eth0] }
  numVfs: 4
  vfGroups:
    - { range: "0-1", resourceName: vfs, trust: true, vlan: { id: 100 } }
    - { range: "2-3", resourceName: dpdk, driver: vfio-pci }
`;

/** A kubelet here, and an agent beside it, gone at the end. */
class Scene implements AsyncDisposable {
  readonly world = new World();
  readonly folder = mkdtempSync(join(tmpdir(), "lanyard-devices-"));
  readonly kubelet: EmbeddedKubelet;
  readonly #agent: ChildProcess;
  readonly control: ControlClient;

  constructor() {
    const at = (name: string) => join(this.folder, name);
    for (const name of ["policies", "device-info"]) mkdirSync(at(name));
    writeFileSync(at("config.yaml"), `deviceInfo: { directory: ${at("device-info")} }\n`);
    this.kubelet = new EmbeddedKubelet({
      directory: at("device-plugins"),
      podResourcesSocket: at("pod-resources/kubelet.sock"),
      log: pino({ level: "silent" }),
    });
    this.control = new ControlClient(at("run/agent.sock"));
    this.#agent = spawn(
      process.execPath,
      [
        ...[MAIN, "agent", "--config", at("config.yaml"), "--manifests", at("policies")],
        ...["--kubelet-dir", at("device-plugins"), "--state-dir", at("state"), "--run-dir", at("run")],
        ...["--metrics-address", `unix:${at("metrics.sock")}`, "--log-level", "warn"],
      ],
      { stdio: ["ignore", "inherit", "inherit"] },
    );
  }

  set policy(text: string | undefined) {
    const path = join(this.folder, "policies/policy.yaml");
    if (text === undefined) rmSync(path);
    else writeFileSync(path, text);
  }

  /** How many healthy devices the kubelet counts. */
  allocatable(resource: string): number | undefined {
    return this.kubelet.resources().find((each) => each.resource === resource)?.allocatable;
  }

  /** Settles when the kubelet has been told so, with the time at which it was. */
  counts(resource: string, allocatable: number): Promise<number> {
    return within(
      `${allocatable} of ${resource}`,
      (settle) => {
        const look = () => {
          if (this.allocatable(resource) === allocatable) settle(performance.now());
        };
        const unsubscribe = this.kubelet.onChange(look);
        look();
        return unsubscribe;
      },
      90_000,
    );
  }

  /** Asks the agent until it says what is waited for. */
  until(what: string, isRight: (status: StatusReport) => boolean): Promise<StatusReport> {
    return within(
      what,
      (settle) => {
        const look = setInterval(async () => {
          const status = await this.control.status().catch(() => undefined);
          if (status !== undefined && isRight(status)) settle(status);
        }, 200);
        return () => clearInterval(look);
      },
      90_000,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#agent.exitCode === null) {
      const ended = once(this.#agent, "exit");
      this.#agent.kill("SIGTERM");
      await ended;
    }
    await this.kubelet.stop();
    await this.world[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test(
  "a policy makes VFs, pools offer them, a pod gets one, health follows the cable, and all comes back",
  PATIENCE,
  async (context) => {
    for (const module of ["vfio-pci", "vfio_iommu_type1"]) loadModule(module);
    await using scene = new Scene();
    const { kernel } = scene.world;
    const { pciAddress: pf } = await readNetDevice("/sys", "eth0");
    assert.ok(pf);
    scene.world.defer(() => kernel.pci.setVfCount(pf, 0));
    await scene.kubelet.start();

    scene.policy = POLICY;
    await scene.counts(VFS, 2);
    await scene.counts(DPDK, 2);
    const { sriov } = await kernel.pci.get(pf);
    assert.equal(sriov?.vfs.length, 4);
    const [first] = await kernel.host.vfs.list((await kernel.host.links.get("eth0")).index);
    assert.deepEqual([first?.attributes?.isTrusted, first?.attributes?.vlan?.id], [true, 100]);

    const pod = { namespace: "default", name: "packets", uid: "1" };
    const [allocation] = await scene.kubelet.admit(pod, [{ name: "main", resources: { [DPDK]: 1 } }]);
    const id = allocation?.devices[0]?.id ?? "";
    const { iommuGroup, driver } = await kernel.pci.get(id);
    assert.equal(driver, "vfio-pci");
    assert.equal(allocation?.env.PCIDEVICE_LANYARD_DEV_DPDK, id);
    const paths = allocation?.deviceNodes.map(({ hostPath }) => hostPath);
    assert.deepEqual(paths, ["/dev/vfio/vfio", `/dev/vfio/${iommuGroup}`]);
    for (const path of paths ?? []) assert.ok(existsSync(path), path);
    const info = JSON.parse(
      readFileSync(join(scene.folder, `device-info/lanyard.dev-dpdk-${id}-device.json`), "utf8"),
    );
    assert.deepEqual(info.pci, { "pci-address": id, "pf-pci-address": pf });

    await pullCable(scene, context);

    scene.policy = undefined;
    // The kubelet is asked every ten seconds who has what.
    await scene.until("the policy's end waits for the pod", ({ pfs: [pf] }) => {
      return pf?.state === "waiting" && /VF 2 is in use by pod default\/packets/.test(pf.message);
    });
    assert.equal((await kernel.pci.get(pf)).sriov?.vfs.length, 4);
    await scene.kubelet.release(pod);
    await scene.until("the PF is as it was", ({ pfs }) => pfs.length === 0);
    assert.equal((await kernel.pci.get(pf)).sriov?.vfs.length, 0);
    assert.equal(existsSync(join(scene.folder, `device-info/lanyard.dev-dpdk-${id}-device.json`)), false);
  },
);

/** Pulls the PF's cable and plugs it in again, and prints how long the kubelet waited for each, from the kernel's word on. */
async function pullCable(scene: Scene, context: TestContext): Promise<void> {
  const { kernel } = scene.world;
  await using monitor = await MachineMonitor.open();
  for (const [up, allocatable] of [
    [false, 0],
    [true, 2],
  ] as const) {
    const event = nextEvent(
      kernel.linkEvents,
      `the carrier ${up ? "back" : "lost"}`,
      ({ link, namespaceId }) => namespaceId === undefined && link.name === "eth0" && link.hasCarrier === up,
    ).then(() => performance.now());
    const told = Promise.all([scene.counts(VFS, allocatable), scene.counts(DPDK, allocatable)]);
    await monitor.execute("set_link", { name: "n1", up });
    const [at, [vfs, dpdk]] = await Promise.all([event, told]);
    const waited = Math.max(vfs, dpdk) - at;
    context.diagnostic(
      `carrier ${up ? "back" : "lost"}: ${waited.toFixed(1)} ms from the kernel's event to both lists at the kubelet`,
    );
  }
}
