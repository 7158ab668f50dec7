import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { UsedDevice } from "../../../../src/attachment/request.ts";
import {
  type Choice,
  chooseDevices,
  type DeviceWant,
} from "../../../../src/attachment/resolve/devices-of-pod.ts";
import { LanyardError } from "../../../../src/model/errors.ts";
import { compareDeviceIds } from "../../../../src/model/pci.ts";
import type { AssignedDevice } from "../../../../src/model/pod.ts";

const pod = { namespace: "shop", name: "web", uid: "1" };
const VFS = "lanyard.dev/vfs";

function device(id: string, container = "main", resource = VFS): UsedDevice {
  return { resource, id, container };
}

function want(interfaceName: string, more: Partial<DeviceWant> = {}): DeviceWant {
  return { interfaceName, resource: VFS, ...more };
}

async function choose(wants: readonly DeviceWant[], assigned: readonly AssignedDevice[]) {
  const choices = await chooseDevices(pod, wants, async () => assigned);
  return Object.fromEntries([...choices].map(([name, choice]) => [name, wordOf(choice)]));
}

/** The device's id, or what is wrong. */
function wordOf(choice: Choice): string | undefined {
  return choice instanceof LanyardError ? choice.message : choice?.id;
}

describe("which device goes to which network", () => {
  test("is the order of PCI addresses as numbers, and of other ids as text behind them", async () => {
    const ids = [
      "nic10",
      "10000:86:01.0",
      "ffff:86:01.0",
      "0000:86:0a.1",
      "nic2",
      "0000:86:02.7",
      "0000:9:00.0",
      "0000:86:02.0",
    ];
    const wants = ids.map((_, index) => want(`net${index}`));
    const chosen = await choose(
      wants,
      ids.map((id) => device(id)),
    );
    assert.deepEqual(Object.values(chosen), [
      "0000:86:02.0",
      "0000:86:02.7",
      "0000:86:0a.1",
      "ffff:86:01.0",
      "10000:86:01.0",
      "0000:9:00.0",
      "nic10",
      "nic2",
    ]);
  });

  test("is the order of the containers first, as the kubelet tells them", async () => {
    const assigned = [device("0000:86:01.9"), device("0000:86:01.3", "side"), device("0000:86:01.1", "side")];
    assert.deepEqual(await choose([want("a"), want("b"), want("c")], assigned), {
      a: "0000:86:01.9",
      b: "0000:86:01.1",
      c: "0000:86:01.3",
    });
  });

  test("is what a reference names, before all others choose, wherever it stands", async () => {
    const assigned = [device("0000:86:01.0"), device("0000:86:01.1"), device("0000:86:01.2", "side")];
    const wants = [want("a"), want("b", { containerName: "main" }), want("c", { deviceId: "0000:86:01.0" })];
    assert.deepEqual(await choose(wants, assigned), {
      c: "0000:86:01.0",
      b: "0000:86:01.1",
      a: "0000:86:01.2",
    });
  });

  test("is what the interface has already, also where that is told by nobody", async () => {
    const held = device("0000:86:01.5");
    assert.deepEqual(await choose([want("a"), want("b", { held })], [held, device("0000:86:01.6")]), {
      b: "0000:86:01.5",
      a: "0000:86:01.6",
    });
    const silent = async () => assert.fail("nobody need be asked");
    const kept = await chooseDevices(pod, [want("b", { held })], silent);
    assert.deepEqual(kept.get("b"), held);
  });

  test("is another one where what the interface has is not what is wanted now", async () => {
    const held = device("0000:86:01.5");
    const other = device("0000:86:01.6", "side");
    for (const change of [
      { deviceId: other.id },
      { containerName: "side" },
      { resource: "a.b/c", held: device("x", "main", "a.b/d") },
    ]) {
      const chosen = await choose(
        [want("b", { held, ...change })],
        [held, other, device("y", "main", "a.b/c")],
      );
      assert.equal(chosen.b, change.resource === undefined ? other.id : "y");
    }
  });

  test("is none where that is fine, and nothing of the resource was given", async () => {
    const isOptional = true;
    assert.deepEqual(await choose([want("a", { isOptional })], []), { a: undefined });
    const chosen = await choose([want("a", { isOptional }), want("b", { isOptional })], [device("x")]);
    assert.match(chosen.b ?? "", /no lanyard\.dev\/vfs is left/);
  });

  const mistakes: [string, readonly DeviceWant[], readonly AssignedDevice[], string][] = [
    [
      "more networks than devices",
      [want("a"), want("net2")],
      [device("x")],
      "no lanyard.dev/vfs is left: the pod was given 1, and 2 networks want one. Request one for each in " +
        "spec.containers[].resources.limits",
    ],
    [
      "a container without one",
      [want("net2", { containerName: "side" })],
      [device("x")],
      "no lanyard.dev/vfs is left: the pod was given 0 for container side, and one network wants one. Request one for " +
        "each in spec.containers[].resources.limits",
    ],
    [
      "a device that the pod was not given",
      [want("net2", { deviceId: "y" })],
      [device("x"), device("z", "main", "a.b/c")],
      'device "y" was not given to the pod; it was given x (lanyard.dev/vfs)',
    ],
    [
      "a device of nothing at all",
      [{ interfaceName: "net2", deviceId: "y" }],
      [],
      'device "y" was not given to the pod; it was given none',
    ],
    [
      "a device that another interface has",
      [want("a", { held: device("x") }), want("net2", { deviceId: "x" })],
      [device("x")],
      'device "x" is used by its interface a',
    ],
  ];
  for (const [what, wants, assigned, expected] of mistakes) {
    test(`is told with ${what}`, async () => {
      const chosen = await choose(wants, assigned);
      assert.equal(chosen.net2, `pod shop/web, interface net2: ${expected}`);
    });
  }

  test("is for all the same failure where nobody tells, and a fault of ours is none of theirs", async () => {
    const silent = new LanyardError("unavailable", "the kubelet does not tell");
    const choices = await chooseDevices(pod, [want("a"), want("b")], () => Promise.reject(silent));
    assert.deepEqual([...choices.values()], [silent, silent]);
    await assert.rejects(
      chooseDevices(pod, [want("a")], () => Promise.reject(new TypeError("ours"))),
      TypeError,
    );
  });
});

const resources = fc.constantFrom("a.b/x", "a.b/y");
const containers = fc.constantFrom("one", "two", "three");
const assignments = fc.uniqueArray(
  fc.record({
    resource: resources,
    id: fc.oneof(
      fc
        .tuple(fc.nat(31), fc.nat(7))
        .map(([slot, fn]) => `0000:86:${slot.toString(16).padStart(2, "0")}.${fn}`),
      fc.constantFrom("nic0", "nic1", "nic10"),
    ),
    container: containers,
  }),
  { selector: ({ resource, id }) => `${resource} ${id}`, maxLength: 12 },
);
const wishes = fc.array(
  fc.record(
    {
      resource: resources,
      containerName: containers,
      isOptional: fc.boolean(),
      pick: fc.nat(),
      keep: fc.nat(),
    },
    { requiredKeys: ["resource"] },
  ),
  { maxLength: 8 },
);

/** Wants some of which name or have a device that the pod was given. */
function wantsOf(
  list: typeof wishes extends fc.Arbitrary<infer T> ? T : never,
  assigned: readonly UsedDevice[],
) {
  const held = new Set<UsedDevice>();
  return list.map(({ pick, keep, ...rest }, index): DeviceWant => {
    const named = pick === undefined ? undefined : assigned[pick % (assigned.length + 1)];
    const kept = keep === undefined ? undefined : assigned[keep % (assigned.length + 1)];
    const isFree = kept !== undefined && !held.has(kept);
    if (isFree) held.add(kept);
    return {
      interfaceName: `net${index}`,
      ...rest,
      ...(named !== undefined && { deviceId: named.id }),
      ...(isFree && { held: kept }),
    };
  });
}

test("no device is given twice, each is what was wanted, and a network is refused only where none is left", async () => {
  await fc.assert(
    fc.asyncProperty(assignments, wishes, async (assigned, list) => {
      const wants = wantsOf(list, assigned);
      const choices = await chooseDevices(pod, wants, async () => assigned);
      assert.equal(choices.size, wants.length);
      const used = [...choices.values()].filter(
        (choice): choice is UsedDevice => choice !== undefined && !(choice instanceof LanyardError),
      );
      assert.equal(new Set(used.map(({ resource, id }) => `${resource} ${id}`)).size, used.length);
      for (const { interfaceName, resource, deviceId, containerName, isOptional } of wants) {
        const choice = choices.get(interfaceName);
        const fits = (each: UsedDevice) =>
          each.resource === resource &&
          (deviceId === undefined || each.id === deviceId) &&
          (containerName === undefined || each.container === containerName);
        if (choice === undefined) {
          assert.ok(isOptional && assigned.every((each) => each.resource !== resource));
        } else if (choice instanceof LanyardError) {
          const left = assigned.filter(
            (each) => fits(each) && !used.some((one) => one.id === each.id && one.resource === each.resource),
          );
          assert.deepEqual(left, []);
        } else assert.ok(fits(choice));
      }
    }),
  );
});

test("the choice is the same in whatever order the kubelet tells a container's devices", async () => {
  await fc.assert(
    fc.asyncProperty(assignments, wishes, fc.infiniteStream(fc.nat()), async (assigned, list, numbers) => {
      const wants = wantsOf(list, assigned);
      const order = [...new Set(assigned.map(({ container }) => container))];
      const keys = new Map(assigned.map((each) => [each, numbers.next().value as number]));
      const shuffled = [...assigned].sort(
        (one, other) =>
          order.indexOf(one.container) - order.indexOf(other.container) ||
          (keys.get(one) ?? 0) - (keys.get(other) ?? 0),
      );
      const choose = async (told: readonly AssignedDevice[]) =>
        [...(await chooseDevices(pod, wants, async () => told))].map(([name, choice]) => [
          name,
          choice instanceof LanyardError ? "refused" : choice,
        ]);
      assert.deepEqual(await choose(shuffled), await choose(assigned));
    }),
  );
});

test("those who choose again with what they have keep it, whatever else is wanted besides", async () => {
  await fc.assert(
    fc.asyncProperty(assignments, wishes, wishes, async (assigned, list, more) => {
      const wants = wantsOf(list, assigned);
      const choices = await chooseDevices(pod, wants, async () => assigned);
      const having = wants.flatMap((each) => {
        const choice = choices.get(each.interfaceName);
        return choice === undefined || choice instanceof LanyardError ? [] : [{ ...each, held: choice }];
      });
      const others = more.map(({ resource }, index) => want(`more${index}`, { resource }));
      const again = await chooseDevices(pod, [...others, ...having], async () => assigned);
      for (const { interfaceName, held } of having) assert.deepEqual(again.get(interfaceName), held);
    }),
  );
});

test("the order of ids is one: of any three, none comes before itself by way of the others", () => {
  const ids = fc.oneof(
    fc
      .tuple(fc.nat(0xfffff), fc.nat(0xff), fc.nat(0x1f), fc.nat(7))
      .map(
        ([domain, bus, slot, fn]) =>
          `${domain.toString(16).padStart(4, "0")}:${bus.toString(16).padStart(2, "0")}:` +
          `${slot.toString(16).padStart(2, "0")}.${fn}`,
      ),
    fc.string(),
  );
  fc.assert(
    fc.property(ids, ids, ids, (one, other, third) => {
      assert.equal(Math.sign(compareDeviceIds(one, other)), -Math.sign(compareDeviceIds(other, one)) || 0);
      if (compareDeviceIds(one, other) <= 0 && compareDeviceIds(other, third) <= 0) {
        assert.ok(compareDeviceIds(one, third) <= 0);
      }
    }),
  );
});
