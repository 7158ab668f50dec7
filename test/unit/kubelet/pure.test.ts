import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { allocationOf } from "../../../src/kubelet/allocation.ts";
import { deviceList } from "../../../src/kubelet/device-list.ts";
import {
  cdiAnnotation,
  deviceVariable,
  infoVariable,
  isSocketName,
  socketName,
} from "../../../src/kubelet/names.ts";
import { preferDevices } from "../../../src/kubelet/preferred-allocation.ts";
import { nic, poolOf, share, sick } from "./pools.ts";

const folder = "/var/lib/kubelet/device-plugins";

describe("names", () => {
  it("are made from prefix and name of the resource", () => {
    assert.equal(socketName(folder, "lanyard.dev/nics", "00c0ffee"), "lanyard.dev_nics-00c0ffee.sock");
    assert.equal(
      deviceVariable("lanyard.dev/fast-nics", "hostDevice"),
      "LANYARD_DEVICE_LANYARD_DEV_FAST_NICS",
    );
    assert.equal(infoVariable("lanyard.dev/nics", "bandwidthShare"), "LANYARD_DEVICE_LANYARD_DEV_NICS_INFO");
    assert.equal(
      deviceVariable("intel.com/intel_sriov.fast-nics", "netDevice"),
      "PCIDEVICE_INTEL_COM_INTEL_SRIOV_FAST-NICS",
    );
    assert.equal(infoVariable("intel.com/sf", "auxNetDevice"), "PCIDEVICE_INTEL_COM_SF_INFO");
  });

  it("know the sockets of one resource from those of another", () => {
    const cases: [file: string, resource: string, is: boolean][] = [
      ["l.d_nics-00c0ffee.sock", "l.d/nics", true],
      ["l.d_nics.sock", "l.d/nics", true],
      ["l.d_nics-00c0ffe.sock", "l.d/nics", false],
      ["l.d_nics-fast-00c0ffee.sock", "l.d/nics", false],
      ["l.d_nics-fast-00c0ffee.sock", "l.d/nics-fast", true],
      [".l.d_nics-00c0ffee.sock", "l.d/nics", false],
    ];
    for (const [file, resource, is] of cases) assert.equal(isSocketName(folder, file, resource), is, file);
  });

  it("fit into the path of a socket and the key of an annotation, however long the resource is", () => {
    const resources = ["a", "b"].map((end) => `openshift.example.com/${"n".repeat(62)}${end}`);
    for (const place of [folder, `/run/${"d".repeat(60)}`]) {
      const [one = "", other = ""] = resources.map((resource) => socketName(place, resource, "00c0ffee"));
      assert.notEqual(one, other);
      assert(isSocketName(place, one, resources[0] ?? ""));
      assert(join(place, one).length <= 107, join(place, one));
    }
    const [one = "", other = ""] = resources.map(cdiAnnotation);
    assert.notEqual(one, other);
    assert((one.split("/").at(-1) ?? "").length <= 63, one);
    assert.equal(cdiAnnotation("intel.com/fast-vfs"), "cdi.k8s.io/lanyard_intel.com_fast-vfs");
  });

  it("refuse a resource without a prefix, or with two", () => {
    for (const bad of ["nics", "/nics", "a/b/c", "a/"]) {
      assert.throws(() => socketName(folder, bad, "00c0ffee"), { code: "invalid", message: /PREFIX\/NAME/ });
    }
  });
});

describe("the device list", () => {
  it("tells health in the kubelet's words and the topology, where the pool does not leave it out", () => {
    const pool = poolOf(
      "l.d/n",
      nic("up10", { numaNode: 0 }),
      sick("up2", "no carrier"),
      nic("up11", { numaNode: 1, topology: [] }),
    );
    assert.deepEqual(deviceList(pool), {
      devices: [
        { ID: "up2", health: "Unhealthy" },
        { ID: "up10", health: "Healthy", topology: { nodes: [{ ID: 0n }] } },
        { ID: "up11", health: "Healthy" },
      ],
    });
  });
});

describe("a preferred allocation", () => {
  const pool = poolOf(
    "lanyard.dev/nics",
    nic("a0", { numaNode: 0 }),
    nic("a1", { numaNode: 0 }),
    nic("a2", { numaNode: 0 }),
    nic("b0", { numaNode: 1 }),
    nic("b1", { numaNode: 1 }),
    nic("c0"),
    nic("c1"),
    nic("c2"),
    nic("c3"),
  );
  const all = pool.devices.map((device) => device.id);
  const cases: [name: string, available: string[], must: string[], size: number, expected: string[]][] = [
    ["takes from the node that is left with the fewest", all, [], 1, ["b0"]],
    ["stays on one node where that suffices", all, [], 3, ["a0", "a1", "a2"]],
    ["takes the largest node first where none suffices", all, [], 4, ["a0", "a1", "a2", "b0"]],
    ["takes devices of no node last", all, [], 6, ["a0", "a1", "a2", "b0", "b1", "c0"]],
    ["follows the node of what must be included", all, ["a2"], 2, ["a0", "a2"]],
    ["leaves that node only when it is used up", all, ["b1"], 3, ["a0", "b0", "b1"]],
    ["is what must be included when that is all", all, ["c1", "a0"], 2, ["a0", "c1"]],
    ["counts an id once that is offered twice", ["c0", "c0", "c1"], [], 2, ["c0", "c1"]],
    ["can name ids that the pool no longer has, last", ["zz", "c0"], [], 2, ["c0", "zz"]],
  ];
  for (const [name, available, mustInclude, size, expected] of cases) {
    it(name, () => {
      assert.deepEqual(preferDevices(pool, { available, mustInclude, size }), expected);
      const shuffled = available.toReversed();
      assert.deepEqual(preferDevices(pool, { available: shuffled, mustInclude, size }), expected);
    });
  }

  it("takes healthy devices before unhealthy ones on a better node", () => {
    const mixed = poolOf("l.d/n", { ...sick("a", "no carrier"), numaNode: 0 }, nic("b"));
    assert.deepEqual(preferDevices(mixed, { available: ["a", "b"], mustInclude: [], size: 1 }), ["b"]);
  });

  const refusals: [name: string, available: string[], must: string[], size: number, message: RegExp][] = [
    ["an id to include that is not available", ["a0"], ["b0"], 1, /must include b0/],
    ["fewer devices than must be included", ["a0", "b0"], ["a0", "b0"], 1, /size is 1, but 2/],
    ["more devices than are available", ["a0"], [], 2, /size is 2, but only 1/],
    ["no device at all", ["a0"], [], 0, /size is 0/],
  ];
  for (const [name, available, mustInclude, size, message] of refusals) {
    it(`refuses ${name}`, () => {
      const prefer = () => preferDevices(pool, { available, mustInclude, size });
      assert.throws(prefer, { code: "invalid", message });
      assert.throws(prefer, /lanyard\.dev\/nics/);
    });
  }
});

describe("an allocation", () => {
  it("tells the container its ids and what they are", () => {
    const pool = poolOf("lanyard.dev/up0-mbit", share("up0-10", "up0", 1e6), share("up0-2", "up0", 1e6));
    const { envs } = allocationOf(pool, ["up0-10", "up0-2"]);
    assert.equal(envs?.LANYARD_DEVICE_LANYARD_DEV_UP0_MBIT, "up0-2,up0-10");
    assert.deepEqual(JSON.parse(envs?.LANYARD_DEVICE_LANYARD_DEV_UP0_MBIT_INFO ?? ""), {
      "up0-2": { kind: "bandwidthShare", link: "up0", rate: 1_000_000 },
      "up0-10": { kind: "bandwidthShare", link: "up0", rate: 1_000_000 },
    });
  });

  it("gives a host device without a rate", () => {
    const { envs } = allocationOf(poolOf("l.d/n", nic("up0")), ["up0"]);
    assert.equal(envs?.LANYARD_DEVICE_L_D_N_INFO, '{"up0":{"kind":"hostDevice","link":"up0"}}');
  });

  const pool = poolOf("lanyard.dev/nics", nic("up0"), sick("up1", "no carrier"), nic("up2"));
  const refusals: [name: string, ids: string[], code: string, message: string][] = [
    [
      "an unknown id",
      ["up0", "up9"],
      "not-found",
      'lanyard.dev/nics: there is no device "up9"; there are: up0, up1, up2',
    ],
    [
      "an unhealthy id",
      ["up1"],
      "unavailable",
      'lanyard.dev/nics: device "up1" is not healthy (no carrier); healthy ones are: up0, up2',
    ],
    ["an id given twice", ["up0", "up0"], "invalid", 'lanyard.dev/nics: device "up0" was given twice'],
    ["no id", [], "invalid", "lanyard.dev/nics: no device id was given"],
  ];
  for (const [name, ids, code, message] of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => allocationOf(pool, ids), { code, message }));
  }

  it("does not list hundreds of ids in an error", () => {
    const large = poolOf("l.d/n", ...Array.from({ length: 200 }, (_, index) => nic(`up${index}`)));
    assert.throws(() => allocationOf(large, ["x"]), /up15 and 184 more$/);
  });
});
