import assert from "node:assert/strict";
import test from "node:test";
import type { Namespace } from "../../../src/linux/namespace.ts";
import { PATIENCE, World } from "../world.ts";

const TOGETHER = 40;
const ONE_BY_ONE = 5;

test("forty macvlans are gone together in the time that a few take one by one", PATIENCE, async (context) => {
  await using world = new World();
  const namespace = await world.makeNamespace();
  const { host, linkEvents } = world.kernel;
  const id = await host.namespaceIds.ensure(namespace.fd);
  await namespace.links.create({ name: "up", of: { kind: "veth", peer: { name: "far" } }, isUp: true });
  // The first round starts the threads.
  await deleteTogether(namespace, await makeMacvlans(namespace, TOGETHER));

  const alone = await makeMacvlans(namespace, ONE_BY_ONE);
  const oneByOne = await time(async () => {
    for (const index of alone) await namespace.links.delete(index);
  });
  const all = await makeMacvlans(namespace, TOGETHER);
  // A link is gone when the kernel announces that; the acknowledgement comes after the grace period.
  let gone = 0;
  let goneAtFirstAnswer = 0;
  let announced = 0;
  const together = await time(async () => {
    const ends = all.map(async (index) => {
      await linkEvents.expectEnd(index, id).announced;
      gone += 1;
    });
    const deletions = all.map((index) => namespace.links.delete(index));
    const first = Promise.race(deletions).then(() => {
      goneAtFirstAnswer = gone;
    });
    announced = await time(() => Promise.all(ends));
    await Promise.all([first, ...deletions]);
  });
  const left = (await namespace.links.list()).links.filter(({ kind }) => kind === "macvlan");
  assert.deepEqual(left, []);

  const each = oneByOne / ONE_BY_ONE;
  context.diagnostic(
    `one by one ${each.toFixed(1)} ms each; ${TOGETHER} together gone in ${announced.toFixed(1)} ms (wanted: under 100), ` +
      `acknowledged in ${together.toFixed(1)} ms`,
  );
  // Were they to wait for each other, one would be gone, and the next not be asked for yet.
  assert.ok(goneAtFirstAnswer > 1, `${goneAtFirstAnswer} were gone when the first was acknowledged`);
});

test("while a deletion waits for its grace period, links are read, made and changed", PATIENCE, async () => {
  await using world = new World();
  const namespace = await world.makeNamespace();
  const { links } = namespace;
  await links.create({ name: "up", of: { kind: "veth", peer: { name: "far" } }, isUp: true });
  const { index } = await links.get("up");
  const doomed = await makeMacvlans(namespace, TOGETHER);
  let deleted = 0;
  const ends = doomed.map((each) =>
    links.delete(each).then(() => {
      deleted += 1;
    }),
  );
  const whenDone = async (work: Promise<unknown>) => {
    await work;
    return deleted;
  };
  const [read, changed] = await Promise.all([
    whenDone(links.list()),
    whenDone(links.set(index, { mtu: 1400 })),
  ]);
  await Promise.all(ends);
  assert.ok(read < TOGETHER, "the list came after all deletions");
  assert.ok(changed < TOGETHER, "the change came after all deletions");
});

async function makeMacvlans({ links }: Namespace, count: number): Promise<number[]> {
  const { index: parent } = await links.get("up");
  const names = Array.from({ length: count }, (_, number) => `mv${number}`);
  for (const name of names) await links.create({ name, parent, of: { kind: "macvlan", mode: "bridge" } });
  return await Promise.all(names.map(async (name) => (await links.get(name)).index));
}

function deleteTogether({ links }: Namespace, indexes: readonly number[]): Promise<unknown> {
  return Promise.all(indexes.map((index) => links.delete(index)));
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
