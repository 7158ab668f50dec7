import assert from "node:assert/strict";
import test from "node:test";
import { pino } from "pino";
import { prepareDevices } from "../../../src/agent/preparation.ts";
import type { FunctionDevice, Pool } from "../../../src/model/device.ts";
import { LanyardError } from "../../../src/model/errors.ts";

const VF = "0000:01:10.0";
const PF = "0000:01:00.0";

function vf(driver: string): FunctionDevice {
  return {
    kind: "netDevice",
    id: VF,
    pciAddress: VF,
    vendor: "8086",
    device: "10ca",
    driver,
    pfAddress: PF,
    vfIndex: 0,
    rdmaDevices: [],
    topology: [],
    access: { nodes: [], mounts: [], info: {} },
    health: { isHealthy: true },
  };
}

/** A node with one VF: its driver, the pools that know of it, and what was reset. */
class Scene {
  driver = "vfio-pci";
  offered: FunctionDevice | undefined = vf("vfio-pci");
  readonly resets: string[] = [];
  resetting = async () => {};
  readonly #listeners = new Set<() => void>();
  readonly provisioner = { status: () => [], onChange: () => () => {} };

  readonly parts = {
    pci: {
      get: async () => ({ driver: this.driver }) as never,
      reset: async (address: string) => {
        await this.resetting();
        this.resets.push(address);
      },
    },
    inventory: {
      pools: (): Pool[] => [
        {
          resource: "a.b/c",
          kind: "netDevice",
          allocation: "numa",
          devices: this.offered ? [this.offered] : [],
        },
      ],
      onChange: (listener: () => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    },
    log: pino({ level: "silent" }),
    patienceMs: 10,
  };

  offer(device: FunctionDevice | undefined): void {
    this.offered = device;
    for (const listener of this.#listeners) listener();
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

test("a function of a program is reset before another has it, and no other function is", async () => {
  const scene = new Scene();
  await prepareDevices(scene.parts, undefined, [vf("vfio-pci")]);
  await prepareDevices(scene.parts, undefined, [vf("igbvf")]);
  assert.deepEqual(scene.resets, [VF]);
});

test("a function that is in use by a program is refused", async () => {
  const scene = new Scene();
  scene.resetting = () => Promise.reject(new LanyardError("conflict", "it is in use"));
  await assert.rejects(prepareDevices(scene.parts, undefined, [vf("vfio-pci")]), /it is in use/);
});

test("a function that knows no reset is given as it is", async () => {
  const scene = new Scene();
  scene.resetting = () => Promise.reject(new LanyardError("unsupported", "no reset"));
  await prepareDevices(scene.parts, undefined, [vf("vfio-pci")]);
});

test("a function whose driver a policy has just changed is given when the pools know, and as it is then", async () => {
  const scene = new Scene();
  scene.offered = vf("igbvf");
  const prepared = prepareDevices({ ...scene.parts, patienceMs: 10_000 }, scene.provisioner, [vf("igbvf")]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([scene.resets, scene.listeners], [[], 1]);
  scene.offer(vf("vfio-pci"));
  await prepared;
  assert.deepEqual([scene.resets, scene.listeners], [[VF], 0]);
});

test("a function that the pools do not follow is refused, and so is one that was taken away", async () => {
  const scene = new Scene();
  scene.offered = vf("igbvf");
  const prepare = () => prepareDevices(scene.parts, scene.provisioner, [vf("igbvf")]);
  await assert.rejects(prepare(), {
    code: "unavailable",
    message: /got another driver just now \(vfio-pci\)/,
  });
  scene.offer(undefined);
  await assert.rejects(prepare(), { code: "unavailable", message: /was taken away by a policy/ });
  assert.equal(scene.listeners, 0);
});
