import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkReference } from "../../../../src/model/attachment.ts";
import { parseNetworkConfiguration } from "../../../../src/model/cni/network-configuration.ts";
import {
  executionConfiguration,
  runtimeConfigurationOf,
  takenBy,
  withCniArgs,
} from "../../../../src/model/cni/runtime-configuration.ts";
import { mistakesOf } from "./refusals.ts";

const networkOf = (...plugins: object[]) =>
  parseNetworkConfiguration({ cniVersion: "1.0.0", name: "fast", plugins }, "conf");
const reference = (wishes: Partial<NetworkReference>): NetworkReference => ({
  target: { kind: "NetworkAttachmentDefinition", namespace: "a", name: "fast" },
  interfaceName: "net1",
  ips: [],
  isDefaultGateway: false,
  ...wishes,
});
const EVERYTHING = {
  ips: ["10.1.0.5"],
  mac: "02:00:00:00:00:01",
  bandwidth: { ingressRate: 1000, ingressBurst: 100 },
  portMappings: [{ hostPort: 8080, containerPort: 80 }],
  infinibandGuid: "c2:11:22:33:44:55:66:77",
};

test("every wish is told to the plugins that take it", () => {
  const network = networkOf(
    { type: "sriov", capabilities: { ips: true, mac: true, deviceID: true, infinibandGUID: true } },
    { type: "portmap", capabilities: { portMappings: true, bandwidth: true, mac: false } },
  );
  const runtime = runtimeConfigurationOf(
    reference({ ...EVERYTHING, deviceId: "0000:86:00.1" }),
    network,
    "p",
  );
  const { infinibandGuid, ...same } = EVERYTHING;
  assert.deepEqual(runtime, { ...same, infinibandGUID: infinibandGuid, deviceID: "0000:86:00.1" });
  const [sriov, portmap] = network.plugins;
  assert.ok(sriov !== undefined && portmap !== undefined);
  assert.deepEqual(takenBy(sriov, runtime), {
    ips: same.ips,
    mac: same.mac,
    infinibandGUID: infinibandGuid,
    deviceID: "0000:86:00.1",
  });
  assert.deepEqual(takenBy(portmap, runtime), { bandwidth: same.bandwidth, portMappings: same.portMappings });
});

test("a wish that no plugin takes fails the attachment, but for the device", () => {
  const network = networkOf({ type: "macvlan", capabilities: { mac: false } }, { type: "tuning" });
  const expected = (value: string, capability: string) =>
    `pod default/alpha net1 ${capability}: ${value} is not usable; expected a network with a plugin that declares {"capabilities": {"${capability}": true}}, as none of network fast does (macvlan, tuning)`;
  assert.deepEqual(
    mistakesOf(() => runtimeConfigurationOf(reference(EVERYTHING), network, "pod default/alpha net1")),
    [
      expected('["10.1.0.5"]', "ips"),
      expected('"02:00:00:00:00:01"', "mac"),
      expected('{"ingressRate":1000,"ingressBurst":100}', "bandwidth"),
      expected('"c2:11:22:33:44:55:66:77"', "infinibandGUID"),
      expected('[{"hostPort":8080,"containerPort":80}]', "portMappings"),
    ],
  );
  assert.deepEqual(runtimeConfigurationOf(reference({ deviceId: "x" }), network, "p"), { deviceID: "x" });
});

test("wishes for nothing are none", () => {
  const nothing = reference({ portMappings: [], bandwidth: { ingressRate: 0 } });
  assert.deepEqual(runtimeConfigurationOf(nothing, networkOf({ type: "macvlan" }), "p"), {});
});

test("a reference's arguments come to those of the configuration, and count before them", () => {
  const [plugin] = networkOf({ type: "x", args: { other: 1, cni: { a: 1, b: 1 } } }).plugins;
  assert.ok(plugin !== undefined);
  assert.deepEqual(withCniArgs(plugin, { b: 2, c: 3 }).written, {
    type: "x",
    args: { other: 1, cni: { a: 1, b: 2, c: 3 } },
  });
  assert.equal(withCniArgs(plugin, {}), plugin);
  assert.equal(withCniArgs(plugin, undefined), plugin);
});

test("a program gets its configuration with the network's name and version, and without capabilities", () => {
  const network = networkOf(
    { type: "ptp", ipam: { type: "dhcp" }, capabilities: { ips: true } },
    { type: "x" },
  );
  const [ptp, other] = network.plugins;
  assert.ok(ptp !== undefined && other !== undefined);
  const runtime = { ips: ["10.1.0.5/24"], mac: "02:00:00:00:00:01" };
  assert.deepEqual(executionConfiguration(network, ptp, runtime), {
    cniVersion: "1.0.0",
    name: "fast",
    type: "ptp",
    ipam: { type: "dhcp" },
    runtimeConfig: { ips: ["10.1.0.5/24"] },
  });
  assert.deepEqual(executionConfiguration(network, other, runtime), {
    cniVersion: "1.0.0",
    name: "fast",
    type: "x",
  });
});
