import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatDevices } from "../../../src/cli/commands/devices.ts";
import { formatStatus } from "../../../src/cli/commands/status.ts";
import type { StatusReport } from "../../../src/control/report.ts";

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
      qos: {
        className: "gold",
        egressBackend: "htb + bfifo",
        ingressBackend: "",
        egressCeiling: 200_000_000,
        notEnforced: ["The priority is not held."],
      },
    },
  ],
  notes: ["pod.yaml: line 3 is odd"],
};

describe("the status for people", () => {
  test("shows every pod, interface and limit, and every sentence worth saying", () => {
    const text = formatStatus(report, false);
    assert.match(text, /^lanyard 1\.2\.3, process 42, up 3 min, ready, standalone mode/);
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
    const { pods, ...rest } = report;
    const text = formatStatus(
      { ...rest, notes: [], kernelLacks: [], attachments: [], mode: "kubelet" },
      false,
    );
    for (const absent of ["PHASE", "Notes:", "Kernel:", "Not enforced:"])
      assert.ok(!text.includes(absent), absent);
    assert.ok(pods);
  });
});

test("the devices for people name each device, what it is, and why it is not healthy", () => {
  const text = formatDevices(
    {
      pools: [
        {
          resource: "lanyard.dev/nics",
          kind: "hostDevice",
          devices: [
            { kind: "hostDevice", id: "nic0", link: "nic0", numaNode: 1, health: { isHealthy: true } },
          ],
        },
        {
          resource: "lanyard.dev/share",
          kind: "bandwidthShare",
          devices: [
            {
              kind: "bandwidthShare",
              id: "up-1",
              link: "up",
              rate: 50_000_000,
              health: { isHealthy: false, reason: "up has no carrier" },
            },
          ],
        },
      ],
      notes: ["eth0 is not offered"],
    },
    false,
  );
  assert.match(text, /lanyard\.dev\/nics +nic0 +link nic0 +1 +healthy/);
  assert.match(text, /lanyard\.dev\/share +up-1 +50 Mbit\/s of up +- +up has no carrier/);
  assert.match(text, /Notes:\n {2}eth0 is not offered/);
});
