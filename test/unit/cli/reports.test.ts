import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatDevices } from "../../../src/cli/commands/devices.ts";
import { formatStatus } from "../../../src/cli/commands/status.ts";
import type { StatusReport } from "../../../src/control/report.ts";
import { EMPTY_RESULT } from "../../../src/model/cni/result.ts";
import type { Device, FunctionDevice, Pool } from "../../../src/model/device.ts";

const report: StatusReport = {
  version: "1.2.3",
  processId: 42,
  uptime: 180,
  isReady: true,
  mode: "standalone",
  kubeletDirectory: "/x/device-plugins",
  kernelLacks: ["this kernel has no qdisc fq_codel: one queue"],
  resources: [
    {
      resource: "lanyard.dev/nics",
      socket: "/x/nics.sock",
      isRegistered: false,
      lastError: "nobody answers",
    },
  ],
  pods: [
    {
      namespace: "default",
      name: "alpha",
      phase: "Pending",
      message: "waits for 1 of lanyard.dev/nics",
      devices: { "lanyard.dev/nics": ["nic0", "nic1"] },
    },
  ],
  attachments: [
    {
      pod: { namespace: "default", name: "alpha", uid: "1" },
      interfaceName: "net1",
      podNetworkName: "fast",
      type: "macvlan",
      state: "attached",
      mac: "02:00:00:00:00:01",
      mtu: 1500,
      addresses: ["10.0.0.1/24"],
      namespacePath: "/proc/7/ns/net",
      result: EMPTY_RESULT,
      qos: {
        className: "gold",
        egressBackend: "htb + bfifo",
        ingressBackend: "",
        egressCeiling: 200_000_000,
        notEnforced: ["The priority is not held."],
      },
    },
  ],
  pfs: [],
  cni: {
    socket: "/run/lanyard/cni.sock",
    networkFile: "/etc/cni/net.d/00-lanyard.conflist",
    behind: "10-bridge.conflist",
    queuedCalls: 2,
    problems: [],
  },
  notes: ["pod.yaml: line 3 is odd"],
};

describe("the status for people", () => {
  test("shows every pod, interface and limit, and every sentence worth saying", () => {
    const text = formatStatus(report, false);
    assert.match(text, /^lanyard 1\.2\.3, process 42, up 3 min, ready, standalone mode/);
    assert.match(
      text,
      /^CNI at \/run\/lanyard\/cni\.sock, \S+00-lanyard\.conflist behind 10-bridge\.conflist, 2 queued calls$/m,
    );
    assert.match(text, /lanyard\.dev\/nics +no +nobody answers/);
    assert.match(text, /default\/alpha +Pending +nic0,nic1 +- +waits for 1 of/);
    assert.match(
      text,
      /net1 +fast +macvlan +- +attached +10\.0\.0\.1\/24 +gold +200 Mbit\/s +- +htb \+ bfifo\n/,
    );
    assert.match(text, /Not enforced:\n {2}default\/alpha net1: The priority is not held\./);
    assert.match(text, /Kernel:\n {2}this kernel has no qdisc fq_codel: one queue/);
    assert.match(text, /Notes:\n {2}pod\.yaml: line 3 is odd/);
  });

  test("leaves out what there is nothing to say about", () => {
    const { pods, cni, ...rest } = report;
    const text = formatStatus(
      { ...rest, notes: [], kernelLacks: [], attachments: [], mode: "kubelet" },
      false,
    );
    for (const absent of ["CNI", "PHASE", "Notes:", "Kernel:", "Not enforced:"])
      assert.ok(!text.includes(absent), absent);
    assert.ok(pods && cni);
  });
});

describe("the devices for people", () => {
  const nothing = { nodes: [], mounts: [], info: {} };
  const vf: FunctionDevice = {
    kind: "netDevice",
    id: "0000:86:01.3",
    pciAddress: "0000:86:01.3",
    vendor: "8086",
    device: "1889",
    driver: "iavf",
    pfName: "ens1f0",
    pfAddress: "0000:86:00.0",
    vfIndex: 3,
    rdmaDevices: [],
    topology: [],
    access: nothing,
    health: { isHealthy: true },
  };
  const { driver: _, pfName: __, vfIndex: ___, ...bare } = vf;
  const finding = {
    condition: "pciErrors",
    effect: "report",
    reason: "2 uncorrectable PCI errors lately",
  } as const;

  /** What a device is told to be, and how it is. */
  const rows: [string, Device, RegExp][] = [
    [
      "a link",
      {
        kind: "hostDevice",
        id: "nic0",
        link: "nic0",
        numaNode: 1,
        topology: [1],
        access: nothing,
        health: { isHealthy: true },
      },
      /lanyard\.dev\/x +nic0 +link nic0 +1 +healthy\n/,
    ],
    [
      "a share",
      {
        kind: "bandwidthShare",
        id: "up-1",
        link: "up",
        rate: 50_000_000,
        topology: [],
        access: nothing,
        health: { isHealthy: false, reason: "up has no carrier" },
      },
      /up-1 +50 Mbit\/s of up +- +up has no carrier\n/,
    ],
    ["a VF", vf, /0000:86:01\.3 +VF 3 of ens1f0, iavf +- +healthy\n/],
    ["a VF whose PF has no link", { ...bare, vfIndex: 3 }, /VF 3 of 0000:86:00\.0, no driver/],
    [
      "a sub-function",
      {
        ...bare,
        kind: "auxNetDevice",
        id: "mlx5_core.sf.2",
        sfNumber: 88,
        pfName: "p0",
        driver: "mlx5_core.sf",
      },
      /mlx5_core\.sf\.2 +SF 88 of p0, mlx5_core\.sf/,
    ],
    ["a PF", { ...bare, link: "ens1f0", driver: "ice" }, /function ens1f0, ice/],
    ["an accelerator", { ...bare, kind: "accelerator", driver: "vfio-pci" }, / function, vfio-pci/],
    [
      "one with something to report",
      { ...vf, health: { isHealthy: true, findings: [finding] } },
      /healthy, but 2 uncorrectable PCI errors lately\n/,
    ],
    [
      "an unhealthy one, by the reason that counts",
      {
        ...vf,
        health: {
          isHealthy: false,
          reason: "ens1f0 has no carrier",
          findings: [finding, { condition: "carrier", effect: "unhealthy", reason: "ens1f0 has no carrier" }],
        },
      },
      /iavf +- +ens1f0 has no carrier\n/,
    ],
  ];
  for (const [what, device, row] of rows) {
    test(`tell what ${what} is and how it is`, () => {
      const pool: Pool = {
        resource: "lanyard.dev/x",
        kind: device.kind,
        allocation: "numa",
        devices: [device],
      };
      assert.match(formatDevices({ pools: [pool], notes: [] }, false), row);
    });
  }

  test("end with what is not offered and why, where there is something to say", () => {
    assert.match(
      formatDevices({ pools: [], notes: ["eth0 is not offered", "x"] }, false),
      /\n\nNotes:\n {2}eth0 is not offered\n {2}x\n$/,
    );
    assert.doesNotMatch(formatDevices({ pools: [], notes: [] }, false), /Notes/);
  });
});
