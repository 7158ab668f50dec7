import assert from "node:assert/strict";
import test from "node:test";
import type { AddressEvent } from "../../../src/linux/address-events.ts";
import type { Kernel } from "../../../src/linux/kernel.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";
import type { AddressFlag, LinkAddress } from "../../../src/linux/route/address.ts";
import { waitUntilUsable } from "../../../src/linux/usable-addresses.ts";

const ADDRESS = "fd01::3/64";

/** Longer than a test takes, and not so long that a test that fails holds the others up. */
const LONG_MS = 20_000;

/** Less than an address is waited for here, so that only what is told can end it. */
const PATIENCE = { timeout: 10_000 };

/** A kernel whose looks at the address give one answer after the other; the last stays. */
function makeKernel(looks: readonly (readonly AddressFlag[] | "gone")[], namespaceId: number | undefined) {
  const listeners = new Set<{ onEvent: (event: AddressEvent) => void; onOverrun: () => void }>();
  let looked = 0;
  const namespace = {
    name: "blue",
    fd: 21,
    addresses: { prepareFind: (link: number, address: string) => ({ link, address }) },
  };
  const kernel = {
    host: { namespaceIds: { find: async () => namespaceId } },
    addressEvents: {
      onChange: (onEvent: (event: AddressEvent) => void, onOverrun: () => void) => {
        const listener = { onEvent, onOverrun };
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    perform: async (finds: readonly unknown[]) => {
      const flags = looks[Math.min(looked, looks.length - 1)];
      looked += 1;
      return finds.map(() => (flags === "gone" ? undefined : { address: ADDRESS, flags }));
    },
  };
  return {
    kernel: kernel as unknown as Kernel,
    namespace: namespace as unknown as Namespace,
    listeners,
    looked: () => looked,
    tell: (event: Pick<AddressEvent, "namespaceId"> & { link: number }) => {
      const address = { link: event.link, address: ADDRESS } as LinkAddress;
      for (const { onEvent } of listeners) {
        onEvent({ change: "present", address, namespaceId: event.namespaceId });
      }
    },
  };
}

/** Lets everything happen that waits for nothing but its turn. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("an address is looked at again when something is announced of its link, and not before", async () => {
  const fake = makeKernel([["tentative"], ["tentative"], ["permanent"]], 5);
  const wait = waitUntilUsable(fake.kernel, {
    namespace: fake.namespace,
    link: 7,
    addresses: [ADDRESS],
    timeoutMs: LONG_MS,
  });
  await turn();
  fake.tell({ link: 8, namespaceId: 5 });
  fake.tell({ link: 7, namespaceId: 6 });
  fake.tell({ link: 7, namespaceId: undefined });
  await turn();
  assert.equal(fake.looked(), 1);
  fake.tell({ link: 7, namespaceId: 5 });
  await turn();
  assert.equal(fake.looked(), 2);
  fake.tell({ link: 7, namespaceId: 5 });
  await wait;
  assert.deepEqual([fake.looked(), fake.listeners.size], [3, 0]);
});

test("lost announcements make it look again", PATIENCE, async () => {
  const fake = makeKernel([["tentative"], ["permanent"]], 5);
  const wait = waitUntilUsable(fake.kernel, {
    namespace: fake.namespace,
    link: 7,
    addresses: [ADDRESS],
    timeoutMs: LONG_MS,
  });
  await turn();
  for (const { onOverrun } of fake.listeners) onOverrun();
  await wait;
  assert.equal(fake.looked(), 2);
});

test("what is announced while it looks is not missed", PATIENCE, async () => {
  const fake = makeKernel([["tentative"], ["permanent"]], 5);
  const look = fake.kernel.perform.bind(fake.kernel);
  Object.assign(fake.kernel, {
    perform: async (finds: Parameters<typeof look>[0]) => {
      const found = await look(finds);
      fake.tell({ link: 7, namespaceId: 5 });
      return found;
    },
  });
  await waitUntilUsable(fake.kernel, {
    namespace: fake.namespace,
    link: 7,
    addresses: [ADDRESS],
    timeoutMs: LONG_MS,
  });
  assert.equal(fake.looked(), 2);
});

test("a failure ends the listening as well", async () => {
  for (const [looks, code] of [
    [[["tentative"], ["tentative", "dadfailed"]], "conflict"],
    [[["tentative"], "gone"], "conflict"],
    [["gone"], "not-found"],
  ] as const) {
    const fake = makeKernel(looks, undefined);
    const wait = { namespace: fake.namespace, link: 7, addresses: [ADDRESS], timeoutMs: LONG_MS };
    await assert.rejects(waitUntilUsable(fake.kernel, wait), { code });
    assert.equal(fake.listeners.size, 0);
  }
});

test("IPv4 knows no duplicates, and is not looked at", async () => {
  const fake = makeKernel(["gone"], 5);
  await waitUntilUsable(fake.kernel, { namespace: fake.namespace, link: 7, addresses: ["10.1.2.3/24"] });
  assert.equal(fake.looked(), 0);
});
