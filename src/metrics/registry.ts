import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Pool } from "../model/device.ts";
import type { InterfaceSample } from "./interface-sampler.ts";

const INTERFACE_LABELS = ["namespace", "pod", "container", "interface", "network", "device"] as const;
type InterfaceLabels = Record<(typeof INTERFACE_LABELS)[number], string>;

/** What is told at one scrape. */
export interface Snapshot {
  readonly interfaces: readonly InterfaceSample[];
  readonly pools: readonly Pool[];
  /** Devices that attachments use, and devices that pods have, as `resource=id`. */
  readonly attachedDevices: ReadonlySet<string>;
  readonly allocatedDevices: ReadonlySet<string>;
  readonly netlink: {
    readonly requests: number;
    readonly errors: number;
    readonly overruns: number;
    readonly resyncs: number;
    readonly interruptedDumps: number;
  };
}

/** One finished operation of the attachment engine. */
export interface Operation {
  readonly operation: string;
  readonly type: string;
  readonly outcome: string;
  readonly seconds: number;
}

/**
 * The agent's metrics. Counters are the kernel's own and are taken over at each scrape; they start anew when an
 * interface is made anew, as Prometheus expects of a counter.
 */
export class MetricsRegistry {
  readonly #registry = new Registry();
  readonly #byDirection: Record<"receive" | "transmit", Record<string, Counter>>;
  readonly #up = this.#gauge(
    "lanyard_interface_up",
    "1 while the interface is up and has a carrier",
    INTERFACE_LABELS,
  );
  readonly #rate = this.#gauge(
    "lanyard_interface_rate_bits_per_second",
    "Configured rate as it is enforced, in bits per second",
    [...INTERFACE_LABELS, "direction", "kind"],
  );
  readonly #backlog = this.#gauge("lanyard_qos_backlog_bytes", "Bytes that wait in the interface's queue", [
    ...INTERFACE_LABELS,
    "direction",
  ]);
  readonly #qosBytes = this.#counter(
    "lanyard_qos_bytes_total",
    "Bytes the interface's queue has let through, as on the wire: each segment with its headers",
    [...INTERFACE_LABELS, "direction"],
  );
  readonly #qosDrops = this.#counter("lanyard_qos_drops_total", "Packets the interface's queue has dropped", [
    ...INTERFACE_LABELS,
    "direction",
  ]);
  readonly #qosOverlimits = this.#counter(
    "lanyard_qos_overlimits_total",
    "How often the interface's queue had to hold traffic back",
    [...INTERFACE_LABELS, "direction"],
  );
  readonly #healthy = this.#gauge("lanyard_device_healthy", "1 when the device can be used", [
    "resource",
    "device",
  ]);
  readonly #conditions = this.#gauge(
    "lanyard_device_condition",
    "1 for each condition of a device that does not hold; effect says whether that makes it unhealthy",
    ["resource", "device", "condition", "effect"],
  );
  readonly #devices = this.#gauge("lanyard_resource_devices", "Devices of a resource by state", [
    "resource",
    "state",
  ]);
  readonly #duration = new Histogram({
    name: "lanyard_attachment_duration_seconds",
    help: "How long attaching, changing and detaching took",
    labelNames: ["operation", "type", "outcome"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [this.#registry],
  });
  readonly #multusRequests = this.#counter(
    "lanyard_multus_requests_total",
    "Calls that were answered at the socket in Multus' place",
    ["handler", "method", "code"],
  );
  readonly #netlink = {
    requests: this.#counter("lanyard_netlink_requests_total", "Requests sent to the kernel"),
    errors: this.#counter("lanyard_netlink_errors_total", "Requests the kernel refused"),
    overruns: this.#counter("lanyard_netlink_overruns_total", "Times announcements were lost"),
    resyncs: this.#counter(
      "lanyard_netlink_resyncs_total",
      "Times the node's links were read again for that",
    ),
    interruptedDumps: this.#counter(
      "lanyard_netlink_interrupted_dumps_total",
      "Dumps during which state changed",
    ),
  };

  constructor() {
    const counters = (direction: string) =>
      Object.fromEntries(
        (["bytes", "packets", "drops", "errors"] as const).map((what) => [
          what,
          this.#counter(
            `lanyard_interface_${direction}_${what}_total`,
            `${what} the pod's interface counts on ${direction}, as its driver does` +
              (what === "bytes" ? ": with the Ethernet header, a segmented packet's headers once" : ""),
            INTERFACE_LABELS,
          ),
        ]),
      );
    this.#byDirection = { receive: counters("receive"), transmit: counters("transmit") };
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  observe({ operation, type, outcome, seconds }: Operation): void {
    this.#duration.observe({ operation, type, outcome }, seconds);
  }

  /** @param code status of HTTP */
  observeMultusRequest({ handler, method, code }: { handler: string; method: string; code: number }): void {
    this.#multusRequests.inc({ handler, method, code });
  }

  /** The whole text for Prometheus. */
  async render(snapshot: Snapshot): Promise<string> {
    this.#forgetAll();
    for (const sample of snapshot.interfaces) this.#takeInterface(sample);
    for (const pool of snapshot.pools) this.#takePool(pool, snapshot);
    for (const [name, counter] of Object.entries(this.#netlink)) {
      counter.inc(snapshot.netlink[name as keyof Snapshot["netlink"]]);
    }
    return await this.#registry.metrics();
  }

  #takeInterface({ attachment, link, queues }: InterfaceSample): void {
    const labels: InterfaceLabels = {
      namespace: attachment.pod.namespace,
      pod: attachment.pod.name,
      container: attachment.device?.container ?? "",
      interface: attachment.interfaceName,
      network: attachment.podNetworkName,
      device: attachment.device?.id ?? "",
    };
    const { statistics } = link;
    if (statistics !== undefined) {
      const { receive, transmit } = this.#byDirection;
      receive.bytes?.inc(labels, statistics.receiveBytes);
      receive.packets?.inc(labels, statistics.receivePackets);
      receive.drops?.inc(labels, statistics.receiveDrops);
      receive.errors?.inc(labels, statistics.receiveErrors);
      transmit.bytes?.inc(labels, statistics.transmitBytes);
      transmit.packets?.inc(labels, statistics.transmitPackets);
      transmit.drops?.inc(labels, statistics.transmitDrops);
      transmit.errors?.inc(labels, statistics.transmitErrors);
    }
    this.#up.set(labels, link.isUp && link.hasCarrier ? 1 : 0);
    const { qos } = attachment;
    const rates = [
      ["transmit", "guaranteed", qos?.egressGuaranteed],
      ["transmit", "ceiling", qos?.egressCeiling],
      ["receive", "ceiling", qos?.ingressCeiling],
    ] as const;
    for (const [direction, kind, rate] of rates) {
      if (rate !== undefined) this.#rate.set({ ...labels, direction, kind }, rate);
    }
    for (const queue of queues) {
      const ofQueue = { ...labels, direction: queue.direction };
      this.#qosBytes.inc(ofQueue, queue.bytes);
      this.#qosDrops.inc(ofQueue, queue.drops);
      this.#qosOverlimits.inc(ofQueue, queue.overlimits);
      this.#backlog.set(ofQueue, queue.backlogBytes);
    }
  }

  #takePool({ resource, devices }: Pool, { attachedDevices, allocatedDevices }: Snapshot): void {
    for (const { id, health } of devices) {
      this.#healthy.set({ resource, device: id }, health.isHealthy ? 1 : 0);
      for (const { condition, effect } of health.findings ?? [])
        this.#conditions.set({ resource, device: id, condition, effect }, 1);
    }
    const count = (used: ReadonlySet<string>) =>
      devices.filter(({ id }) => used.has(`${resource}=${id}`)).length;
    const healthy = devices.filter(({ health }) => health.isHealthy).length;
    this.#devices.set({ resource, state: "healthy" }, healthy);
    this.#devices.set({ resource, state: "unhealthy" }, devices.length - healthy);
    this.#devices.set({ resource, state: "allocated" }, count(allocatedDevices));
    this.#devices.set({ resource, state: "attached" }, count(attachedDevices));
  }

  /** Everything is told anew at each scrape, so that what is gone is not told for ever. */
  #forgetAll(): void {
    const { receive, transmit } = this.#byDirection;
    const all = [
      ...Object.values(receive),
      ...Object.values(transmit),
      ...Object.values(this.#netlink),
      this.#up,
      this.#rate,
      this.#backlog,
      this.#qosBytes,
      this.#qosDrops,
      this.#qosOverlimits,
      this.#healthy,
      this.#conditions,
      this.#devices,
    ];
    for (const metric of all) metric.reset();
  }

  #gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  #counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }
}
