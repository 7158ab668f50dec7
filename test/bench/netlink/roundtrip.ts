import { spawnSync } from "node:child_process";
import { Kernel } from "../../../src/linux/kernel.ts";
import { exchange, messagesOf } from "../../../src/linux/netlink/exchange.ts";
import { encodeMessage } from "../../../src/linux/netlink/message.ts";
import { ReceiveBuffer } from "../../../src/linux/netlink/receive-buffer.ts";
import { NETLINK_ROUTE, openRequestSocket } from "../../../src/linux/netlink/socket.ts";
import type { Link } from "../../../src/linux/route/link.ts";
import { RTM_GETLINK } from "../../../src/linux/route/link-attributes.ts";
import { decodeLink } from "../../../src/linux/route/link-decoder.ts";
import { linkHeader } from "../../../src/linux/route/link-header.ts";
import type { Benchmark } from "../benchmark.ts";
import { makeRow } from "../report.ts";
import { median } from "../statistics.ts";
import { CPeer, readIproute2Name } from "./c-peer.ts";

const INSIDE_BAR = 1.5;
const CALLED_BAR = 0.03;
const LOOPBACK = 1;

/** Sides take turns, so that noise meets all alike. */
const TURNS = 15;
const ROUNDS = { inside: 20_000, called: 1000, spawned: 10 };

/** One link asked for and decoded. */
export const netlinkRoundtrip: Benchmark = {
  name: "netlink-roundtrip",
  description:
    "one RTM_GETLINK from request to decoded link: in a worker's place beside C, as called beside ip",

  async run({ folder }) {
    const peer = new CPeer(folder);
    const program = readIproute2Name();
    const kernel = new Kernel();
    const socket = openRequestSocket(NETLINK_ROUTE);
    try {
      const ask = makeAsker(socket);
      const times = { inside: [] as number[], c: [] as number[], called: [] as number[], ip: [] as number[] };
      repeat(20_000, ask);
      await repeatAsync(500, () => kernel.host.links.get(LOOPBACK));
      for (let turn = 0; turn < TURNS; turn++) {
        times.inside.push(median(repeat(ROUNDS.inside, ask)));
        const link = ask();
        if (link?.name !== "lo") throw new Error(`the kernel told of ${link?.name} where lo was asked for`);
        times.c.push(median(peer.measure(1, "roundtrip", String(LOOPBACK), String(ROUNDS.inside))));
        times.called.push(median(await repeatAsync(ROUNDS.called, () => kernel.host.links.get(LOOPBACK))));
        times.ip.push(median(repeat(ROUNDS.spawned, spawnIp)));
      }
      const row = (measure: string, ours: number[], theirs: number[], name: string, bar: number) =>
        makeRow({
          benchmark: netlinkRoundtrip.name,
          measure,
          unit: "us",
          ours: median(ours),
          peer: { name, value: median(theirs) },
          bar,
        });
      return [
        row("inside a worker, median", times.inside, times.c, peer.name, INSIDE_BAR),
        row("as called, median", times.called, times.ip, `${program}, spawned`, CALLED_BAR),
      ];
    } finally {
      socket.close();
      await kernel.stop();
    }
  },
};

/** What a worker does for a request, and the decoding that follows, on this thread. */
function makeAsker(socket: ReturnType<typeof openRequestSocket>): () => Link | undefined {
  const buffer = new ReceiveBuffer();
  let sequence = 1;
  return () => {
    sequence += 1;
    const request = encodeMessage(RTM_GETLINK, 0, linkHeader(LOOPBACK));
    const message = messagesOf(exchange(socket, request, sequence, buffer, true))[0];
    return message === undefined ? undefined : decodeLink(message.payload);
  };
}

function spawnIp(): void {
  const { status } = spawnSync("ip", ["link", "show", "lo"], { stdio: "ignore" });
  if (status !== 0) throw new Error(`ip link show lo ended with ${status}`);
}

/** Microseconds of each round. In a plain loop, because what is around the work is measured with it. */
function repeat(rounds: number, work: () => unknown): number[] {
  const times = new Float64Array(rounds);
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    work();
    times[round] = (performance.now() - start) * 1000;
  }
  return [...times];
}

async function repeatAsync(rounds: number, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await work();
    times.push((performance.now() - start) * 1000);
  }
  return times;
}
