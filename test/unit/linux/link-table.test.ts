import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { LinkTable } from "../../../src/linux/link-table.ts";
import type { Link } from "../../../src/linux/route/link.ts";
import { decodeLink } from "../../../src/linux/route/link-decoder.ts";

/** What a list of links gives: the links that were there, or an error. */
type Dump = { links: Link[]; isInconsistent: boolean } | Error;

/** A table whose dumps give these, one after the other; the last stays. Its timers are the test's. */
function makeTable(context: TestContext, ...dumps: readonly Dump[]) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let dumped = 0;
  let overrun = () => {};
  const told: string[] = [];
  const table = new LinkTable({
    links: {
      list: async () => {
        const dump = dumps[Math.min(dumped, dumps.length - 1)] as Dump;
        dumped += 1;
        if (dump instanceof Error) throw dump;
        return dump;
      },
    },
    events: {
      onChange: (_onEvent, onOverrun) => {
        overrun = onOverrun;
        return () => {};
      },
    },
    onChange: () => {},
    onResync: () => told.push("resync"),
    onError: (error) => told.push(String(error)),
  });
  return {
    table,
    told,
    dumped: () => dumped,
    names: () => [...table.links.values()].map(({ name }) => name),
    loseAnnouncements: () => overrun(),
    /** Lets a second pass. */
    waitASecond: async () => {
      context.mock.timers.tick(1000);
      await turn();
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const makeLink = (index: number, name: string): Link => ({
  ...(decodeLink(new Uint8Array(16)) as Link),
  index,
  name,
});
const [net1, net2] = [makeLink(2, "net1"), makeLink(3, "net2")] as const;
const whole = (...links: Link[]): Dump => ({ links, isInconsistent: false });
const torn = (...links: Link[]): Dump => ({ links, isInconsistent: true });

test("links that could not be read again are read until they are", async (context) => {
  const failure = new Error("no answer");
  const { table, told, names, ...fake } = makeTable(context, whole(net1), failure, failure, whole(net2));
  await table.start();
  fake.loseAnnouncements();
  await turn();
  assert.deepEqual([told, names()], [["Error: no answer"], ["net1"]]);
  await fake.waitASecond();
  await fake.waitASecond();
  assert.deepEqual([told.at(-1), names()], ["resync", ["net2"]]);
  // Announcements were lost once, however often it took.
  assert.equal(table.resyncs, 1);
  await fake.waitASecond();
  assert.equal(fake.dumped(), 4);
});

test("a link that an inconsistent dump lacks is found by the next", async (context) => {
  const { table, told, names, ...fake } = makeTable(context, torn(net1), torn(net1), whole(net1, net2));
  await table.start();
  assert.deepEqual(names(), ["net1"]);
  await fake.waitASecond();
  await fake.waitASecond();
  assert.deepEqual([names(), told, table.resyncs], [["net1", "net2"], ["resync", "resync"], 0]);
  await fake.waitASecond();
  assert.equal(fake.dumped(), 3);
});

test("a table that was stopped reads nothing more", async (context) => {
  const { table, told, ...fake } = makeTable(context, torn(net1));
  await table.start();
  table.stop();
  await fake.waitASecond();
  assert.deepEqual([fake.dumped(), told], [1, []]);
});
