import assert from "node:assert/strict";
import { test } from "node:test";
import type { PfState, PfStatus } from "../../../src/provisioning/status.ts";
import { untilSteady } from "../../../src/provisioning/steady.ts";

const PF = "0000:01:00.0";
const OTHER = "0000:02:00.0";

/** What a provisioner says, as a test sets it. */
class Says {
  readonly #listeners = new Set<() => void>();
  #pfs: readonly PfStatus[] = [];

  set(...states: [address: string, state: PfState][]): void {
    this.#pfs = states.map(([pciAddress, state]) => ({
      name: "eth0",
      pciAddress,
      policy: "p",
      overruled: [],
      state,
      message: "makes 4 VFs",
      vfs: [],
    }));
    for (const listener of this.#listeners) listener();
  }

  status(): PfStatus[] {
    return [...this.#pfs];
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

test("a PF that nobody changes is steady at once, whatever becomes of others", async () => {
  const says = new Says();
  says.set([PF, "waiting"], [OTHER, "applying"]);
  await untilSteady(says, new Set([PF]));
  assert.equal(says.listeners, 0);
});

test("a PF that is being changed is waited for until that is done", async () => {
  const says = new Says();
  says.set([PF, "applying"]);
  let isSteady = false;
  const waiting = untilSteady(says, new Set([PF])).then(() => {
    isSteady = true;
  });
  says.set([PF, "applying"], [OTHER, "inSync"]);
  await Promise.resolve();
  assert.equal(isSteady, false);
  says.set([PF, "inSync"]);
  await waiting;
  assert.equal(says.listeners, 0);
});

test("a PF that does not become steady is told with what is done to it", async () => {
  const says = new Says();
  says.set([PF, "applying"]);
  await assert.rejects(untilSteady(says, new Set([PF]), 10), {
    code: "unavailable",
    message: "eth0 (makes 4 VFs) is still being changed after 0.01 s",
  });
  assert.equal(says.listeners, 0);
});
