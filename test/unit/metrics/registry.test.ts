import assert from "node:assert/strict";
import test from "node:test";
import type { InterfaceSample } from "../../../src/metrics/interface-sampler.ts";
import { MetricsRegistry, type Snapshot } from "../../../src/metrics/registry.ts";
import type { Pool } from "../../../src/model/device.ts";
import { countIn, makeAttachment, makeLink, makePool } from "./samples.ts";

const nothing: Snapshot = {
  interfaces: [],
  pools: [],
  attachedDevices: new Set(),
  allocatedDevices: new Set(),
  netlink: { requests: 0, errors: 0, overruns: 0, resyncs: 0, interruptedDumps: 0 },
};

/** The lines with values, by name and labels. */
async function render(registry: MetricsRegistry, more: Partial<Snapshot>): Promise<Map<string, number>> {
  const text = await registry.render({ ...nothing, ...more });
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ""), Number(line.split(" ").at(-1))]));
}

const LABELS =
  'namespace="default",pod="web",container="main",interface="net1",network="fabric",device="nic0"';
const device = { resource: "lanyard.dev/nics", id: "nic0", container: "main" };

const sample = (more: Partial<InterfaceSample> = {}): InterfaceSample => ({
  attachment: makeAttachment({ device }),
  link: makeLink({ statistics: countIn(1) }),
  queues: [],
  ...more,
});

test("an interface's counters are the kernel's, under the pod's labels", async () => {
  const values = await render(new MetricsRegistry(), { interfaces: [sample()] });
  const counters = [...values].filter(([name]) => name.startsWith("lanyard_interface_"));
  assert.deepEqual(Object.fromEntries(counters), {
    [`lanyard_interface_receive_packets_total{${LABELS}}`]: 1,
    [`lanyard_interface_transmit_packets_total{${LABELS}}`]: 2,
    [`lanyard_interface_receive_bytes_total{${LABELS}}`]: 3,
    [`lanyard_interface_transmit_bytes_total{${LABELS}}`]: 4,
    [`lanyard_interface_receive_errors_total{${LABELS}}`]: 5,
    [`lanyard_interface_transmit_errors_total{${LABELS}}`]: 6,
    [`lanyard_interface_receive_drops_total{${LABELS}}`]: 7,
    [`lanyard_interface_transmit_drops_total{${LABELS}}`]: 8,
    [`lanyard_interface_up{${LABELS}}`]: 1,
  });
});

test("counters are taken over at each scrape, not added up", async () => {
  const registry = new MetricsRegistry();
  const bytes = `lanyard_interface_receive_bytes_total{${LABELS}}`;
  await render(registry, { interfaces: [sample({ link: makeLink({ statistics: countIn(1000) }) })] });
  const later = await render(registry, {
    interfaces: [sample({ link: makeLink({ statistics: countIn(1001) }) })],
    netlink: { requests: 7, errors: 1, overruns: 2, resyncs: 4, interruptedDumps: 3 },
  });
  assert.equal(later.get(bytes), 3003);
  assert.equal(later.get("lanyard_netlink_requests_total"), 7);
  const last = await render(registry, {
    interfaces: [sample()],
    netlink: { requests: 9, errors: 1, overruns: 2, resyncs: 4, interruptedDumps: 3 },
  });
  // An interface made anew counts from its own beginning.
  assert.equal(last.get(bytes), 3);
  assert.deepEqual(
    ["requests", "errors", "overruns", "resyncs", "interrupted_dumps"].map((what) =>
      last.get(`lanyard_netlink_${what}_total`),
    ),
    [9, 1, 2, 4, 3],
  );
});

test("two scrapes at once get each its own figures", async () => {
  const registry = new MetricsRegistry();
  const bytes = `lanyard_interface_receive_bytes_total{${LABELS}}`;
  const scrapes = [1, 2, 3].map((unit) =>
    render(registry, { interfaces: [sample({ link: makeLink({ statistics: countIn(unit) }) })] }),
  );
  assert.deepEqual(
    (await Promise.all(scrapes)).map((values) => values.get(bytes)),
    [3, 6, 9],
  );
});

test("what is gone is told no more", async () => {
  const registry = new MetricsRegistry();
  const qos = {
    className: "gold",
    egressBackend: "htb",
    ingressBackend: "",
    egressCeiling: 1e6,
    notEnforced: [],
  };
  const shaped = sample({
    attachment: makeAttachment({ device, qos }),
    queues: [{ direction: "transmit", bytes: 1, drops: 2, overlimits: 3, backlogBytes: 4 }],
  });
  const before = await render(registry, {
    interfaces: [shaped],
    pools: [makePool("lanyard.dev/nics", ["nic0"], [])],
  });
  assert.equal([...before.keys()].filter((name) => name.includes("nic0")).length, 9 + 1 + 4 + 1);
  const after = await render(registry, {});
  assert.deepEqual(
    [...after.keys()].filter((name) => name.includes("{")),
    [],
  );
});

test("an interface without a device has empty labels for it", async () => {
  const values = await render(new MetricsRegistry(), {
    interfaces: [sample({ attachment: makeAttachment() })],
  });
  const labels = LABELS.replace('"main"', '""').replace('"nic0"', '""');
  assert.equal(values.get(`lanyard_interface_up{${labels}}`), 1);
});

test("an interface is up when it is up and has a carrier", async () => {
  for (const [isUp, hasCarrier, value] of [
    [true, true, 1],
    [true, false, 0],
    [false, true, 0],
  ] as const) {
    const link = makeLink({ isUp, hasCarrier });
    const values = await render(new MetricsRegistry(), { interfaces: [sample({ link })] });
    assert.equal(values.get(`lanyard_interface_up{${LABELS}}`), value);
  }
});

test("rates are told as they are enforced, and only those that are", async () => {
  const qos = {
    className: "gold",
    egressBackend: "htb on net1",
    ingressBackend: "ifb + tbf",
    egressGuaranteed: 10e6,
    egressCeiling: 50e6,
    ingressCeiling: 30e6,
    notEnforced: [],
  };
  const ratesOf = async (limits: typeof qos | Omit<typeof qos, "egressGuaranteed" | "ingressCeiling">) => {
    const attachment = makeAttachment({ device, qos: limits });
    const values = await render(new MetricsRegistry(), { interfaces: [sample({ attachment })] });
    return Object.fromEntries(
      [...values]
        .filter(([name]) => name.startsWith("lanyard_interface_rate"))
        .map(([name, value]) => [/direction="(\w+)",kind="(\w+)"/.exec(name)?.slice(1).join(" "), value]),
    );
  };
  assert.deepEqual(await ratesOf(qos), {
    "transmit guaranteed": 10e6,
    "transmit ceiling": 50e6,
    "receive ceiling": 30e6,
  });
  const { egressGuaranteed: _, ingressCeiling: __, ...one } = qos;
  assert.deepEqual(await ratesOf(one), { "transmit ceiling": 50e6 });
});

test("queues are told by direction", async () => {
  const values = await render(new MetricsRegistry(), {
    interfaces: [
      sample({
        queues: [
          { direction: "transmit", bytes: 1, drops: 2, overlimits: 3, backlogBytes: 4 },
          { direction: "receive", bytes: 5, drops: 6, overlimits: 7, backlogBytes: 8 },
        ],
      }),
    ],
  });
  const told = ["bytes_total", "drops_total", "overlimits_total", "backlog_bytes"].map((what) =>
    ["transmit", "receive"].map((direction) =>
      values.get(`lanyard_qos_${what}{${LABELS},direction="${direction}"}`),
    ),
  );
  assert.deepEqual(told, [
    [1, 5],
    [2, 6],
    [3, 7],
    [4, 8],
  ]);
});

test("devices are counted by state, each resource for itself", async () => {
  const values = await render(new MetricsRegistry(), {
    pools: [
      makePool("lanyard.dev/nics", ["nic0", "nic1"], ["nic2"]),
      makePool("lanyard.dev/others", ["nic0"], []),
    ],
    attachedDevices: new Set(["lanyard.dev/nics=nic0", "lanyard.dev/gone=nic9"]),
    allocatedDevices: new Set(["lanyard.dev/nics=nic0", "lanyard.dev/nics=nic1"]),
  });
  const devices = [...values].filter(([name]) => name.startsWith("lanyard_resource_devices"));
  assert.deepEqual(
    devices.map(([name, value]) => [...(/resource="(.*)",state="(.*)"/.exec(name)?.slice(1) ?? []), value]),
    [
      ["lanyard.dev/nics", "healthy", 2],
      ["lanyard.dev/nics", "unhealthy", 1],
      ["lanyard.dev/nics", "allocated", 2],
      ["lanyard.dev/nics", "attached", 1],
      ["lanyard.dev/others", "healthy", 1],
      ["lanyard.dev/others", "unhealthy", 0],
      ["lanyard.dev/others", "allocated", 0],
      ["lanyard.dev/others", "attached", 0],
    ],
  );
  assert.equal(values.get('lanyard_device_healthy{resource="lanyard.dev/nics",device="nic2"}'), 0);
  assert.equal(values.get('lanyard_device_healthy{resource="lanyard.dev/nics",device="nic1"}'), 1);
});

test("each condition that does not hold is told with what it does, and no longer when it holds again", async () => {
  const registry = new MetricsRegistry();
  const pool = makePool("lanyard.dev/nics", ["nic0"], []);
  const findings = [
    { condition: "carrier", effect: "report", reason: "nic0 has no carrier" },
    { condition: "driver", effect: "unhealthy", reason: "no driver is bound to nic0" },
  ] as const;
  const devices = pool.devices.map((each) => ({ ...each, health: { isHealthy: false, findings } }));
  const told = async (pools: readonly Pool[]) =>
    [...(await render(registry, { pools }))].filter(([name]) => name.startsWith("lanyard_device_condition{"));
  const labels = 'resource="lanyard.dev/nics",device="nic0"';
  assert.deepEqual(await told([{ ...pool, devices }]), [
    [`lanyard_device_condition{${labels},condition="carrier",effect="report"}`, 1],
    [`lanyard_device_condition{${labels},condition="driver",effect="unhealthy"}`, 1],
  ]);
  assert.deepEqual(await told([pool]), []);
});

test("operations are counted over all scrapes", async () => {
  const registry = new MetricsRegistry();
  const attach = { operation: "attach", type: "macvlan", outcome: "attached" } as const;
  registry.observe({ ...attach, seconds: 0.004 });
  await render(registry, {});
  registry.observe({ ...attach, seconds: 0.2 });
  const values = await render(registry, {});
  const labels = 'operation="attach",type="macvlan",outcome="attached"';
  assert.equal(values.get(`lanyard_attachment_duration_seconds_count{${labels}}`), 2);
  assert.equal(values.get(`lanyard_attachment_duration_seconds_bucket{le="0.005",${labels}}`), 1);
  assert.equal(values.get(`lanyard_attachment_duration_seconds_bucket{le="0.25",${labels}}`), 2);
});

test("labels that hold quotes, line feeds and backslashes do not break the text", async () => {
  const attachment = makeAttachment({ podNetworkName: 'a"b\\c\nd' });
  const text = await new MetricsRegistry().render({ ...nothing, interfaces: [sample({ attachment })] });
  assert.ok(text.includes(String.raw`network="a\"b\\c\nd"`));
});

test("every metric says what it is, in its unit", async () => {
  const text = await new MetricsRegistry().render({ ...nothing, interfaces: [sample()] });
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => ({
    name,
    type,
  }));
  assert.ok(names.length > 15);
  for (const { name, type } of names) {
    assert.match(name, /^lanyard_/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.match(text, new RegExp(`^# HELP ${name} \\S+`, "m"));
  }
});
