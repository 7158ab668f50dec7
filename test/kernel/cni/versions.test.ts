import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import {
  type CniVersion,
  formatResult,
  parseResult,
  SUPPORTED_VERSIONS,
} from "../../../src/model/cni/versions.ts";
import { leaveSharedNamespace, PATIENCE, World } from "../world.ts";

const FOLDER = "/usr/lib/cni";
const needed = ["macvlan", "static"].find((name) => !existsSync(`${FOLDER}/${name}`));
const options =
  needed === undefined
    ? PATIENCE
    : { ...PATIENCE, skip: `${FOLDER}/${needed} is missing: apt-get install -y containernetworking-plugins` };

leaveSharedNamespace();

/** What a reference plugin prints. */
async function run(
  type: string,
  command: string,
  netns: string,
  configuration: object,
): Promise<Record<string, unknown> | undefined> {
  const child = spawn(`${FOLDER}/${type}`, {
    stdio: ["pipe", "pipe", "inherit"],
    env: {
      CNI_COMMAND: command,
      CNI_CONTAINERID: "versions",
      CNI_NETNS: netns,
      CNI_IFNAME: "net1",
      CNI_PATH: FOLDER,
    },
  });
  // VERSION is answered without being read to.
  child.stdin.on("error", () => {});
  child.stdin.end(JSON.stringify({ name: "versions", type, ...configuration }));
  const printed = await text(child.stdout);
  assert.ok(!printed.includes('"code"'), printed);
  return printed === "" ? undefined : JSON.parse(printed);
}

/** The versions that the program at hand speaks. */
async function versionsOf(type: string): Promise<readonly CniVersion[]> {
  const printed = await run(type, "VERSION", "", {});
  assert.ok(printed !== undefined);
  const spoken = printed.supportedVersions as readonly string[];
  const known = SUPPORTED_VERSIONS.filter((version) => spoken.includes(version));
  assert.ok(known.includes("0.1.0") && known.includes("1.0.0"), spoken.join());
  return known;
}

test("the results of an IPAM plugin are written as it writes them in each version", options, async () => {
  const ipam = {
    type: "static",
    addresses: [
      { address: "10.1.0.5/16", gateway: "10.1.0.1" },
      { address: "fd00::5/64", gateway: "fd00::1" },
    ],
    routes: [
      { dst: "0.0.0.0/0" },
      { dst: "10.9.0.0/16", gw: "10.1.0.9" },
      { dst: "fd01::/64", gw: "fd00::9" },
    ],
    dns: { nameservers: ["10.1.0.1"], domain: "a.b", search: ["a.b"], options: ["ndots:2"] },
  };
  const versions = await versionsOf("static");
  for (const from of versions) {
    const result = parseResult(
      await run("static", "ADD", "/proc/self/ns/net", { cniVersion: from, ipam }),
      from,
    );
    for (const version of versions) {
      const printed = await run("static", "ADD", "/proc/self/ns/net", { cniVersion: version, ipam });
      assert.deepEqual(formatResult(result, version), printed, `${from} as ${version}`);
    }
  }
});

test(
  "the results of a plugin that makes an interface are written as it writes them in each version",
  options,
  async () => {
    await using world = new World();
    const parent = { name: "parent0", of: { kind: "veth", peer: { name: "parent1" } }, isUp: true } as const;
    await world.kernel.host.links.create(parent);
    const pod = await world.startPod();
    const addPrinted = async (cniVersion: CniVersion) => {
      const configuration = {
        cniVersion,
        master: "parent0",
        mac: "02:00:00:00:00:05",
        ipam: { type: "static", addresses: [{ address: "10.1.0.5/16" }], routes: [{ dst: "10.9.0.0/16" }] },
      };
      const printed = await run("macvlan", "ADD", pod.namespacePath, configuration);
      await run("macvlan", "DEL", pod.namespacePath, configuration);
      return printed;
    };
    const versions = await versionsOf("macvlan");
    const result = parseResult(await addPrinted("1.0.0"), "macvlan");
    assert.deepEqual(result.interfaces, [
      { name: "net1", mac: "02:00:00:00:00:05", sandbox: pod.namespacePath },
    ]);
    for (const version of versions) {
      assert.deepEqual(formatResult(result, version), await addPrinted(version), version);
    }
  },
);
