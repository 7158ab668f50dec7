import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import type { LinkEvent } from "../../../src/linux/link-events.ts";
import { awaitLinks } from "../../../src/provisioning/await-links.ts";

const PATIENCE = { timeout: 5_000 };

function fakeEvents() {
  const emitter = new EventEmitter();
  return {
    emitter,
    onChange(listener: (event: LinkEvent) => void, onOverrun: () => void) {
      const tell = () => listener({} as LinkEvent);
      emitter.on("link", tell).on("overrun", onOverrun);
      return () => emitter.off("link", tell).off("overrun", onOverrun);
    },
  };
}

const patiently = () => ({ patienceMs: 60_000, signal: new AbortController().signal });

for (const news of ["link", "overrun"]) {
  test(`what is waited for is looked for again at each announcement (${news})`, PATIENCE, async () => {
    const events = fakeEvents();
    let looks = 0;
    const found = awaitLinks(
      events,
      async () => {
        looks += 1;
        setImmediate(() => events.emitter.emit(news));
        return looks === 3 ? "there" : undefined;
      },
      "the link",
      patiently(),
    );
    assert.equal(await found, "there");
    assert.equal(events.emitter.listenerCount("link"), 0);
  });
}

test("an announcement during a look is not missed", PATIENCE, async () => {
  const events = fakeEvents();
  let isThere = false;
  const look = async () => {
    const seen = isThere;
    isThere = true;
    events.emitter.emit("link");
    return seen ? "there" : undefined;
  };
  assert.equal(await awaitLinks(events, look, "the link", patiently()), "there");
});

test(
  "what does not come is told after the patience, and at once when nobody waits any more",
  PATIENCE,
  async () => {
    const events = fakeEvents();
    const never = async () => undefined;
    const { signal } = new AbortController();
    await assert.rejects(awaitLinks(events, never, "the link of eth1", { patienceMs: 20, signal }), {
      code: "timeout",
      message: "the link of eth1 did not come within 0.02 s",
    });
    const stop = new AbortController();
    const waiting = awaitLinks(events, never, "the link of eth1", {
      patienceMs: 60_000,
      signal: stop.signal,
    });
    setImmediate(() => stop.abort());
    await assert.rejects(waiting, { code: "unavailable" });
  },
);
