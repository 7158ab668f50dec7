import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pino } from "pino";
import { GarbageCollector } from "../../../../src/attachment/garbage/collector.ts";
import { judge, type Surveyed, type Witnesses } from "../../../../src/attachment/garbage/garbage.ts";
import { LanyardError } from "../../../../src/model/errors.ts";

const stands: Surveyed = {
  id: 1,
  pod: { namespace: "default", name: "alpha", uid: "a" },
  interfaceName: "net1",
  owner: { sandbox: "box-a", interfaceName: "eth0", network: "cluster" },
  state: "attached",
  hasNamespace: true,
};
const { owner: _, ...ownerless } = stands;
const missed: Witnesses = { sandboxes: new Set(["box-b"]), pods: new Set(["default/beta"]) };

describe("the judgement on an attachment", () => {
  const cases: [string, Surveyed, Witnesses, boolean, "keeps" | "suspects" | RegExp][] = [
    ["whose sandbox the runtime has", stands, { ...missed, sandboxes: new Set(["box-a"]) }, true, "keeps"],
    ["whose pod the kubelet has", stands, { ...missed, pods: new Set(["default/alpha"]) }, true, "keeps"],
    ["when the runtime does not answer", stands, { ...missed, sandboxes: undefined }, true, "keeps"],
    ["when the kubelet does not answer", stands, { ...missed, pods: undefined }, true, "keeps"],
    ["that both miss for the first time", stands, missed, false, "suspects"],
    [
      "that both miss again",
      stands,
      missed,
      true,
      /the runtime and the kubelet have forgotten sandbox box-a/,
    ],
    [
      "that the runtime misses again, where there is no kubelet",
      stands,
      { ...missed, pods: "nobody" },
      true,
      /the runtime has/,
    ],
    ["that no runtime asked for", ownerless, missed, true, "keeps"],
    [
      "whose namespace is gone, whoever answers",
      { ...stands, hasNamespace: false },
      { sandboxes: undefined, pods: undefined },
      false,
      /namespace is gone/,
    ],
    [
      "that no runtime asked for, and whose namespace is gone",
      { ...ownerless, hasNamespace: false },
      missed,
      false,
      /namespace is gone/,
    ],
    [
      "whose namespace is gone though the runtime has its sandbox",
      { ...stands, hasNamespace: false },
      { ...missed, sandboxes: new Set(["box-a"]) },
      false,
      /namespace is gone/,
    ],
    [
      "that could not be taken back before",
      { ...stands, state: "detaching" },
      { sandboxes: undefined, pods: undefined },
      false,
      /could not be taken back/,
    ],
    [
      "that is being made, in a namespace that is gone",
      { ...stands, state: "attaching", hasNamespace: false },
      missed,
      true,
      "keeps",
    ],
    [
      "that was changed when its namespace went",
      { ...stands, state: "changing", hasNamespace: false },
      missed,
      false,
      /namespace is gone/,
    ],
    [
      "that is being changed, and whose sandbox the runtime has",
      { ...stands, state: "changing" },
      { ...missed, sandboxes: new Set(["box-a"]) },
      true,
      "keeps",
    ],
  ];
  for (const [what, attachment, witnesses, wasSuspect, expected] of cases) {
    test(`${expected instanceof RegExp ? "releases" : expected} one ${what}`, () => {
      const verdict = judge(attachment, witnesses, wasSuspect);
      if (expected instanceof RegExp) assert.match(verdict.isReleased ? verdict.why : "", expected);
      else assert.deepEqual(verdict, { isReleased: false, isSuspect: expected === "suspects" });
    });
  }
});

describe("the garbage collector", () => {
  const log = pino({ level: "silent" });

  /** An engine in words only: it holds these and notes what is retired. */
  function holding(...held: Surveyed[]) {
    const retired: number[] = [];
    return {
      retired,
      survey: async () => held.filter(({ id }) => !retired.includes(id)),
      retire: async (id: number) => {
        retired.push(id);
      },
    };
  }

  test("releases what was missed in two rounds in a row, and says why", async () => {
    const attachments = holding(stands);
    let sandboxes = new Set<string>();
    const collector = new GarbageCollector({
      attachments,
      sandboxes: { sandboxes: async () => sandboxes },
      intervalMs: 1000,
      log,
    });
    assert.deepEqual(await collector.collect(), []);
    sandboxes = new Set(["box-a"]);
    assert.deepEqual(await collector.collect(), [], "it was seen again");
    sandboxes = new Set();
    assert.deepEqual(await collector.collect(), [], "missed once again");
    assert.deepEqual(await collector.collect(), [
      "interface net1 of pod default/alpha was released: the runtime has forgotten sandbox box-a",
    ]);
    assert.deepEqual(attachments.retired, [1]);
    assert.deepEqual(await collector.collect(), []);
  });

  test("counts no round in which the runtime did not answer", async () => {
    const attachments = holding(stands);
    const answers = [true, false, true];
    const collector = new GarbageCollector({
      attachments,
      sandboxes: {
        async sandboxes() {
          if (answers.shift() === true) return new Set<string>();
          throw new LanyardError("unavailable", "nobody listens at containerd.sock");
        },
      },
      intervalMs: 1000,
      log,
    });
    for (let round = 0; round < 3; round++) assert.deepEqual(await collector.collect(), []);
    assert.deepEqual(attachments.retired, []);
  });

  test("goes on with the others when one cannot be released, and tries it again", async () => {
    let isStuck = true;
    const attachments = holding(
      { ...stands, hasNamespace: false },
      { ...stands, id: 2, hasNamespace: false },
    );
    const collector = new GarbageCollector({
      attachments: {
        ...attachments,
        async retire(id) {
          if (id === 1 && isStuck) throw new LanyardError("unavailable", "has not come home yet");
          await attachments.retire(id);
        },
      },
      intervalMs: 1000,
      log,
    });
    assert.equal((await collector.collect()).length, 1);
    isStuck = false;
    assert.equal((await collector.collect()).length, 1);
    assert.deepEqual(attachments.retired, [2, 1]);
  });

  test("does a round at its start and at every interval, until it is stopped", async () => {
    let round = Promise.withResolvers<void>();
    const waiting: { milliseconds: number; call: () => void }[] = [];
    const collector = new GarbageCollector({
      attachments: { ...holding(), survey: async () => [] },
      intervalMs: 60_000,
      log,
      clock: {
        now: () => 0,
        after(milliseconds, call) {
          waiting.push({ milliseconds, call });
          round.resolve();
          return () => waiting.splice(0);
        },
      },
    });
    collector.start();
    await round.promise;
    assert.equal(waiting[0]?.milliseconds, 60_000);
    round = Promise.withResolvers();
    waiting.shift()?.call();
    await round.promise;
    await collector.stop();
    assert.deepEqual(waiting, []);
  });
});
