import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import test from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { errnoName } from "../../../src/linux/errno.ts";
import * as ffi from "../../../src/linux/ffi.ts";
import { Kernel } from "../../../src/linux/kernel.ts";
import { LinkEvents } from "../../../src/linux/link-events.ts";
import { EventHub } from "../../../src/linux/netlink/events.ts";
import { exchange, messagesOf } from "../../../src/linux/netlink/exchange.ts";
import { encodeMessage, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP } from "../../../src/linux/netlink/message.ts";
import { ReceiveBuffer } from "../../../src/linux/netlink/receive-buffer.ts";
import { NETLINK_ROUTE, openRequestSocket } from "../../../src/linux/netlink/socket.ts";
import { IFLA_IFNAME, RTM_GETLINK, RTM_NEWLINK } from "../../../src/linux/route/link-attributes.ts";
import { decodeLink } from "../../../src/linux/route/link-decoder.ts";
import { leaveSharedNamespace, nextEvent, openFiles, PATIENCE, World, within } from "../world.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOL_NETLINK = 270;
const NETLINK_NO_ENOBUFS = 5;

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
      // What holds an answer that was cut is kept for those that follow.
      buffer.clear();
      assert.ok(buffer.makeRoom().length > 1024);
    } finally {
      socket.close();
    }
  } finally {
    changeLinks(...names.map((name) => `link del ${name}`));
  }
});

test("where an attribute is at fault, the kernel says at which byte of the request", () => {
  // Longer than a link's name may be: the policy of the attribute is violated.
  const request = encodeMessage(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE, new Uint8Array(16), (w) =>
    w.string(IFLA_IFNAME, "a-name-of-more-than-fifteen"),
  );
  const socket = openRequestSocket(NETLINK_ROUTE);
  try {
    const { errno, ack } = exchange(socket, request, 1, new ReceiveBuffer(), false);
    // Behind struct nlmsghdr (16 bytes) and struct ifinfomsg (16 bytes).
    assert.deepEqual([errnoName(errno), ack.offset], ["ERANGE", 32]);
    assert.match(ack.message ?? "", /policy/);
  } finally {
    socket.close();
  }
});

test("a long list comes in parts, and is whole and in order", PATIENCE, async () => {
  await using world = new World();
  const names = Array.from({ length: 100 }, (_, number) => `part${number}`);
  changeLinks(...names.map((name) => `link add ${name} type veth peer name p${name}`));
  world.defer(() => changeLinks(...names.map((name) => `link del ${name}`)));
  const { links, isInconsistent } = await world.kernel.host.links.list();
  assert.equal(isInconsistent, false);
  const indexes = links.map(({ index }) => index);
  assert.deepEqual(
    indexes,
    [...new Set(indexes)].sort((one, other) => one - other),
  );
  const read = new Set(links.map(({ name }) => name));
  assert.deepEqual(
    names.filter((name) => !read.has(name) || !read.has(`p${name}`)),
    [],
  );
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
  let turns = 0;
  let turn = setImmediate(function next() {
    turns += 1;
    turn = setImmediate(next);
  });
  world.defer(() => clearImmediate(turn));
  const turnsAt = new Map<number, number>();
  const last = nextEvent(linkEvents, "the last of them", ({ link }) => {
    if (link.name !== "busy0") return false;
    seen.push(link.mtu);
    turnsAt.set(link.mtu, turns);
    return link.mtu === 3000;
  });
  const expected = Array.from({ length: 2000 }, (_, number) => 1001 + number);
  changeLinks(...expected.map((mtu) => `link set busy0 mtu ${mtu}`));
  await last;
  assert.deepEqual([...new Set(seen)], expected);
  assert.equal(world.kernel.counts().overruns, 0);
  // It is not busy with them alone until they all are told.
  const [first = 0, final = 0] = [turnsAt.get(1001), turnsAt.get(3000)];
  assert.ok(final - first >= 5, `the event loop had ${final - first} turns meanwhile`);
});

test("a loss is told after what was kept, when the kernel keeps announcements again", PATIENCE, async () => {
  await using world = new World();
  const { links } = world.kernel.host;
  await links.create({ name: "busy0", of: { kind: "veth", peer: { name: "busy1" } } });
  world.defer(async () => links.delete((await links.get("busy0")).index));
  // Room for some.
  const hub = new EventHub(16 * 1024);
  world.defer(() => hub.close());
  const told: string[] = [];
  const overrun = within<void>("the overrun", (settle) =>
    new LinkEvents(hub).onChange(
      () => told.push("change"),
      () => {
        told.push("overrun");
        settle();
      },
    ),
  );
  changeLinks(...Array.from({ length: 100 }, (_, number) => `link set busy0 mtu ${1000 + number}`));
  await overrun;
  assert.ok(told.length > 2);
  assert.equal(told.indexOf("overrun"), told.length - 1);
});

test("an announcement that is too long to be received counts as lost", PATIENCE, async () => {
  await using world = new World();
  const { links } = world.kernel.host;
  await links.create({ name: "many0", of: { kind: "veth", peer: { name: "many1" } } });
  world.defer(async () => links.delete((await links.get("many0")).index));
  // Other names of 127 bytes, as many as the kernel takes: 64 KB of attributes.
  const names = Array.from({ length: 494 }, (_, number) => String(number).padStart(127, "n"));
  changeLinks(...names.map((name) => `link property add dev many0 altname ${name}`));
  const hub = new EventHub();
  world.defer(() => hub.close());
  const events = new LinkEvents(hub);
  const overrun = within<number>("the loss", (settle) =>
    events.onChange(
      () => {},
      () => settle(hub.overruns),
    ),
  );
  changeLinks("link set many0 mtu 1400");
  assert.equal(await overrun, 1);
});

/** The descriptors a program has that this process starts. */
function inheritedDescriptors(): string {
  return execFileSync("ls", ["/proc/self/fd"], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

test("programs that are started inherit nothing of the hub", PATIENCE, () => {
  const before = inheritedDescriptors();
  const hub = new EventHub();
  try {
    assert.equal(inheritedDescriptors(), before);
  } finally {
    hub.close();
  }
});

test("a hub whose doorbell breaks hangs another, and counts what it may have missed", PATIENCE, async () => {
  await using world = new World();
  const { links } = world.kernel.host;
  await links.create({ name: "busy0", of: { kind: "veth", peer: { name: "busy1" } } });
  const { index } = await links.get("busy0");
  world.defer(async () => links.delete(index));
  const before = new Set(readdirSync("/proc/self/fd"));
  const hub = new EventHub();
  world.defer(() => hub.close());
  const events = new LinkEvents(hub);
  // An overrun ends the doorbell's stream once it is told of it.
  for (const fd of readdirSync("/proc/self/fd").filter((each) => !before.has(each)))
    ffi.setsockopt(Number(fd), SOL_NETLINK, NETLINK_NO_ENOBUFS, new Uint8Array(4), 4);
  const overrun = within<number>("the overrun", (settle) =>
    events.onChange(
      () => {},
      () => settle(hub.overruns),
    ),
  );
  changeLinks(...Array.from({ length: 50 }, (_, number) => `link set busy0 mtu ${1000 + number}`));
  assert.equal(await overrun, 1);
  const heard = nextEvent(events, "a later announcement", ({ link }) => link.mtu === 1400);
  await links.set(index, { mtu: 1400 });
  await heard;
});

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
