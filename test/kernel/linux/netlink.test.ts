import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import test from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { errnoName } from "../../../src/linux/errno.ts";
import * as ffi from "../../../src/linux/ffi.ts";
import { Kernel } from "../../../src/linux/kernel.ts";
import { LinkEvents } from "../../../src/linux/link-events.ts";
import { EventHub } from "../../../src/linux/netlink/events.ts";
import { exchange, messagesOf, ReceiveBuffer } from "../../../src/linux/netlink/exchange.ts";
import { encodeMessage, NLM_F_DUMP } from "../../../src/linux/netlink/message.ts";
import { NETLINK_ROUTE, openRequestSocket } from "../../../src/linux/netlink/socket.ts";
import { decodeLink } from "../../../src/linux/route/link.ts";
import { RTM_GETLINK } from "../../../src/linux/route/link-attributes.ts";
import { leaveSharedNamespace, nextEvent, openFiles, PATIENCE, World, within } from "../world.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;

leaveSharedNamespace();

/** Does many things with ip(8), while this thread does nothing. */
function changeLinks(...lines: readonly string[]): void {
  execFileSync("ip", ["-batch", "-"], { input: lines.join("\n") });
}

test("a dump that was cut in the middle is read whole with a larger buffer", PATIENCE, () => {
  const names = Array.from({ length: 60 }, (_, number) => `many${number}`);
  changeLinks(...names.map((name) => `link add ${name} type veth peer name p${name}`));
  try {
    const socket = openRequestSocket(NETLINK_ROUTE);
    try {
      // Each datagram of a link dump holds several links of more than 1 KB.
      const buffer = new ReceiveBuffer(1024);
      const request = encodeMessage(RTM_GETLINK, NLM_F_DUMP, new Uint8Array(16));
      const answer = exchange(socket, request, 1, buffer, true);
      assert.deepEqual([answer.errno, answer.isInterrupted], [0, false]);
      const read = messagesOf(answer).map(({ payload }) => decodeLink(payload)?.name);
      assert.equal(read.length, 1 + 2 * names.length);
      assert.equal(new Set(read).size, read.length);
      assert.ok(buffer.bytes.length > 1024);
    } finally {
      socket.close();
    }
  } finally {
    changeLinks(...names.map((name) => `link del ${name}`));
  }
});

test("a request socket takes nothing from other processes' sockets", () => {
  const victim = openRequestSocket(NETLINK_ROUTE);
  const address = new Uint8Array(12);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(4, victim.portId, true);
  const attacker = ffi.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  try {
    // Its messages go to the victim's port from now on.
    assert.equal(ffi.connect(attacker, address, address.length), 0);
    const message = encodeMessage(RTM_GETLINK, 0, new Uint8Array(16));
    assert.equal(ffi.send(attacker, message, message.length, 0), -1);
    assert.equal(errnoName(ffi.lastErrno()), "ECONNREFUSED");
  } finally {
    ffi.close(attacker);
    victim.close();
  }
});

test(
  "announcements that were lost are counted and told, and everything can be read again",
  PATIENCE,
  async () => {
    await using world = new World();
    const { links } = world.kernel.host;
    await links.create({ name: "busy0", of: { kind: "veth", peer: { name: "busy1" } } });
    world.defer(async () => links.delete((await links.get("busy0")).index));
    // The smallest buffer the kernel gives holds one announcement.
    const hub = new EventHub(1);
    world.defer(() => hub.close());
    const events = new LinkEvents(hub);
    for (let round = 1; round <= 3; round++) {
      const before = hub.overruns;
      const overrun = within<number>("the overrun", (settle) =>
        events.onChange(
          () => {},
          () => settle(hub.overruns),
        ),
      );
      const mtu = 1300 + round;
      const changes = Array.from({ length: 50 }, (_, number) => `link set busy0 mtu ${1000 + number}`);
      changeLinks(...changes, `link set busy0 mtu ${mtu}`);
      assert.ok((await overrun) > before);
      assert.equal((await links.get("busy0")).mtu, mtu);
      // And the hub hears again.
      const heard = nextEvent(events, "a later announcement", ({ link }) => link.mtu === 1400 + round);
      await links.set((await links.get("busy0")).index, { mtu: 1400 + round });
      await heard;
    }
  },
);

test("two thousand announcements wait in the buffer while the main thread is busy", PATIENCE, async () => {
  await using world = new World();
  const { linkEvents, host } = world.kernel;
  await host.links.create({ name: "busy0", of: { kind: "veth", peer: { name: "busy1" } } });
  world.defer(async () => host.links.delete((await host.links.get("busy0")).index));
  const seen: number[] = [];
  const last = nextEvent(linkEvents, "the last of them", ({ link }) => {
    if (link.name === "busy0") seen.push(link.mtu);
    return link.name === "busy0" && link.mtu === 3000;
  });
  const expected = Array.from({ length: 2000 }, (_, number) => 1001 + number);
  changeLinks(...expected.map((mtu) => `link set busy0 mtu ${mtu}`));
  await last;
  assert.deepEqual([...new Set(seen)], expected);
  assert.equal(world.kernel.counts().overruns, 0);
});

test(
  "the main thread goes on while requests wait for a kernel that others keep busy",
  PATIENCE,
  async (context) => {
    await using world = new World();
    const pod = await world.makeNamespace();
    await pod.links.create({ name: "net1", of: { kind: "veth", peer: { name: "peer" } } });
    const { index } = await pod.links.get("net1");
    const script =
      "while unshare --net ip link set lo up && ip link add churn0 type veth peer name churn1; do ip link del churn0; done";
    const churn = spawn("sh", ["-c", script], { stdio: "ignore" });
    world.defer(async () => {
      const ended = once(churn, "exit");
      churn.kill("SIGKILL");
      await ended;
    });
    const histogram = monitorEventLoopDelay({ resolution: 1 });
    histogram.enable();
    let ticks = 0;
    const ticker = setInterval(() => {
      ticks += 1;
    }, 5);
    world.defer(() => clearInterval(ticker));
    let requests = 0;
    let duringRequests = 0;
    // Were the main thread the one that waits for the kernel, no tick would fall between a request and its answer.
    while (duringRequests < 50) {
      const before = ticks;
      await Promise.all([
        pod.links.set(index, { mtu: 1000 + (requests % 500) }),
        pod.links.get(index),
        world.kernel.host.links.list(),
      ]);
      duringRequests += ticks - before;
      requests += 3;
    }
    histogram.disable();
    context.diagnostic(
      `${requests} requests; longest delay of the event loop ${(histogram.max / 1e6).toFixed(1)} ms`,
    );
  },
);

test(
  "a stopped kernel leaves neither descriptors nor threads, and may be stopped twice",
  PATIENCE,
  async () => {
    const useOnce = async () => {
      const kernel = new Kernel();
      await using pod = await kernel.makeNamespace();
      await pod.links.list();
      await kernel.host.links.list();
      await kernel.stop();
      await kernel.stop();
      await assert.rejects(kernel.makeNamespace(), { code: "unavailable" });
    };
    // The first threads of a process open some descriptors that stay.
    await useOnce();
    const before = openFiles().length;
    await useOnce();
    await delay(0);
    assert.equal(openFiles().length, before);
  },
);
