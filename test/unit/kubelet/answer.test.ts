import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { allocationOf } from "../../../src/kubelet/allocation.ts";
import { answerFor } from "../../../src/kubelet/answer.ts";
import { cdiFileOf } from "../../../src/kubelet/cdi.ts";
import type { Pool } from "../../../src/model/device.ts";
import { nic, noAccess, node, poolOf, vf, vfioAccess } from "./pools.ts";

const one = "0000:01:02.1";
const ten = "0000:01:02.10";
const pool = poolOf(
  "intel.com/vfio.vfs-fast",
  vf(ten, "pf", { access: vfioAccess(ten, 10) }),
  vf(one, "pf", {
    access: {
      ...vfioAccess(one, 1),
      mounts: [
        { hostPath: "/run/one", containerPath: "/run/it", isReadOnly: true },
        { hostPath: "/run/two", containerPath: "/run/it", isReadOnly: false },
      ],
    },
  }),
  vf("0000:01:02.2", "pf"),
);
const info = {
  [one]: { generic: { deviceID: one }, vfio: { "dev-mount": "/dev/vfio/1" } },
  [ten]: { generic: { deviceID: ten }, vfio: { "dev-mount": "/dev/vfio/10" } },
};

describe("what a container gets with functions", () => {
  it("is the field's variables, each device node once, and each place in the container once", () => {
    const { envs, nodes, mounts } = allocationOf(pool, [ten, one]);
    assert.equal(envs["PCIDEVICE_INTEL_COM_VFIO_VFS-FAST"], `${one},${ten}`);
    assert.deepEqual(JSON.parse(envs["PCIDEVICE_INTEL_COM_VFIO_VFS-FAST_INFO"] ?? ""), info);
    assert.deepEqual(nodes, [node("/dev/vfio/vfio"), node("/dev/vfio/1"), node("/dev/vfio/10")]);
    assert.deepEqual(mounts, [{ hostPath: "/run/one", containerPath: "/run/it", isReadOnly: true }]);
  });

  it("is told to the kubelet one by one without CDI", () => {
    const answer = answerFor(pool, [one], { cdi: false });
    assert.deepEqual(answer.devices, [node("/dev/vfio/vfio"), node("/dev/vfio/1")]);
    assert.deepEqual(answer.mounts, [{ hostPath: "/run/one", containerPath: "/run/it", readOnly: true }]);
    assert.equal(answer.cdiDevices, undefined);
    assert.equal(answer.annotations, undefined);
  });

  it("is told by name with CDI, once in the field for it and once in an annotation for older kubelets", () => {
    const { envs, ...answer } = answerFor(pool, [ten, one], { cdi: true });
    const names = [`intel.com/net-pci=${one}`, `intel.com/net-pci=${ten}`];
    assert.deepEqual(answer, {
      cdiDevices: names.map((name) => ({ name })),
      annotations: { "cdi.k8s.io/lanyard_intel.com_vfio.vfs-fast": names.join(",") },
    });
    assert.equal(envs?.["PCIDEVICE_INTEL_COM_VFIO_VFS-FAST"], `${one},${ten}`);
  });

  it("names no CDI device that the spec does not hold, since the runtime would refuse the container", () => {
    const answer = answerFor(pool, ["0000:01:02.2"], { cdi: true });
    assert.deepEqual(Object.keys(answer), ["envs"]);
  });

  it("is not told by CDI for links, which reach the pod in another way", () => {
    const answer = answerFor(poolOf("l.d/nics", nic("up0")), ["up0"], { cdi: true });
    assert.equal(answer.cdiDevices, undefined);
    assert.equal(answer.envs?.LANYARD_DEVICE_L_D_NICS, "up0");
  });
});

describe("a CDI spec", () => {
  it("holds the pool's devices that have files, in the order of their ids", () => {
    const file = cdiFileOf(pool);
    assert.equal(file?.name, "lanyard-intel.com-net-pci-vfio.vfs-fast.json");
    assert.deepEqual(JSON.parse(file?.text ?? ""), {
      cdiVersion: "0.5.0",
      kind: "intel.com/net-pci",
      devices: [
        {
          name: one,
          containerEdits: {
            deviceNodes: [
              { path: "/dev/vfio/vfio", hostPath: "/dev/vfio/vfio", permissions: "rw" },
              { path: "/dev/vfio/1", hostPath: "/dev/vfio/1", permissions: "rw" },
            ],
            mounts: [
              { hostPath: "/run/one", containerPath: "/run/it", options: ["rbind", "ro"] },
              { hostPath: "/run/two", containerPath: "/run/it", options: ["rbind", "rw"] },
            ],
          },
        },
        {
          name: ten,
          containerEdits: {
            deviceNodes: [
              { path: "/dev/vfio/vfio", hostPath: "/dev/vfio/vfio", permissions: "rw" },
              { path: "/dev/vfio/10", hostPath: "/dev/vfio/10", permissions: "rw" },
            ],
          },
        },
      ],
    });
  });

  it("has the class of what the pool is made of, and is not there when no device has a file", () => {
    const access = { ...noAccess, nodes: [node("/dev/x")] };
    const made = (kind: Pool["kind"]): string | undefined => {
      const base = poolOf("i.c/p", vf("a", "p", { access }));
      return cdiFileOf({ ...base, kind })?.name;
    };
    assert.equal(made("auxNetDevice"), "lanyard-i.c-net-sf-p.json");
    assert.equal(made("accelerator"), "lanyard-i.c-net-accel-p.json");
    assert.equal(made("hostDevice"), undefined);
    assert.equal(cdiFileOf(poolOf("i.c/p", vf("a", "p"))), undefined);
  });
});
