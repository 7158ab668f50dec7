import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DevicePolicy, NicSelector } from "../../../src/model/device-policy.ts";
import { choosePolicy, type SelectablePf } from "../../../src/model/device-policy-choice.ts";

const pf: SelectablePf = {
  address: "0000:86:00.0",
  vendor: "8086",
  device: "158b",
  names: ["ens1f0", "enp134s0f0"],
  linkType: "ether",
};

function policy(name: string, priority: number, nicSelector: NicSelector, nodeSelector = {}): DevicePolicy {
  return {
    kind: "DevicePolicy",
    name,
    nodeSelector,
    nicSelector,
    externallyManaged: false,
    priority,
    vfGroups: [],
  };
}

const range = (pf: string) => ({ pf, numbers: undefined });

describe("a PF is selected by", () => {
  const table: readonly (readonly [string, NicSelector, boolean])[] = [
    ["its vendor and device", { vendors: ["15b3", "8086"], devices: ["158b"] }, true],
    ["its vendor, but not with another device", { vendors: ["8086"], devices: ["1572"] }, false],
    ["the name of its link in any case", { pfNames: [range("ENS1F0")] }, true],
    ["a further name of its link", { pfNames: [range("enp134s0f0")] }, true],
    ["its address among names", { pfNames: [range("0000:86:00.0")] }, true],
    ["its address", { rootDevices: [range("0000:86:00.0")] }, true],
    ["not the address of another", { rootDevices: [range("0000:86:00.1")] }, false],
    ["not a part of its name", { pfNames: [range("ens1f")] }, false],
    ["the type of its link", { linkTypes: ["ether"] }, true],
    ["not another type of link", { linkTypes: ["infiniband"] }, false],
  ];
  for (const [name, selector, isSelected] of table) {
    test(name, () => {
      const { policy: chosen } = choosePolicy([policy("one", 1, selector)], pf, {});
      assert.equal(chosen?.name, isSelected ? "one" : undefined);
    });
  }
});

test("the lowest priority number wins, then the first name, and the others are told", () => {
  const any = { vendors: ["8086"] };
  const policies = [policy("c", 10, any), policy("b", 5, any), policy("a", 10, any), policy("d", 5, any)];
  const { policy: chosen, overruled } = choosePolicy(policies, pf, {});
  assert.equal(chosen?.name, "b");
  assert.deepEqual(
    overruled.map(({ name }) => name),
    ["d", "a", "c"],
  );
});

test("a policy counts only on nodes with all labels it asks for", () => {
  const sriov = policy("sriov", 1, { vendors: ["8086"] }, { sriov: "true", zone: "a" });
  assert.equal(choosePolicy([sriov], pf, { sriov: "true" }).policy, undefined);
  assert.equal(choosePolicy([sriov], pf, { sriov: "true", zone: "a", more: "" }).policy, sriov);
});
