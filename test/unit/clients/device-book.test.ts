import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { pino } from "pino";
import { DeviceBook } from "../../../src/clients/device-book.ts";
import type { PodDevice } from "../../../src/clients/pod-resources.ts";
import { FakeClock } from "../standalone/kubelet/world.ts";

const resource = "intel.com/vfs";
let clock: FakeClock;
let told: readonly PodDevice[] | Error;
let asked: number;
let lines: string[];
let news: number;
let kubelet: string;

beforeEach(() => {
  clock = new FakeClock();
  told = [];
  asked = 0;
  lines = [];
  news = 0;
  kubelet = "first";
});

function makeBook(more: { list?: () => Promise<readonly PodDevice[]> } = {}): DeviceBook {
  const list = async () => {
    asked += 1;
    if (told instanceof Error) throw told;
    return told;
  };
  const log = pino({ level: "info" }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
  const book = new DeviceBook({ client: { list, findKubelet: async () => kubelet, ...more }, log, clock });
  book.onChange(() => {
    news += 1;
  });
  return book;
}

function given(id: string, pod: string): PodDevice {
  return { namespace: "default", pod, container: "main", resource, id };
}

function users(book: DeviceBook): Record<string, string> {
  return Object.fromEntries(book.uses().map(({ id, user }) => [id, user]));
}

describe("the book of devices", () => {
  it("asks at its start and every 10 s, and tells of changes alone", async () => {
    const book = makeBook();
    told = [given("a", "alpha")];
    book.start();
    await book.refresh();
    assert.equal(asked, 2);
    assert.deepEqual(users(book), { a: "pod default/alpha, container main" });
    assert.equal(news, 1);
    clock.advance(9_999);
    assert.equal(asked, 2);
    told = [given("b", "beta")];
    clock.advance(1);
    await book.refresh();
    assert.deepEqual(users(book), { b: "pod default/beta, container main" });
    assert.equal(news, 2);
    await book.stop();
    clock.advance(100_000);
    assert.equal(asked, 4);
  });

  it("knows at once what is given away, and who has it as soon as the kubelet tells", async () => {
    const book = makeBook();
    book.allocated(resource, "a");
    assert.deepEqual(users(book), { a: "a pod that is being started" });
    assert.equal(news, 1);
    told = [given("a", "alpha")];
    await book.refresh();
    assert.deepEqual(users(book), { a: "pod default/alpha, container main" });
  });

  it("is complete only when the kubelet has answered, and says so even when no pod has anything", async () => {
    const book = makeBook();
    told = new Error("not there");
    await book.refresh();
    book.allocated(resource, "a");
    assert.equal(book.isComplete, false);
    told = [];
    await book.refresh();
    assert.equal(book.isComplete, true);
    assert.equal(news, 2);
  });

  it("keeps for a minute what no pod is told to have, and forgets it then", async () => {
    const book = makeBook();
    book.allocated(resource, "a");
    clock.advance(59_999);
    await book.refresh();
    assert.deepEqual(Object.keys(users(book)), ["a"]);
    clock.advance(1);
    await book.refresh();
    assert.deepEqual(users(book), {});
  });

  it("forgets at once a device that only the kubelet told of", async () => {
    const book = makeBook();
    told = [given("a", "alpha")];
    await book.refresh();
    told = [];
    await book.refresh();
    assert.deepEqual(users(book), {});
  });

  it("forgets at once what was given away here when the kubelet has named its pod and names it no more", async () => {
    const book = makeBook();
    book.allocated(resource, "a");
    told = [given("a", "alpha")];
    await book.refresh();
    told = [];
    await book.refresh();
    assert.deepEqual(users(book), {});
  });

  it("forgets nothing while the kubelet does not answer, and says once that it does not", async () => {
    const book = makeBook();
    told = [given("a", "alpha")];
    await book.refresh();
    book.allocated(resource, "b");
    told = new Error("no such socket");
    for (let round = 0; round < 3; round += 1) {
      clock.advance(100_000);
      await book.refresh();
    }
    assert.deepEqual(Object.keys(users(book)), ["a", "b"]);
    assert.deepEqual(lines, ["which pods have which devices is not told: no such socket"]);
    told = [];
    await book.refresh();
    assert.deepEqual(users(book), {});
    assert.equal(lines.length, 2);
  });

  it("does not believe an answer that was asked for before a device was given to the next pod", async () => {
    const answer = Promise.withResolvers<readonly PodDevice[]>();
    const book = makeBook({ list: () => answer.promise });
    const reading = book.refresh();
    clock.advance(5);
    book.allocated(resource, "a");
    answer.resolve([given("a", "gone")]);
    await reading;
    assert.deepEqual(users(book), { a: "a pod that is being started" });
  });

  it("keeps for a minute what only an earlier kubelet told of: the next one answers before it knows its pods", async () => {
    const book = makeBook();
    told = [given("a", "alpha"), given("b", "beta")];
    await book.refresh();
    kubelet = "second";
    told = [];
    clock.advance(10_000);
    await book.refresh();
    assert.deepEqual(Object.keys(users(book)), ["a", "b"]);
    told = [given("b", "beta")];
    clock.advance(59_999);
    await book.refresh();
    assert.deepEqual(Object.keys(users(book)).sort(), ["a", "b"]);
    told = [];
    await book.refresh();
    assert.deepEqual(Object.keys(users(book)), ["a"], "what the second told of goes at its word");
    clock.advance(1);
    await book.refresh();
    assert.deepEqual(users(book), {});
  });

  it("takes no answer of which it is not known which kubelet gave it", async () => {
    const book = makeBook({
      list: async () => {
        kubelet = "second";
        return [];
      },
    });
    await book.refresh();
    assert.equal(book.isComplete, false);
    assert.deepEqual(lines, [
      "which pods have which devices is not told: the kubelet was started again while it was asked",
    ]);
    await book.refresh();
    assert.equal(book.isComplete, true);
  });
});
