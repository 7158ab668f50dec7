import assert from "node:assert/strict";
import test from "node:test";
import { EBUSY, ENOENT } from "../../../../src/linux/errno.ts";
import { GenericFamily, nestsOf, readGeneric } from "../../../../src/linux/generic/family.ts";
import { AttributeReader } from "../../../../src/linux/netlink/attribute.ts";
import { isErrno } from "../../../../src/linux/netlink/error.ts";
import { NotFoundError } from "../../../../src/model/errors.ts";
import { makeRecorder } from "../route/recorder.ts";
import { assertBytes, bytesOf } from "../tc/bytes.ts";
import { datagramOf, familyAnswer, familyOf, GENL_ID_CTRL } from "./family-recorder.ts";

const question = { operation: "ask", command: 7 };

/** A kernel that gives the family `ids` one after the other, each time it is asked for its number. */
function makeKernel(
  ids: readonly number[],
  answer = (_id: number) => datagramOf() as Uint8Array | { errno: number },
) {
  const left = [...ids];
  return makeRecorder((request) => {
    const id = new DataView(request.buffer, request.byteOffset).getUint16(4, true);
    if (id !== GENL_ID_CTRL) return answer(id);
    const next = left.shift();
    return next === undefined ? { errno: ENOENT } : familyAnswer(next);
  });
}

test("a family's number is asked for by name, once, and stands in its requests", async () => {
  const kernel = makeKernel([0x24]);
  const family = new GenericFamily(kernel.client, "devlink", 1);
  await family.request({ ...question, write: (attributes) => attributes.u8(5, 9) });
  await family.request(question);
  assert.equal(kernel.sent.length, 3);
  assertBytes(
    kernel.sent[0]?.request as Uint8Array,
    `20000000 1000 0100 00000000 00000000 # to the family 16, without NLM_F_ACK
    03 01 0000                            # CTRL_CMD_GETFAMILY
    0c00 0200 6465766c696e6b 00           # CTRL_ATTR_FAMILY_NAME "devlink"`,
  );
  assertBytes(
    kernel.sent[1]?.request as Uint8Array,
    `1c000000 2400 0500 00000000 00000000 # to the family 0x24, with NLM_F_ACK
    07 01 0000                            # command 7, version 1
    0500 0500 09 000000`,
  );
  assert.equal(kernel.sent[2] && familyOf(kernel.sent[2]), 0x24);
});

test("everything goes by the lane for what may take long, and a change in its order", async () => {
  const kernel = makeKernel([0x24]);
  const family = new GenericFamily(kernel.client, "devlink", 1);
  await family.request(question, { key: "device" });
  await family.dump(question);
  assert.deepEqual(
    kernel.sent.map(({ schedule }) => schedule),
    [
      { lane: "slow", key: undefined },
      { lane: "slow", key: "blue/device" },
      { lane: "slow", key: undefined },
    ],
  );
});

test("requests at the same time ask for the number once", async () => {
  const kernel = makeKernel([0x24]);
  const family = new GenericFamily(kernel.client, "devlink", 1);
  await Promise.all([family.request(question), family.request(question), family.dump(question)]);
  assert.deepEqual(kernel.sent.map(familyOf), [GENL_ID_CTRL, 0x24, 0x24, 0x24]);
});

test("a family of a module that was loaded anew is asked for again, and the request repeated", async () => {
  const kernel = makeKernel([0x24, 0x25], (id) => (id === 0x25 ? datagramOf() : { errno: ENOENT }));
  const family = new GenericFamily(kernel.client, "nl80211", 1);
  // The number is known from here on.
  await assert.rejects(family.request(question), /no such object/);
  await family.request(question);
  assert.deepEqual(kernel.sent.map(familyOf), [GENL_ID_CTRL, 0x24, 0x24, GENL_ID_CTRL, 0x25]);
});

test("a refusal stays one when the family's number is still the same", async () => {
  const kernel = makeKernel([0x24, 0x24], () => ({ errno: ENOENT }));
  const family = new GenericFamily(kernel.client, "devlink", 1);
  await assert.rejects(family.request(question), (error) => isErrno(error, ENOENT));
  await assert.rejects(family.request(question), (error) => isErrno(error, ENOENT));
  assert.deepEqual(kernel.sent.map(familyOf), [GENL_ID_CTRL, 0x24, 0x24, GENL_ID_CTRL]);
});

test("another refusal is told with what the request was, and asks for nothing again", async () => {
  const kernel = makeKernel([0x24], () => ({ errno: EBUSY }));
  const family = new GenericFamily(kernel.client, "devlink", 1);
  await family.request(question, { tolerates: [EBUSY] });
  await assert.rejects(family.request(question, { reasons: { [EBUSY]: "a node has children" } }), {
    message: "ask: a node has children (EBUSY)",
  });
  assert.equal(kernel.sent.length, 3);
});

test("a family this kernel does not have is not found, until it is there", async () => {
  const kernel = makeRecorder((request) => {
    const isFirst = kernel.sent.length === 1;
    const isLookup = new DataView(request.buffer, request.byteOffset).getUint16(4, true) === GENL_ID_CTRL;
    return isLookup && isFirst ? { errno: ENOENT } : familyAnswer(0x24);
  });
  const family = new GenericFamily(kernel.client, "ethtool", 1);
  await assert.rejects(family.request(question), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.equal(error.message, 'this kernel has no generic netlink family "ethtool"');
    return true;
  });
  await family.request(question);
  assert.deepEqual(kernel.sent.map(familyOf), [GENL_ID_CTRL, GENL_ID_CTRL, 0x24]);
});

test("what cannot be encoded is refused before anything is sent", async () => {
  const kernel = makeKernel([0x24]);
  const family = new GenericFamily(kernel.client, "devlink", 1);
  const write = () => {
    throw new RangeError("not this");
  };
  await assert.rejects(family.request({ ...question, write }), /not this/);
  await assert.rejects(family.dump({ ...question, write }), /not this/);
  assert.equal(kernel.sent.length, 0);
});

test("a table is given as the payloads of its entries", async () => {
  const entries = [bytesOf("07010000 0500 0100 2a 000000"), bytesOf("07010000 0500 0100 2b 000000")];
  const kernel = makeKernel([0x24], () => datagramOf(...entries));
  const family = new GenericFamily(kernel.client, "devlink", 1);
  const dump = await family.dump(question);
  assert.deepEqual(
    dump.entries.map((payload) => readGeneric(payload).u8(1)),
    [0x2a, 0x2b],
  );
  assert.equal(dump.isInconsistent, false);
});

test("a payload without a whole generic header has no attributes", () => {
  for (const bytes of ["", "07", "070100", "07010000", "07010000 0500"]) {
    assert.deepEqual(readGeneric(bytesOf(bytes)).entries(), [], bytes);
  }
});

test("nests of one type are given in their order, and none of nothing", () => {
  const attributes = new AttributeReader(
    bytesOf(`
      0c00 0280 0500 0100 01 000000
      0800 0300 00000000
      0c00 0280 0500 0100 02 000000`),
  );
  assert.deepEqual(
    nestsOf(attributes, 2).map((nest) => nest.u8(1)),
    [1, 2],
  );
  assert.deepEqual(nestsOf(attributes, 4), []);
  assert.deepEqual(nestsOf(undefined, 2), []);
});
