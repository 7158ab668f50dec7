import assert from "node:assert/strict";
import test from "node:test";
import { EINVAL, ENODEV } from "../../../../src/linux/errno.ts";
import { NetlinkError } from "../../../../src/linux/netlink/error.ts";
import type { Answer } from "../../../../src/linux/netlink/exchange.ts";
import type { Message } from "../../../../src/linux/netlink/message.ts";
import type { JobPart, JobResult, Task } from "../../../../src/linux/worker/jobs.ts";
import { NetlinkClient, type NetlinkCounts } from "../../../../src/linux/worker/netlink-client.ts";
import { JobError, type JobRunner, type Schedule } from "../../../../src/linux/worker/pool.ts";
import { perform } from "../../../../src/linux/worker/prepared.ts";
import { layOut } from "../netlink/datagrams.ts";

const fine: Answer = { errno: 0, ack: {}, pieces: [], isInterrupted: false, attempt: 1 };
const message = { type: 16, flags: 0, sequence: 1, portId: 1, payload: Uint8Array.of(1) };
const pieceOf = (value: number) => new Uint8Array(layOut({ ...message, payload: Uint8Array.of(value) }));
const pieces = [pieceOf(1)];

/** A worker's part: a task with the schedule of the sequence it came in. */
interface Asked {
  readonly task: Task;
  readonly schedule: Schedule;
}

/** A client whose requests get these answers, one after the other. */
function makeClient(...answers: readonly (Answer | Error)[]) {
  const asked: Asked[] = [];
  const left = [...answers];
  let parts: readonly (JobPart["part"] | (() => void))[] = [];
  const runner: JobRunner = {
    run: async (tasks, schedule, onPart) => {
      for (const part of parts) {
        if (typeof part === "function") part();
        else onPart?.({ part, position: 0 });
      }
      const results: JobResult[] = [];
      for (const task of tasks) {
        asked.push({ task, schedule });
        const answer = left.shift() ?? fine;
        if (answer instanceof Error) throw answer;
        results.push({ did: "transact", answer });
        if (answer.errno !== 0 && task.tolerates?.includes(answer.errno) !== true) break;
      }
      return results;
    },
  };
  const counts: NetlinkCounts = { requests: 0, errors: 0, interruptedDumps: 0 };
  let inside = 0;
  const place = {
    keyPrefix: "/run/netns/blue",
    enter: () => {
      inside += 1;
      const leave = () => {
        inside -= 1;
      };
      return { fd: 12, leave };
    },
  };
  const client = new NetlinkClient(runner, 0, place, counts);
  /** What comes before each answer, and what is done in between. */
  const tell = (...told: typeof parts) => {
    parts = told;
  };
  return { client, runner, asked, counts, tell, isInside: () => inside > 0 };
}

const request = Uint8Array.of(1, 2, 3, 4);
const nothing = () => {};
const itself = (decoded: Message) => decoded;

test("a change goes to the lane of changes, under a key of its namespace, and is never repeated", async () => {
  const { client, asked } = makeClient();
  await client.request("set link 3", request, { key: "3" });
  assert.deepEqual(asked, [
    {
      task: { job: { do: "transact", protocol: 0, request, canRepeat: false }, namespaceFd: 12 },
      schedule: { lane: "change", key: "/run/netns/blue/3" },
    },
  ]);
});

test("a read may be repeated and waits for no key", async () => {
  const { client, asked } = makeClient({ ...fine, pieces });
  assert.deepEqual(await client.request("get link 3", request, { lane: "read" }), [message]);
  assert.deepEqual(asked, [
    {
      task: { job: { do: "transact", protocol: 0, request, canRepeat: true }, namespaceFd: 12 },
      schedule: { lane: "read", key: undefined },
    },
  ]);
});

test("a deletion goes to the lane of deletions and is never repeated", async () => {
  const { client, asked } = makeClient();
  await client.request("delete link 3", request, { lane: "delete", key: "3" });
  assert.deepEqual(asked[0]?.schedule, { lane: "delete", key: "/run/netns/blue/3" });
  assert.deepEqual(asked[0]?.task.job, { do: "transact", protocol: 0, request, canRepeat: false });
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
    { ...fine, pieces },
  );
  assert.deepEqual(await client.dump("list links", request, itself), {
    entries: [message],
    isInconsistent: false,
  });
  assert.deepEqual(counts, { requests: 3, errors: 0, interruptedDumps: 2 });
});

test("a dump that is interrupted five times is given as it is, and marked", async () => {
  const interrupted = { ...fine, pieces, isInterrupted: true };
  const { client, asked, counts } = makeClient(...Array<Answer>(9).fill(interrupted));
  assert.deepEqual(await client.dump("list links", request, itself), {
    entries: [message],
    isInconsistent: true,
  });
  assert.equal(asked.length, 5);
  assert.deepEqual(counts, { requests: 5, errors: 0, interruptedDumps: 5 });
});

test("a dump that fails while it is repeated fails", async () => {
  const { client, counts } = makeClient({ ...fine, isInterrupted: true }, { ...fine, errno: 105 });
  await assert.rejects(client.dump("list links", request, itself), /list links: .*receive buffer.*ENOBUFS/);
  assert.deepEqual(counts, { requests: 2, errors: 1, interruptedDumps: 1 });
});

test("parts of a dump are decoded as they come, and what is no entry is left out", async () => {
  const decoded: number[] = [];
  const decode = ({ payload }: Message) => {
    decoded.push(payload[0] as number);
    return payload[0] === 2 ? undefined : payload[0];
  };
  const { client, tell } = makeClient({ ...fine, pieces: [pieceOf(3)] });
  tell(
    () => assert.deepEqual(decoded, []),
    { pieces: [pieceOf(1), pieceOf(2)], attempt: 1 },
    () => assert.deepEqual(decoded, [1, 2]),
  );
  const { entries } = await client.dump("list links", request, decode);
  assert.deepEqual(entries, [1, 3]);
});

test("parts of an answer that comes from its beginning again count no more", async () => {
  const { client, tell } = makeClient({ ...fine, pieces: [pieceOf(3)], attempt: 3 });
  tell({ pieces: [pieceOf(1)], attempt: 1 }, { pieces: [pieceOf(2)], attempt: 3 });
  const { entries } = await client.dump("list links", request, ({ payload }) => payload[0]);
  assert.deepEqual(entries, [2, 3]);
});

test("what a decoder throws in a part is thrown to whoever asked, and the client goes on", async () => {
  const { client, tell } = makeClient({ ...fine, pieces: [pieceOf(2)] }, { ...fine, pieces: [pieceOf(3)] });
  tell({ pieces: [pieceOf(1)], attempt: 1 });
  const decode = ({ payload }: Message) => {
    if (payload[0] === 1) throw new Error("not to be decoded");
    return payload[0];
  };
  await assert.rejects(client.dump("list links", request, decode), /^Error: not to be decoded$/);
  tell();
  assert.deepEqual((await client.dump("list links", request, decode)).entries, [3]);
});

test("parts of a dump that is interrupted, or fails, are not in what is given", async () => {
  const { client, tell, counts } = makeClient(
    { ...fine, pieces: [pieceOf(2)], isInterrupted: true },
    { ...fine, pieces: [pieceOf(3)] },
    { ...fine, errno: 105 },
  );
  tell({ pieces: [pieceOf(1)], attempt: 1 });
  const { entries } = await client.dump("list links", request, ({ payload }) => payload[0]);
  assert.deepEqual(entries, [1, 3]);
  await assert.rejects(client.dump("list links", request, itself), /ENOBUFS/);
  assert.deepEqual(counts, { requests: 3, errors: 1, interruptedDumps: 1 });
});

test("the namespace is left after every request, also one that failed", async () => {
  const { client, isInside } = makeClient(fine, { ...fine, errno: 1 }, new Error("the worker died"));
  await client.request("one", request);
  await assert.rejects(client.request("two", request));
  await assert.rejects(client.request("three", request), /the worker died/);
  assert.equal(isInside(), false);
});

test("a sequence travels in one trip, in the lane of its first change and with the keys of all", async () => {
  const { client, runner, asked, isInside } = makeClient({ ...fine, pieces });
  const results = await perform(runner, [
    client.prepare("read", request, { lane: "read", key: "net0" }, (messages) => messages.length),
    client.prepare("change", request, { key: "net1" }, () => "changed"),
    client.prepare("change another", request, { key: "net2" }, nothing),
    client.prepare("change again", request, { key: "net1" }, nothing),
  ]);
  assert.deepEqual(results, [1, "changed", undefined, undefined]);
  const schedules = asked.map(({ schedule }) => schedule);
  const [key, other] = ["/run/netns/blue/net1", "/run/netns/blue/net2"];
  assert.deepEqual(schedules, Array(4).fill({ lane: "change", key, otherKeys: [other] }));
  assert.equal(isInside(), false);
});

test("a sequence ends at the first refusal, and its error is told", async () => {
  const { client, runner, asked, counts } = makeClient(fine, { ...fine, errno: EINVAL });
  const names = ["first", "second", "third"];
  const sequence = perform(
    runner,
    names.map((name) => client.prepare(name, request, {}, nothing)),
  );
  await assert.rejects(sequence, { operation: "second", errno: EINVAL });
  assert.equal(asked.length, 2);
  assert.deepEqual(counts, { requests: 2, errors: 1, interruptedDumps: 0 });
});

test("a refusal that is tolerated neither ends a sequence nor counts as an error", async () => {
  const { client, runner, counts } = makeClient({ ...fine, errno: ENODEV }, fine);
  const results = await perform(runner, [
    client.prepare("find", request, { lane: "read", tolerates: [ENODEV] }, ([first]) => first),
    client.prepare("change", request, {}, () => "changed"),
  ]);
  assert.deepEqual(results, [undefined, "changed"]);
  assert.deepEqual(counts, { requests: 2, errors: 0, interruptedDumps: 0 });
});

test("a part of a sequence that fails for another reason is named", async () => {
  const { client } = makeClient();
  const runner: JobRunner = {
    run: () =>
      Promise.reject(
        new JobError({ code: "kernel", message: "enter the network namespace: EBADF", errno: undefined }, 1),
      ),
  };
  const sequence = perform(runner, [
    client.prepare("first", request, {}, nothing),
    client.prepare("second", request, {}, nothing),
  ]);
  await assert.rejects(sequence, { code: "kernel", message: "second: enter the network namespace: EBADF" });
});

test("a sequence that names a closed namespace leaves those it has entered", async () => {
  const { client, runner, asked, isInside } = makeClient();
  const open = client.prepare("first", request, {}, nothing);
  const closed = {
    ...open,
    place: {
      keyPrefix: "gone",
      enter: () => {
        throw new Error("closed");
      },
    },
  };
  await assert.rejects(perform(runner, [open, closed]), /closed/);
  assert.deepEqual([asked.length, isInside()], [0, false]);
});

test("an empty sequence is done without a trip", async () => {
  const { runner, asked } = makeClient();
  assert.deepEqual(await perform(runner, []), []);
  assert.equal(asked.length, 0);
});
