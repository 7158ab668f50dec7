import { join } from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import { UnixSocketClient } from "../../../src/rpc/client.ts";
import { AllocateResponseSchema, DevicePlugin } from "../../../src/rpc/generated/deviceplugin/v1beta1_pb.js";
import type { BarePluginOrders } from "./bare-plugin-process.ts";
import type { Companion } from "./companion.ts";
import type { LaidOutDevice } from "./layout.ts";

export type Client = UnixSocketClient<typeof DevicePlugin>;

/** Who is asked for a resource's devices. */
export type Side = (resource: string) => Client;

/** How often something is done. Warm-up rounds come first and are not counted. */
export interface Series {
  readonly warmUp: number;
  readonly rounds: number;
  /** Calls at once. */
  readonly atOnce: number;
}

/** Sides take turns of so many rounds, so that noise meets both alike. */
const TURN = 10;

export interface PeerParts {
  /** Where its sockets are put. */
  readonly folder: string;
  readonly bare: Companion<BarePluginOrders>;
  /** Who is asked once, for an answer. */
  readonly ours: Side;
  readonly devices: readonly LaidOutDevice[];
}

/** Has the peer serve every resource. It answers each call as ours answered one, so that both send as much. */
export async function startPeer(
  { folder, bare, ours, devices }: PeerParts,
  stack: AsyncDisposableStack,
): Promise<Side> {
  const { resource, id } = devices[0] as LaidOutDevice;
  const example = await ours(resource).call("allocate", requestFor(id));
  const clients = new Map<string, Client>();
  for (const resource of new Set(devices.map((device) => device.resource))) {
    const client = new UnixSocketClient(DevicePlugin, join(folder, `bare-${clients.size}.sock`));
    stack.defer(() => client.close());
    clients.set(resource, client);
  }
  const paths = [...clients.values()].map(({ path }) => path);
  await bare.ask("serve", paths, toBinary(AllocateResponseSchema, example));
  return (resource) => clients.get(resource) as Client;
}

/**
 * Milliseconds of every call that counts, for each side. Each call gives another device away, and nobody gives one
 * back, so that in the end the node is nearly full.
 */
export async function measureAllocate(
  { warmUp, rounds, atOnce }: Series,
  devices: readonly LaidOutDevice[],
  sides: readonly [Side, Side],
): Promise<readonly [number[], number[]]> {
  const times = [[], []] as [number[], number[]];
  for (let round = 0; round < warmUp + rounds; round += TURN) {
    const order = (round / TURN) % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
    for (const which of order) {
      for (let number = round; number < round + TURN; number++) {
        const calls = Array.from({ length: atOnce }, (_, call) =>
          measureCall(sides[which], devices[(number * atOnce + call) % devices.length] as LaidOutDevice),
        );
        const took = await Promise.all(calls);
        if (number >= warmUp) times[which].push(...took);
      }
    }
  }
  return times;
}

async function measureCall(side: Side, { resource, id }: LaidOutDevice): Promise<number> {
  const start = performance.now();
  const { containerResponses } = await side(resource).call("allocate", requestFor(id));
  const took = performance.now() - start;
  const files = containerResponses[0]?.devices.length;
  if (files !== 2) throw new Error(`${id} of ${resource} was answered with ${files} files in place of 2`);
  return took;
}

function requestFor(id: string) {
  return { containerRequests: [{ devicesIds: [id] }] };
}
