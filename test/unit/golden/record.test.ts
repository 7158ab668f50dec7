import assert from "node:assert/strict";
import test from "node:test";
import type { GoldenCase } from "../../golden/golden.ts";
import { takeApart } from "../../golden/message.ts";
import { recordRequest } from "../../golden/record.ts";

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;

const golden = (message: number, request: GoldenCase["request"]): GoldenCase => ({
  name: "a case",
  command: "ip link",
  message,
  request,
});

test("a request of the layer is recorded with its flags and header", async () => {
  const request = await recordRequest(golden(RTM_NEWLINK, ({ links }) => links.set(7, { mtu: 1400 })));
  const { type, flags, familyHeader } = takeApart(request);
  assert.deepEqual([type, flags, familyHeader[4]], [RTM_NEWLINK, 5, 7]);
});

test("a read whose answer is empty is recorded all the same", async () => {
  const request = await recordRequest(golden(RTM_GETLINK, ({ links }) => links.get(7)));
  assert.equal(takeApart(request).type, RTM_GETLINK);
});

test("a case that the layer refuses says why", async () => {
  const refused = golden(RTM_NEWLINK, ({ links }) => links.set(7, { mac: "no address" }));
  await assert.rejects(recordRequest(refused), /did not send the request: InvalidValueError: .*"no address"/);
});

test("a case that asks for something else says what was sent", async () => {
  const other = golden(RTM_NEWLINK, ({ links }) => links.delete(7));
  await assert.rejects(recordRequest(other), /sent no message of type 16; .*: 0\/17/);
});
