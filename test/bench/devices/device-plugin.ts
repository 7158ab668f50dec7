import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Benchmark, Row } from "../benchmark.ts";
import { makeRow } from "../report.ts";
import { median, quantile } from "../statistics.ts";
import { type Client, measureAllocate, type Series, type Side, startPeer } from "./allocate.ts";
import type { BarePluginOrders } from "./bare-plugin-process.ts";
import { Companion } from "./companion.ts";
import type { DoorOrders } from "./door-process.ts";
import { BareKubelet } from "./kubelet.ts";
import { DEVICES_PER_POOL, laidOutDevices, layOutPools } from "./layout.ts";

const pools = layOutPools();
const devices = laidOutDevices(pools);

const LISTING_ROUNDS = 20;
const HEALTH_ROUNDS = 100;
const PREFERRED = { warmUp: 10, rounds: 125, size: 8 };
const ALONE: Series = { warmUp: 100, rounds: 500, atOnce: 1 };
const TOGETHER: Series = { warmUp: 20, rounds: 100, atOnce: 8 };
/** The kubelet's every call, beside a server that does nothing but answer. */
export const devicePlugin: Benchmark = {
  name: "device-plugin",
  description: `${devices.length} devices in ${pools.length} pools at a kubelet, beside a bare gRPC server; both in processes of their own`,

  async run({ folder }) {
    await using stack = new AsyncDisposableStack();
    const plugins = join(folder, "device-plugins");
    mkdirSync(plugins);
    // Where it lies on a node: in memory.
    const deviceInfo = mkdtempSync("/run/device-info-");
    stack.defer(() => rmSync(deviceInfo, { recursive: true }));
    const door = stack.use(new Companion<DoorOrders>(programPath("door-process.ts"), plugins, deviceInfo));
    const emptyMiB = await door.ask("residentMiB");

    const listing = await measureListing(plugins, () => door.ask("offer"));
    const kubelet = stack.use(new BareKubelet(plugins));
    await kubelet.start();
    await listed(kubelet);
    const fullMiB = await door.ask("residentMiB");

    const health = await measureHealth(kubelet, door);
    const ours: Side = (resource) => kubelet.plugins.get(resource)?.client as Client;
    const preferred = new Map<string, number[]>();
    for (const { resource, allocation } of pools) {
      preferred.set(allocation, await measurePreferred(resource, ours(resource)));
    }

    const bare = stack.use(new Companion<BarePluginOrders>(programPath("bare-plugin-process.ts")));
    const bareEmptyMiB = await bare.ask("residentMiB");
    const peer = await startPeer({ folder, bare, ours, devices }, stack);
    // Of the peer, which has no devices: what four sockets take.
    const bareFullMiB = await bare.ask("residentMiB");
    const alone = await measureAllocate(ALONE, devices, [ours, peer]);
    const together = await measureAllocate(TOGETHER, devices, [ours, peer]);

    const row = (measure: string, ours: number, peer?: number, unit = "ms"): Row =>
      makeRow({
        benchmark: devicePlugin.name,
        measure,
        unit,
        ours,
        ...(peer !== undefined && { peer: { name: `bare ${readGrpcName()}`, value: peer } }),
      });
    const p99 = (samples: readonly number[]) => quantile(samples, 0.99);
    return [
      row("first Register to last list, at start", listing.first),
      row("first Register to last list, median", median(listing.later)),
      row("first Register to last list, worst", quantile(listing.later, 1)),
      row("health changed to list, median", median(health)),
      row("health changed to list, worst", quantile(health, 1)),
      ...[...preferred].flatMap(([policy, samples]) => {
        const measure = `GetPreferredAllocation, ${PREFERRED.size} of ${DEVICES_PER_POOL}, ${policy}`;
        return [row(`${measure}, median`, median(samples)), row(`${measure}, p99`, p99(samples))];
      }),
      row("Allocate, median", median(alone[0]), median(alone[1])),
      row("Allocate, p99", p99(alone[0]), p99(alone[1])),
      row(`${TOGETHER.atOnce} at once, Allocate, median`, median(together[0]), median(together[1])),
      row(`${TOGETHER.atOnce} at once, Allocate, p99`, p99(together[0]), p99(together[1])),
      row("resident memory, no device", emptyMiB, bareEmptyMiB, "MiB"),
      row(`resident memory, ${devices.length} devices`, fullMiB, bareFullMiB, "MiB"),
    ];
  },
};

const programPath = (name: string) => join(import.meta.dirname, name);

/** Settles when every list has come and is whole; milliseconds from the first Register to the last of them. */
function listed(kubelet: BareKubelet): Promise<number> {
  return kubelet.until(`lists of ${pools.length} pools with ${DEVICES_PER_POOL} devices each`, () => {
    const plugins = [...kubelet.plugins.values()];
    const lists = plugins.flatMap(({ list }) => (list?.health.size === DEVICES_PER_POOL ? [list] : []));
    if (lists.length < pools.length) return undefined;
    return Math.max(...lists.map(({ at }) => at)) - Math.min(...plugins.map((each) => each.registeredAt));
  });
}

/** The first time is apart: the pools are new, and so is the code. */
async function measureListing(
  folder: string,
  offer: () => Promise<void>,
): Promise<{ readonly first: number; readonly later: readonly number[] }> {
  const measure = async (begin = async () => {}) => {
    await using kubelet = new BareKubelet(folder);
    await kubelet.start();
    await begin();
    return await listed(kubelet);
  };
  const first = await measure(offer);
  const later: number[] = [];
  for (let round = 0; round < LISTING_ROUNDS; round++) later.push(await measure());
  return { first, later };
}

/** One device at a time falls ill and gets well, each in another pool than the one before. */
async function measureHealth(kubelet: BareKubelet, door: Companion<DoorOrders>): Promise<number[]> {
  const samples: number[] = [];
  for (const { resource, id } of devices.slice(0, HEALTH_ROUNDS / 2)) {
    for (const [isHealthy, word] of [
      [false, "Unhealthy"],
      [true, "Healthy"],
    ] as const) {
      const changedAt = await door.ask("setHealth", resource, id, isHealthy);
      const toldAt = await kubelet.until(`${id} of ${resource} is ${word}`, () => {
        const list = kubelet.plugins.get(resource)?.list;
        return list?.health.get(id) === word ? list.at : undefined;
      });
      samples.push(toldAt - changedAt);
    }
  }
  return samples;
}

async function measurePreferred(resource: string, client: Client): Promise<number[]> {
  const ids = devices.filter((each) => each.resource === resource).map(({ id }) => id);
  const { warmUp, rounds, size } = PREFERRED;
  const request = {
    containerRequests: [{ availableDeviceIDs: ids, mustIncludeDeviceIDs: [], allocationSize: size }],
  };
  const samples: number[] = [];
  for (let round = 0; round < warmUp + rounds; round++) {
    const start = performance.now();
    const answer = await client.call("getPreferredAllocation", request);
    const took = performance.now() - start;
    const chosen = new Set(answer.containerResponses[0]?.deviceIDs).intersection(new Set(ids));
    if (chosen.size !== size) throw new Error(`${resource}: ${chosen.size} of ${size} devices were chosen`);
    if (round >= warmUp) samples.push(took);
  }
  return samples;
}

function readGrpcName(): string {
  const packageFile = new URL("../../../package.json", import.meta.url);
  const { dependencies } = JSON.parse(readFileSync(packageFile, "utf8"));
  return `@grpc/grpc-js ${dependencies["@grpc/grpc-js"]}`;
}
