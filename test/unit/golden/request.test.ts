import assert from "node:assert/strict";
import test from "node:test";
import { splitDatagram } from "../../golden/message.ts";
import { pickRequest } from "../../golden/request.ts";
import { attribute, markedNest, message, nest } from "./bytes.ts";

const ROUTE = 0;
const GENERIC = 16;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWTFILTER = 44;
const NO_LINK = "00".repeat(16);
const NO_FAMILIES = new Map<number, string>();

const link = (...attributes: Uint8Array[]) => message(RTM_NEWLINK, NO_LINK, attributes);
const mtu = attribute(4, "78050000");
const route = (bytes: Uint8Array) => ({ protocol: ROUTE, bytes });

test("the request of the type that is meant is found among others", () => {
  const sent = [route(message(RTM_GETLINK, NO_LINK, [])), route(link(mtu))];
  assert.deepEqual(pickRequest(sent, NO_FAMILIES, RTM_NEWLINK), link(mtu));
});

test("what the kernel sends is no request", () => {
  const answer = message(RTM_NEWLINK, NO_LINK, [], { flags: 0 });
  const pick = () => pickRequest([route(answer)], NO_FAMILIES, RTM_NEWLINK);
  assert.throws(pick, /sent no message of type 16/);
});

test("sequence number and port id are taken out", () => {
  const sent = message(RTM_NEWLINK, NO_LINK, [mtu], { sequence: 77, portId: 78 });
  assert.deepEqual(pickRequest([route(sent)], NO_FAMILIES, RTM_NEWLINK), link(mtu));
});

test("the empty request by which `ip link` tries the kernel is not meant", () => {
  assert.deepEqual(pickRequest([route(link()), route(link(mtu))], NO_FAMILIES, RTM_NEWLINK), link(mtu));
});

test("a request that is sent twice is one, two that differ are none", () => {
  const pick = (...all: Uint8Array[]) => pickRequest(all.map(route), NO_FAMILIES, RTM_NEWLINK);
  assert.deepEqual(pick(link(mtu), link(mtu)), link(mtu));
  assert.throws(() => pick(link(mtu), link(attribute(4, "dc050000"))), /was sent 2 times, and not the same/);
});

test("of requests that differ, the first or the last is meant where the case says so", () => {
  const other = link(attribute(4, "dc050000"));
  const sent = [route(link(mtu)), route(other)];
  assert.deepEqual(pickRequest(sent, NO_FAMILIES, RTM_NEWLINK, "first"), link(mtu));
  assert.deepEqual(pickRequest(sent, NO_FAMILIES, RTM_NEWLINK, "last"), other);
});

test("a generic request is found by its family's name and its command, and loses the family's number", () => {
  const families = new Map([[0x21, "devlink"]]);
  const sent = [0x20, 0x21].map((type) => ({ protocol: GENERIC, bytes: message(type, "07010000", [mtu]) }));
  const found = pickRequest(sent, families, { family: "devlink", command: 7 });
  assert.deepEqual(found, message(0, "07010000", [mtu]));
  assert.throws(() => pickRequest(sent, families, { family: "devlink", command: 8 }), /sent no/);
});

test("what stands in padding is taken out, and only that", () => {
  const dirty = (text: string, padding: number) => {
    const bytes = attribute(3, text);
    bytes[7] = padding;
    return bytes;
  };
  const sent = link(
    dirty("763000", 5),
    markedNest(18, dirty("763100", 6), mtu),
    nest(19, dirty("763200", 7), mtu),
  );
  const expected = link(
    dirty("763000", 0),
    markedNest(18, dirty("763100", 0), mtu),
    nest(19, dirty("763200", 7), mtu),
  );
  assert.deepEqual(pickRequest([route(sent)], NO_FAMILIES, RTM_NEWLINK), expected);
});

test("a message of another protocol is not meant, though its type is the same", () => {
  const sent = [{ protocol: GENERIC, bytes: link(mtu) }];
  assert.throws(() => pickRequest(sent, NO_FAMILIES, RTM_NEWLINK), /sent no/);
});

test("descriptors are taken out, and only they", () => {
  const peer = (fd: string) => nest(18, nest(2, nest(1, new Uint8Array(16), attribute(28, fd), mtu)));
  const sent = link(attribute(28, "05000000"), peer("06000000"), attribute(29, "07000000"));
  const expected = link(attribute(28, "00000000"), peer("00000000"), attribute(29, "07000000"));
  assert.deepEqual(pickRequest([route(sent)], NO_FAMILIES, RTM_NEWLINK), expected);
});

test("the descriptor of a program is one only where the filter is of the kind bpf", () => {
  const filter = (kind: string, value: string) =>
    message(RTM_NEWTFILTER, "00".repeat(20), [attribute(1, kind), nest(2, attribute(6, value), mtu)]);
  const [bpf, basic] = ["62706600", "626173696300"];
  const pick = (bytes: Uint8Array) => pickRequest([route(bytes)], NO_FAMILIES, RTM_NEWTFILTER);
  assert.deepEqual(pick(filter(bpf, "05000000")), filter(bpf, "00000000"));
  assert.deepEqual(pick(filter(basic, "05000000")), filter(basic, "05000000"));
});

test("a datagram's messages are told apart, and what stands behind the last is none", () => {
  const [first, second] = [link(mtu), message(RTM_GETLINK, NO_LINK, [])];
  const datagram = Buffer.concat([first, second, new Uint8Array(20)]);
  assert.deepEqual(
    splitDatagram(datagram).map((bytes) => Uint8Array.from(bytes)),
    [first, second],
  );
  assert.deepEqual(splitDatagram(first.subarray(0, -4)), []);
});
