import assert from "node:assert/strict";
import test from "node:test";
import { EINVAL } from "../../../../src/linux/errno.ts";
import { NetlinkClient, type NetlinkCounts } from "../../../../src/linux/netlink/client.ts";
import { NetlinkError } from "../../../../src/linux/netlink/error.ts";
import type { Answer } from "../../../../src/linux/netlink/exchange.ts";
import type { Job, JobResult } from "../../../../src/linux/netlink/jobs.ts";
import type { JobPlace, JobRunner } from "../../../../src/linux/netlink/pool.ts";

const fine: Answer = { errno: 0, ack: {}, messages: [], isInterrupted: false };
const message = { type: 16, flags: 0, sequence: 1, portId: 1, payload: Uint8Array.of(1) };

/** A client whose requests get these answers, one after the other. */
function makeClient(...answers: readonly (Answer | Error)[]) {
  const asked: { job: Job; place: JobPlace }[] = [];
  const left = [...answers];
  const runner: JobRunner = {
    run: async (job, place): Promise<JobResult> => {
      asked.push({ job, place });
      const answer = left.shift() ?? fine;
      if (answer instanceof Error) throw answer;
      return { did: "transact", answer };
    },
  };
  const counts: NetlinkCounts = { requests: 0, errors: 0, interruptedDumps: 0 };
  let inside = 0;
  const place = {
    keyPrefix: "/run/netns/blue",
    enter: () => {
      inside += 1;
      return { fd: 12, leave: () => void (inside -= 1) };
    },
  };
  const client = new NetlinkClient(runner, 0, place, counts);
  return { client, asked, counts, isInside: () => inside > 0 };
}

const request = Uint8Array.of(1, 2, 3, 4);

test("a change goes to the lane of changes, under a key of its namespace, and is never repeated", async () => {
  const { client, asked } = makeClient();
  await client.request("set link 3", request, { key: "3" });
  assert.deepEqual(asked, [
    {
      job: { do: "transact", protocol: 0, request, canRepeat: false },
      place: { lane: "change", namespaceFd: 12, key: "/run/netns/blue/3" },
    },
  ]);
});

test("a read may be repeated and waits for no key", async () => {
  const { client, asked } = makeClient({ ...fine, messages: [message] });
  assert.deepEqual(await client.request("get link 3", request, { lane: "read" }), [message]);
  assert.deepEqual(asked[0]?.place, { lane: "read", namespaceFd: 12, key: undefined });
  assert.equal(asked[0]?.job.do === "transact" && asked[0].job.canRepeat, true);
});

test("a deletion goes to the lane of deletions and is never repeated", async () => {
  const { client, asked } = makeClient();
  await client.request("delete link 3", request, { lane: "delete", key: "3" });
  assert.equal(asked[0]?.place.lane, "delete");
  assert.equal(asked[0]?.job.do === "transact" && asked[0].job.canRepeat, false);
});

test("a refusal carries the operation, the error number, the kernel's words and the place", async () => {
  const { client, counts } = makeClient({
    ...fine,
    errno: EINVAL,
    ack: { message: "mtu less than device minimum", offset: 32 },
  });
  await assert.rejects(client.request("change link 3 in /run/netns/blue", request), (error) => {
    assert.ok(error instanceof NetlinkError);
    assert.deepEqual(
      [error.operation, error.errno, error.kernelMessage, error.offset],
      ["change link 3 in /run/netns/blue", EINVAL, "mtu less than device minimum", 32],
    );
    return true;
  });
  assert.deepEqual(counts, { requests: 1, errors: 1, interruptedDumps: 0 });
});

test("a dump that was interrupted is read again", async () => {
  const { client, counts } = makeClient(
    { ...fine, isInterrupted: true },
    { ...fine, isInterrupted: true },
    { ...fine, messages: [message] },
  );
  assert.deepEqual(await client.dump("list links", request), { messages: [message], isInconsistent: false });
  assert.deepEqual(counts, { requests: 3, errors: 0, interruptedDumps: 2 });
});

test("a dump that is interrupted five times is given as it is, and marked", async () => {
  const interrupted = { ...fine, messages: [message], isInterrupted: true };
  const { client, asked, counts } = makeClient(...Array<Answer>(9).fill(interrupted));
  assert.deepEqual(await client.dump("list links", request), { messages: [message], isInconsistent: true });
  assert.equal(asked.length, 5);
  assert.deepEqual(counts, { requests: 5, errors: 0, interruptedDumps: 5 });
});

test("a dump that fails while it is repeated fails", async () => {
  const { client, counts } = makeClient({ ...fine, isInterrupted: true }, { ...fine, errno: 105 });
  await assert.rejects(client.dump("list links", request), /list links: .*receive buffer.*ENOBUFS/);
  assert.deepEqual(counts, { requests: 2, errors: 1, interruptedDumps: 1 });
});

test("the namespace is left after every request, also one that failed", async () => {
  const { client, isInside } = makeClient(fine, { ...fine, errno: 1 }, new Error("the worker died"));
  await client.request("one", request);
  await assert.rejects(client.request("two", request));
  await assert.rejects(client.request("three", request), /the worker died/);
  assert.equal(isInside(), false);
});
