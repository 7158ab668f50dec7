import assert from "node:assert/strict";
import test from "node:test";
import { ENETDOWN, ENXIO } from "../../../src/linux/errno.ts";
import { isErrno } from "../../../src/linux/netlink/error.ts";
import { decodeArp } from "../../../src/linux/packet/arp.ts";
import { decodeNeighbourAdvertisement } from "../../../src/linux/packet/neighbour-advertisement.ts";
import { PacketEar } from "../packet-ear.ts";
import { leaveSharedNamespace, PATIENCE, World } from "../world.ts";

leaveSharedNamespace();

const ETH_P_ARP = 0x0806;
const ETH_P_IPV6 = 0x86dd;
const NEW_MAC = "02:00:00:00:00:0a";

async function joinTwo(world: World) {
  const [here, there] = [await world.makeNamespace(), await world.makeNamespace()];
  const [link, other] = await world.joinByVeth([here, "net1"], [there, "net1"]);
  return { here, link, there, other };
}

test("what is announced is seen by the neighbour, as the kernel itself says it", PATIENCE, async () => {
  await using world = new World();
  const { here, link, there, other } = await joinTwo(world);
  using arps = new PacketEar(there, other.index, ETH_P_ARP);
  await here.packets.announce(link.index, ["10.1.2.3/24"], link.mac);
  const announced = arps.next(link.mac);
  assert.deepEqual(decodeArp(announced.payload), {
    operation: "request",
    senderMac: link.mac,
    senderAddress: "10.1.2.3",
    targetMac: "00:00:00:00:00:00",
    targetAddress: "10.1.2.3",
  });
  // The kernel's own announcement of an address that a link has when it comes up.
  await here.setSysctl("ipv4/conf/net1/arp_notify", "1");
  await here.setSysctl("ipv6/conf/net1/ndisc_notify", "1");
  await here.addresses.add(link.index, "10.1.2.3/24");
  await here.addresses.add(link.index, "fd01::3/64");
  await here.links.set(link.index, { isUp: false });
  await here.addresses.replace(link.index, "fd01::3/64");
  using advertisements = new PacketEar(there, other.index, ETH_P_IPV6);
  await here.links.set(link.index, { isUp: true });
  const kernels = arps.next(link.mac);
  const isWhole = (byte: number, at: number) => byte === kernels.payload[at];
  assert.ok(announced.payload.subarray(0, 28).every(isWhole));
  assert.equal(announced.destination, kernels.destination);

  const nextAdvertisement = (target: string) => {
    for (;;) {
      const frame = advertisements.next(link.mac);
      const found = decodeNeighbourAdvertisement(frame.payload);
      if (found?.target === target) return { frame, found };
    }
  };
  const own = nextAdvertisement("fd01::3");
  await here.packets.announce(link.index, ["fd01::3/64"], link.mac);
  const ours = nextAdvertisement("fd01::3");
  assert.deepEqual(ours.found, { ...own.found });
  assert.deepEqual(ours.frame.destination, own.frame.destination);
  assert.deepEqual(Buffer.from(ours.frame.payload), Buffer.from(own.frame.payload));
});

test("neighbours send to the new owner of an address once it is announced", PATIENCE, async () => {
  await using world = new World();
  const { here, link, there, other } = await joinTwo(world);
  await there.addresses.add(other.index, "10.1.2.4/24");
  await there.addresses.add(other.index, "fd01::4/64");
  const addresses = ["10.1.2.3", "fd01::3"];
  for (const address of addresses) {
    const known = { link: other.index, address, mac: "02:00:00:00:00:99", state: "reachable" } as const;
    await there.neighbours.add(known);
  }
  await here.packets.announce(link.index, addresses, NEW_MAC);
  for (const address of addresses) {
    const neighbour = await there.neighbours.find({ link: other.index, address });
    assert.deepEqual([address, neighbour?.mac, neighbour?.state], [address, NEW_MAC, "stale"]);
  }
});

test("a router that is announced stays one", PATIENCE, async () => {
  await using world = new World();
  const { here, link, there, other } = await joinTwo(world);
  const key = { link: other.index, address: "fd01::3" };
  await there.neighbours.add({ ...key, mac: NEW_MAC, state: "reachable", isRouter: true });
  await here.packets.announce(link.index, ["fd01::3"], NEW_MAC, { isRouter: true });
  assert.equal((await there.neighbours.find(key))?.isRouter, true);
  await here.packets.announce(link.index, ["fd01::3"], NEW_MAC);
  assert.equal((await there.neighbours.find(key))?.isRouter, false);
});

test("an announcement that cannot be made is refused with the reason", PATIENCE, async () => {
  await using world = new World();
  const { here, link } = await joinTwo(world);
  await here.links.set(link.index, { isUp: false });
  await assert.rejects(here.packets.announce(link.index, ["10.1.2.3"], link.mac), (error) => {
    assert.ok(isErrno(error, ENETDOWN));
    assert.match(error.message, /^announce 10\.1\.2\.3 on link \d+ in .*: the link is not up \(ENETDOWN\)$/);
    return true;
  });
  await assert.rejects(here.packets.announce(4711, ["10.1.2.3"], link.mac), (error) => isErrno(error, ENXIO));
  // IPv6 is off below an MTU of 1280 bytes, and its smallest packets do not fit at all into the least one.
  await here.links.set(link.index, { isUp: true, mtu: 68 });
  await here.packets.announce(link.index, ["10.1.2.3"], link.mac);
  await assert.rejects(here.packets.announce(link.index, ["fd01::3"], link.mac), {
    message: /: the packet is larger than the link's MTU, /,
  });
});

test(
  "an announcement goes in one trip with what it announces, and a refusal ends the sequence",
  PATIENCE,
  async () => {
    await using world = new World();
    const { here, link, there, other } = await joinTwo(world);
    using arps = new PacketEar(there, other.index, ETH_P_ARP);
    await world.kernel.perform([
      here.addresses.prepareAdd(link.index, "10.1.2.3/24"),
      here.packets.prepareAnnounce(link.index, ["10.1.2.3/24"], link.mac),
    ]);
    assert.equal(decodeArp(arps.next(link.mac).payload)?.senderAddress, "10.1.2.3");
    await assert.rejects(
      world.kernel.perform([
        here.packets.prepareAnnounce(4711, ["10.1.2.3/24"], link.mac),
        here.addresses.prepareAdd(link.index, "10.1.2.9/24"),
      ]),
      (error) => isErrno(error, ENXIO),
    );
    const { addresses } = await here.addresses.list({ link: link.index, family: "ipv4" });
    assert.deepEqual(
      addresses.map(({ address }) => address),
      ["10.1.2.3/24"],
    );
  },
);
