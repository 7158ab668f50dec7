import assert from "node:assert/strict";
import test from "node:test";
import { compareRequests, findFaults } from "../../golden/compare.ts";
import { attribute, markedNest, message, nest } from "./bytes.ts";

const RTM_NEWLINK = 16;
const RTM_NEWQDISC = 36;
const NO_LINK = "00".repeat(16);
const NO_PLACE = "00".repeat(20);

const ofLink = (...attributes: Uint8Array[]) => message(RTM_NEWLINK, NO_LINK, attributes);
const ofQdisc = (...attributes: Uint8Array[]) => message(RTM_NEWQDISC, NO_PLACE, attributes);
const paths = (ours: Uint8Array, theirs: Uint8Array) => compareRequests(ours, theirs).map(({ path }) => path);

test("two requests that are the same have no differences, whatever their numbers", () => {
  const ours = message(RTM_NEWLINK, NO_LINK, [attribute(4, "78050000")], { sequence: 1 });
  const theirs = message(RTM_NEWLINK, NO_LINK, [attribute(4, "78050000")], { sequence: 2, portId: 3 });
  assert.deepEqual(compareRequests(ours, theirs), []);
});

test("message types are compared", () => {
  assert.deepEqual(compareRequests(ofLink(), ofQdisc()), [{ path: "type", ours: "16", theirs: "36" }]);
});

test("message flags are compared", () => {
  const theirs = message(RTM_NEWLINK, NO_LINK, [], { flags: 0x605 });
  assert.deepEqual(compareRequests(ofLink(), theirs), [{ path: "flags", ours: "0x5", theirs: "0x605" }]);
});

test("family headers are compared byte by byte", () => {
  const theirs = message(RTM_NEWLINK, `00000000 07000000 ${"00".repeat(8)}`, []);
  assert.deepEqual(compareRequests(ofLink(), theirs), [{ path: "header@4", ours: "00", theirs: "07" }]);
});

test("the order of attributes says nothing", () => {
  const [first, second] = [attribute(4, "78050000"), attribute(13, "e8030000")];
  assert.deepEqual(compareRequests(ofLink(first, second), ofLink(second, first)), []);
});

test("the order among attributes of one type does", () => {
  const [first, second] = [attribute(1, "01000000 07000000"), attribute(1, "02000000 07000000")];
  const ours = ofLink(nest(24, first, second));
  assert.deepEqual(paths(ours, ofLink(nest(24, second, first))), ["24.1[0]@0", "24.1[1]@0"]);
  assert.deepEqual(paths(ours, ofLink(nest(24, first))), ["24.1[1]"]);
});

test("an attribute that only one of the two has is a difference", () => {
  const mtu = attribute(4, "78050000");
  assert.deepEqual(compareRequests(ofLink(mtu), ofLink()), [
    { path: "4", ours: "78050000", theirs: "absent" },
  ]);
  assert.deepEqual(compareRequests(ofLink(), ofLink(mtu)), [
    { path: "4", ours: "absent", theirs: "78050000" },
  ]);
});

test("an attribute without payload is not one that is absent", () => {
  assert.deepEqual(compareRequests(ofLink(attribute(4, "")), ofLink()), [
    { path: "4", ours: "empty", theirs: "absent" },
  ]);
});

test("nests are compared attribute by attribute", () => {
  const ours = ofQdisc(nest(2, attribute(3, "01000000"), attribute(6, "05000000")));
  const theirs = ofQdisc(nest(2, attribute(6, "05000000"), attribute(3, "02000000")));
  assert.deepEqual(paths(ours, theirs), ["2.3"]);
});

test("a structure's differences are told by their offsets", () => {
  const ours = ofQdisc(nest(2, attribute(1, "00000001 00000002 00000003")));
  const theirs = ofQdisc(nest(2, attribute(1, "00000001 00000002 00000300")));
  assert.deepEqual(paths(ours, theirs), ["2.1@8"]);
});

test("a structure that differs nearly everywhere differs as a whole, also behind what is shown of it", () => {
  const zeros = new Uint8Array(256);
  const ours = ofQdisc(nest(2, attribute(1, zeros)));
  const theirs = ofQdisc(
    nest(
      2,
      attribute(
        1,
        zeros.map((_, at) => (at < 128 ? 0 : 1)),
      ),
    ),
  );
  assert.deepEqual(paths(ours, theirs), ["2.1"]);
});

test("payloads of other lengths differ as a whole, also where one begins as the other", () => {
  assert.deepEqual(paths(ofLink(attribute(4, "40")), ofLink(attribute(4, "4000"))), ["4"]);
  assert.deepEqual(paths(ofLink(attribute(4, "0000000000")), ofLink(attribute(4, "00000000"))), ["4"]);
});

test("four bytes are a value, also where they read as an attribute", () => {
  assert.deepEqual(paths(ofLink(attribute(4, "04000100")), ofLink(attribute(4, "04000180"))), ["4"]);
});

test("texts are shown as such", () => {
  const [difference] = compareRequests(ofLink(attribute(3, "763000")), ofLink(attribute(3, "763100")));
  assert.deepEqual(difference, { path: "3", ours: '763000 "v0\\0"', theirs: '763100 "v1\\0"' });
});

test("a nest may be marked as one in ours alone", () => {
  const content = attribute(3, "01000000");
  assert.deepEqual(compareRequests(ofLink(markedNest(18, content)), ofLink(nest(18, content))), []);
  assert.deepEqual(paths(ofLink(nest(18, content)), ofLink(markedNest(18, content))), ["18:nested"]);
});

test("an array that is counted from 0 is a nest where it is marked", () => {
  const content = attribute(0, "07000000");
  assert.deepEqual(compareRequests(ofLink(markedNest(18, content)), ofLink(nest(18, content))), []);
  const other = ofLink(nest(18, attribute(0, "08000000")));
  assert.deepEqual(paths(ofLink(markedNest(18, content)), other), ["18.0"]);
  assert.deepEqual(paths(ofLink(nest(18, content)), other), ["18@4"]);
});

test("what is no nest may not be marked as one", () => {
  assert.deepEqual(paths(ofLink(attribute(0x8004, "78050000")), ofLink(attribute(4, "78050000"))), [
    "4:nested",
  ]);
});

test("the mark of network byte order is compared", () => {
  const [marked, plain] = [attribute(0x4004, "78050000"), attribute(4, "78050000")];
  assert.deepEqual(paths(ofLink(marked), ofLink(plain)), ["4:byteorder"]);
  assert.deepEqual(paths(ofLink(plain), ofLink(marked)), ["4:byteorder"]);
});

test("a kind of link may be closed by a zero byte in ours alone", () => {
  const kind = (bytes: string) => ofLink(nest(18, attribute(1, bytes), attribute(5, "01000000")));
  assert.deepEqual(compareRequests(kind("69666200"), kind("696662")), []);
  assert.deepEqual(paths(kind("696662"), kind("69666200")), ["18.1"]);
  assert.deepEqual(paths(kind("69666201"), kind("696662")), ["18.1"]);
});

test("any other text that is closed differs from one that is not", () => {
  assert.deepEqual(paths(ofLink(attribute(3, "69666200")), ofLink(attribute(3, "696662"))), ["3"]);
});

test("a veth's peer is a struct ifinfomsg with attributes behind it", () => {
  const peer = (header: string, ...attributes: Uint8Array[]) =>
    ofLink(nest(18, nest(2, attribute(1, Buffer.concat([Buffer.from(header, "hex"), ...attributes])))));
  const [name, mtu] = [attribute(3, "763000"), attribute(4, "78050000")];
  const header = "00".repeat(16);
  assert.deepEqual(compareRequests(peer(header, name, mtu), peer(header, mtu, name)), []);
  assert.deepEqual(paths(peer(header, name, mtu), peer(`0000000007${"00".repeat(11)}`, name)), [
    "18.2.1@4",
    "18.2.1.4",
  ]);
});

test("padding that is not zero makes a nest a bare value", () => {
  const padded = attribute(3, "763000");
  const dirty = padded.slice();
  dirty[7] = 1;
  const mtu = attribute(4, "78050000");
  assert.deepEqual(paths(ofLink(nest(18, dirty, mtu)), ofLink(nest(18, padded, mtu))), ["18@4"]);
});

test("what is no list of attributes is said to be none", () => {
  const broken = message(RTM_NEWLINK, NO_LINK, [Uint8Array.of(200, 0, 4, 0)]);
  const [difference] = compareRequests(broken, ofLink(attribute(4, "78050000")));
  assert.match(difference?.ours ?? "", /^no list of attributes: c8000400/);
});

test("a difference that is listed covers what lies below it, and nothing beside", () => {
  const same = { ours: "01", theirs: "02" };
  const wanted = [{ path: "2.1", reason: "so" }];
  for (const path of ["2.1", "2.1.3", "2.1[0]", "2.1[0].4", "2.1@8", "2.1:nested"]) {
    assert.deepEqual(findFaults([{ path, ...same }], wanted), [], path);
  }
  for (const path of ["2.11", "2", "2.2", "12.1"]) {
    const faults = findFaults([{ path, ...same }], wanted);
    assert.match(faults[0] ?? "", new RegExp(`^${path.replace(".", "\\.")}: ours is 01, theirs is 02$`));
  }
});

test("a difference that is listed and is none is a fault", () => {
  assert.deepEqual(findFaults([], [{ path: "2.1", reason: "it was so once" }]), [
    "2.1: both are the same, but a difference is listed: it was so once",
  ]);
});
