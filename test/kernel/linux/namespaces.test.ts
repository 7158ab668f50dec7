import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import test from "node:test";
import { Kernel } from "../../../src/linux/kernel.ts";
import type { LinkEvent } from "../../../src/linux/link-events.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";
import { leaveSharedNamespace, nextEvent, openFiles, PATIENCE, World, within } from "../world.ts";

leaveSharedNamespace();

test("a sysctl is that of the namespace", PATIENCE, async () => {
  await using world = new World();
  const [one, other] = [await world.makeNamespace(), await world.makeNamespace()];
  const before = await world.kernel.host.sysctl("ipv4/ip_forward");
  await one.setSysctl("ipv4/ip_forward", "1");
  await other.setSysctl("ipv4/ip_forward", "0");
  assert.equal(await one.sysctl("ipv4/ip_forward"), "1");
  assert.equal(await other.sysctl("ipv4/ip_forward"), "0");
  assert.equal(await world.kernel.host.sysctl("ipv4/ip_forward"), before);
});

test("a sysctl of a link whose name holds a dot is found in both spellings", PATIENCE, async () => {
  await using world = new World();
  const pod = await world.makeNamespace();
  await pod.links.create({ name: "net1.100", of: { kind: "ifb" } });
  await pod.setSysctl("ipv4/conf/net1.100/arp_notify", "1");
  assert.equal(await pod.sysctl("ipv4.conf.net1/100.arp_notify"), "1");
  await pod.setSysctl("net.ipv4.conf.net1/100.arp_notify", "0");
  assert.equal(await pod.sysctl("net/ipv4/conf/net1.100/arp_notify"), "0");
});

test("a sysctl that is set to nothing is empty afterwards", PATIENCE, async () => {
  await using world = new World();
  const pod = await world.makeNamespace();
  await pod.setSysctl("ipv4/ip_local_reserved_ports", "8080-8090");
  assert.equal(await pod.sysctl("ipv4/ip_local_reserved_ports"), "8080-8090");
  await pod.setSysctl("ipv4/ip_local_reserved_ports", "");
  assert.equal(await pod.sysctl("ipv4/ip_local_reserved_ports"), "");
});

test("a sysctl that cannot be written or read is refused with the reason", PATIENCE, async () => {
  await using world = new World();
  const pod = await world.makeNamespace();
  const refuses = (doing: Promise<unknown>, message: RegExp) =>
    assert.rejects(doing, { code: "kernel", message });
  await refuses(
    pod.setSysctl("ipv4/conf/net9/arp_notify", "1"),
    /^write "1" to \/proc\/sys\/net\/ipv4\/conf\/net9\/arp_notify in a new .*: there is no such sysctl; .* \(ENOENT\)$/,
  );
  await refuses(pod.sysctl("no/such"), /^read \/proc\/sys\/net\/no\/such in .*: there is no such sysctl/);
  await refuses(pod.sysctl("ipv4/ip_forward/more"), /: there is no such sysctl; .* \(ENOTDIR\)$/);
  await refuses(
    pod.setSysctl("ipv4/conf/lo/arp_notify", "loud"),
    /: the kernel does not take this value \(EINVAL\)$/,
  );
  await refuses(
    pod.setSysctl("ipv4/tcp_available_congestion_control", "reno"),
    /: this sysctl can only be read/,
  );
  await refuses(pod.sysctl("ipv4/route/flush"), /: this sysctl can only be written \(EACCES\)$/);
  await refuses(pod.sysctl("ipv4/conf"), /: this is a folder of sysctls \(EISDIR\)$/);
  await assert.rejects(pod.sysctl("../kernel/hostname"), { code: "invalid" });
  // The first that fails ends a sequence, and is the one that is named.
  const sequence = [
    pod.prepareSetSysctl("ipv4/ip_forward", "1"),
    pod.prepareSetSysctl("ipv4/no_such", "1"),
  ] as const;
  await refuses(world.kernel.perform(sequence), /^write "1" to \/proc\/sys\/net\/ipv4\/no_such in /);
  assert.equal(await pod.sysctl("ipv4/ip_forward"), "1");
});

test("a namespace's cookie stays the same, and every namespace has another", PATIENCE, async () => {
  await using world = new World();
  const pod = await world.startPod();
  const other = await world.makeNamespace();
  const readOnce = async () => {
    await using opened = await world.kernel.namespace(pod.namespacePath);
    return opened.cookie();
  };
  const cookie = await readOnce();
  assert.ok(cookie > 0n);
  assert.equal(await readOnce(), cookie);
  const cookies = new Set([cookie, other.cookie(), world.kernel.host.cookie()]);
  assert.equal(cookies.size, 3);
});

test("a path without a namespace is named with what was expected", PATIENCE, async () => {
  await using world = new World();
  await assert.rejects(world.kernel.namespace("/run/netns/nowhere"), {
    code: "not-found",
    message: "no network namespace at /run/netns/nowhere (ENOENT); expected a path such as /run/netns/NAME",
  });
  // A file that is none is found out when it is entered.
  await using file = await world.kernel.namespace("/proc/self/status");
  await assert.rejects(file.links.list(), /list links in \/proc\/self\/status: this is no network namespace/);
});

test("a closed namespace stays open until the last request in flight has ended", PATIENCE, async () => {
  await using world = new World();
  const pod = await world.startPod();
  const namespace = await world.kernel.namespace(pod.namespacePath);
  const target = readlinkSync(`/proc/self/fd/${namespace.fd}`);
  const isOpen = () => openFiles().includes(target);
  const inFlight = [namespace.links.list(), namespace.addresses.list()];
  await namespace[Symbol.asyncDispose]();
  assert.equal(isOpen(), true);
  await Promise.all(inFlight);
  assert.equal(isOpen(), false);
  assert.throws(() => namespace.cookie(), { code: "internal", message: /used after it was closed/ });
  assert.throws(() => namespace.fd, /used after it was closed/);
  await namespace[Symbol.asyncDispose]();
});

test("what is in a namespace goes with its last process once the handle is closed", PATIENCE, async () => {
  await using world = new World();
  const { host, linkEvents } = world.kernel;
  const pod = await world.startPod();
  {
    await using opened = await world.kernel.namespace(pod.namespacePath);
    const [, inPod] = await world.joinByVeth([host, "pin0"], [opened, "net1"]);
    // Everything that opens a socket or a file in there.
    await opened.addresses.add(inPod.index, "10.1.2.3/24");
    await opened.links.list();
    opened.cookie();
    await opened.setSysctl("ipv4/ip_forward", "1");
    await opened.links.create({ name: "gone", of: { kind: "ifb" } });
    await opened.links.delete((await opened.links.get("gone")).index);
  }
  const gone = nextEvent(
    linkEvents,
    "the end of pin0",
    ({ change, link }) => change === "gone" && link.name === "pin0",
  );
  await pod.end();
  await gone;
});

test("a namespace made by a worker outlives it", PATIENCE, async () => {
  const first = new Kernel();
  await using made = await first.makeNamespace().finally(() => first.stop());
  const path = `/proc/self/fd/${made.fd}`;
  assert.match(readlinkSync(path), /^net:\[\d+\]$/);
  await using world = new World();
  await using reopened = await world.kernel.namespace(path);
  assert.deepEqual(
    (await reopened.links.list()).links.map(({ name }) => name),
    ["lo"],
  );
});

test("what happens in a namespace is heard under its id, and two are told apart", PATIENCE, async () => {
  await using world = new World();
  const { host, linkEvents } = world.kernel;
  const [red, blue, deaf] = [
    await world.makeNamespace(),
    await world.makeNamespace(),
    await world.makeNamespace(),
  ];
  const ids = [await host.namespaceIds.ensure(red.fd), await host.namespaceIds.ensure(blue.fd)];
  assert.equal(await host.namespaceIds.ensure(red.fd), ids[0]);
  assert.equal(await host.namespaceIds.find(blue.fd), ids[1]);
  assert.equal(await host.namespaceIds.find(deaf.fd), undefined);
  assert.notEqual(ids[0], ids[1]);

  const heard: LinkEvent[] = [];
  const stop = linkEvents.onChange(
    (event) => heard.push(event),
    () => {},
  );
  world.defer(() => stop());
  const last = nextEvent(linkEvents, "the link of the node", ({ link }) => link.name === "same");
  for (const namespace of [deaf, red, blue])
    await namespace.links.create({ name: "made", of: { kind: "ifb" } });
  await host.links.create({ name: "same", of: { kind: "ifb" } });
  world.defer(async () => host.links.delete((await host.links.get("same")).index));
  assert.equal((await last).namespaceId, undefined);
  const ofMade = heard.filter(({ link }) => link.name === "made").map(({ namespaceId }) => namespaceId);
  assert.deepEqual(new Set(ofMade), new Set(ids));

  const inRed = await red.links.get("made");
  const inBlue = await blue.links.get("made");
  const ends = [
    linkEvents.expectEnd(inRed.index, ids[0]),
    linkEvents.expectEnd(inRed.index, ids[1]),
    linkEvents.expectEnd(inBlue.index, ids[1]),
  ] as const;
  let isWrongOne = inRed.index !== inBlue.index;
  ends[1].announced.then(() => {
    isWrongOne = true;
  });
  ends[1].cancel();
  await red.links.delete(inRed.index);
  await ends[0].announced;
  await blue.links.delete(inBlue.index);
  await ends[2].announced;
  assert.equal(isWrongOne, inRed.index !== inBlue.index);
});

test("changes keep their order by whatever path a namespace is reached", PATIENCE, async () => {
  await using world = new World();
  const pod = await world.startPod();
  await using one = await world.kernel.namespace(pod.namespacePath);
  await using same = await world.kernel.namespace(`/proc/self/fd/${one.fd}`);
  const other = await world.makeNamespace();
  const keysOf = (namespace: Namespace) => [
    namespace.links.prepareSet(7, { mtu: 1400 }).key,
    namespace.prepareSetSysctl("ipv4/conf/net1/arp_notify", "1").key,
  ];
  assert.deepEqual(keysOf(one), keysOf(same));
  // None is missing, and none is shared with another namespace.
  assert.equal(new Set([undefined, ...keysOf(one), ...keysOf(other)]).size, 5);
});

test(
  "what was announced before an id was another namespace's is not taken for this one's",
  PATIENCE,
  async () => {
    await using world = new World();
    const { host, linkEvents } = world.kernel;
    const pod = await world.makeNamespace();
    const id = await host.namespaceIds.ensure(pod.fd);
    await pod.links.create({ name: "first", index: 777, of: { kind: "ifb" } });
    // This thread does nothing meanwhile, so that the end of the first is still untold when the second is waited for.
    execFileSync("nsenter", [`--net=/proc/${process.pid}/fd/${pod.fd}`, "ip", "link", "del", "first"]);
    const end = linkEvents.expectEnd(777, id);
    let isOver = false;
    end.announced.then(() => {
      isOver = true;
    });
    await pod.links.create({ name: "second", index: 777, of: { kind: "ifb" } });
    const fence = nextEvent(linkEvents, "a later change", ({ link, namespaceId }) => {
      return link.mtu === 1400 && namespaceId === id;
    });
    await pod.links.set(777, { mtu: 1400 });
    await fence;
    assert.equal(isOver, false);
    await pod.links.delete(777);
    await end.announced;
  },
);

test("with a namespace its links end, of which nothing more is heard", PATIENCE, async () => {
  await using world = new World();
  const { host, linkEvents } = world.kernel;
  const pod = await world.startPod();
  let id: number | undefined;
  {
    await using opened = await world.kernel.namespace(pod.namespacePath);
    id = await host.namespaceIds.ensure(opened.fd);
    await opened.links.create({ name: "net1", index: 778, of: { kind: "ifb" } });
  }
  const end = linkEvents.expectEnd(778, id);
  await pod.end();
  await within<void>("the end of net1", (settle) => {
    end.announced.then(settle);
    return end.cancel;
  });
});

test("a link that leaves for another namespace is gone here and present there", PATIENCE, async () => {
  await using world = new World();
  const { host, linkEvents } = world.kernel;
  const pod = await world.makeNamespace();
  const id = await host.namespaceIds.ensure(pod.fd);
  await host.links.create({ name: "mover", of: { kind: "veth", peer: { name: "stayer" } } });
  world.defer(async () => host.links.delete((await host.links.get("stayer")).index));
  const gone = nextEvent(linkEvents, "gone here", ({ change, link, namespaceId }) => {
    return change === "gone" && link.name === "mover" && namespaceId === undefined;
  });
  const present = nextEvent(linkEvents, "present there", ({ change, link, namespaceId }) => {
    return change === "present" && link.name === "net1" && namespaceId === id;
  });
  await host.links.set((await host.links.get("mover")).index, { namespaceFd: pod.fd, name: "net1" });
  await Promise.all([gone, present]);
});

test("a port that leaves its bridge is not announced as gone", PATIENCE, async () => {
  await using world = new World();
  const { host, linkEvents } = world.kernel;
  await host.links.create({ name: "bridge0", of: { kind: "bridge" } });
  await host.links.create({ name: "port0", of: { kind: "veth", peer: { name: "port1" } } });
  const [bridge, port] = [await host.links.get("bridge0"), await host.links.get("port0")];
  const heard: LinkEvent[] = [];
  const stop = linkEvents.onChange(
    (event) => heard.push(event),
    () => {},
  );
  world.defer(() => stop());
  const end = linkEvents.expectEnd(port.index, undefined);
  let isOver = false;
  end.announced.then(() => {
    isOver = true;
  });
  await host.links.set(port.index, { master: bridge.index });
  const fence = nextEvent(linkEvents, "port0 with another MTU", ({ link }) => {
    return link.name === "port0" && link.mtu === 1400;
  });
  await host.links.set(port.index, { master: 0 });
  await host.links.set(port.index, { mtu: 1400 });
  await fence;
  assert.deepEqual(new Set(heard.map(({ change }) => change)), new Set(["present"]));
  // A bridge describes its ports without their kind.
  assert.deepEqual(
    new Set(heard.filter(({ link }) => link.name === "port0").map(({ link }) => link.kind)),
    new Set(["veth"]),
  );
  assert.equal(isOver, false);
  await host.links.set(port.index, { master: bridge.index });
  await host.links.delete(port.index);
  await end.announced;
  await host.links.delete(bridge.index);
});
