import assert from "node:assert/strict";
import test from "node:test";
import { NamespaceIds, readNamespaceId } from "../../../../src/linux/route/namespace-ids.ts";
import { assertBytes, bytesOf } from "../tc/bytes.ts";
import { makeRecorder } from "./recorder.ts";

test("a namespace's id is read, and asked for where it has none", async () => {
  // RTM_NEWNSID with NETNSA_NSID -1: none is assigned.
  const { client, sent } = makeRecorder(
    bytesOf("1c000000 5800 0000 00000000 00000000 00000000 0800 0100 ffffffff"),
  );
  assert.equal(await new NamespaceIds(client).find(21), undefined);
  assertBytes(
    sent[0]?.request as Uint8Array,
    `
    1c000000 5a00 0100 00000000 00000000  # RTM_GETNSID
    00000000                              # struct rtgenmsg, padded
    0800 0300 15000000                    # NETNSA_FD 21`,
  );
  await assert.rejects(new NamespaceIds(client).ensure(21), { code: "internal" });
  assertBytes(
    sent[2]?.request as Uint8Array,
    `
    24000000 5800 0500 00000000 00000000  # RTM_NEWNSID with REQUEST and ACK
    00000000
    0800 0100 ffffffff                    # NETNSA_NSID -1: of the kernel's choice
    0800 0300 15000000`,
  );
  assert.equal(readNamespaceId(bytesOf("00000000 0800 0100 05000000")), 5);
  assert.equal(readNamespaceId(new Uint8Array(2)), undefined);
});

test("a namespace that has an id is given no other, and one that gets an id is told by it", async () => {
  // RTM_NEWNSID with the id 5, and with none until RTM_NEWNSID was asked for.
  const answer = (id: string) => bytesOf(`1c000000 5800 0000 00000000 00000000 00000000 0800 0100 ${id}`);
  const known = makeRecorder(answer("05000000"));
  assert.equal(await new NamespaceIds(known.client).ensure(21), 5);
  assert.equal(known.sent.length, 1);
  let isGiven = false;
  const { client } = makeRecorder((request) => {
    isGiven ||= request[4] === 0x58; // RTM_NEWNSID
    return answer(isGiven ? "05000000" : "ffffffff");
  });
  assert.equal(await new NamespaceIds(client).ensure(21), 5);
});
