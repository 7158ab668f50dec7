import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Entries } from "../../../../src/attachment/journal/entries.ts";
import { Journal } from "../../../../src/attachment/journal/journal.ts";
import { completeRequest, gatewayOf } from "../../../../src/attachment/lease/leased.ts";
import { leasedBy, leaseFromRange } from "../../../../src/attachment/lease/leasing.ts";
import { afterLink, isPlannedInTwo, untilLink } from "../../../../src/attachment/plan-parts.ts";
import type { AttachmentRequest } from "../../../../src/attachment/request.ts";
import { initialStatus } from "../../../../src/attachment/status.ts";
import type { Step } from "../../../../src/attachment/steps/steps.ts";
import type { RangeIpam } from "../../../../src/model/cni/known-plugin.ts";
import { EMPTY_RESULT } from "../../../../src/model/cni/result.ts";

const range: RangeIpam = {
  type: "range",
  subnet: "10.0.0.0/28",
  gateway: "10.0.0.1",
  routes: [{ dst: "10.9.0.0/16" }],
  dns: { domain: "a.example" },
};
const program = { type: "host-local", configuration: {} };

function request(more: Partial<AttachmentRequest> = {}): AttachmentRequest {
  return {
    pod: { namespace: "default", name: "one", uid: "1" },
    interfaceName: "net1",
    podNetworkName: "fast",
    link: { type: "macvlan", parent: "up", mode: "bridge" },
    addresses: [],
    ipam: range,
    routes: [],
    ...more,
  };
}

/** A journal in a folder that is gone afterwards. */
async function withJournal(work: (open: () => Journal) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "lanyard-leasing-"));
  try {
    work(() => new Journal(join(folder, "attachments.sqlite"), "boot"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Begins an attachment with an address of the range, as the engine does. */
function take(entries: Entries, interfaceName: string, podNetworkName = "fast"): string {
  const wanted = request({ interfaceName, podNetworkName });
  const leased = leaseFromRange(entries, podNetworkName, range);
  entries.begin(wanted, { path: "/n", cookie: 1n }, [], initialStatus(wanted, "/n"), leased);
  return leased.ips[0]?.address ?? "";
}

describe("addresses that the agent gives out", () => {
  test("have no two owners in any order of attaching, detaching and starting again", async () => {
    const history = fc.array(fc.oneof(fc.constant("take"), fc.constant("restart"), fc.nat(15)), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(history, (moves) =>
        withJournal((open) => {
          let journal = open();
          let entries = new Entries(journal);
          for (const [at, move] of moves.entries()) {
            const owned = entries.all().map(({ leased }) => leased?.ips[0]?.address ?? "");
            if (move === "restart") {
              journal.close();
              journal = open();
              entries = new Entries(journal);
            } else if (typeof move === "number") {
              const entry = entries.all()[move];
              if (entry !== undefined) entries.remove(entry);
            } else if (owned.length === 13) {
              assert.throws(() => take(entries, `net${at}`), /all 13 are given out/);
            } else {
              const address = take(entries, `net${at}`);
              assert.ok(!owned.includes(address), `${address} has an owner`);
            }
          }
          journal.close();
        }),
      ),
      { numRuns: 60 },
    );
  });

  test("are not given out again at once, also when the agent was started again in between", () =>
    withJournal((open) => {
      const journal = open();
      const entries = new Entries(journal);
      assert.equal(take(entries, "net1"), "10.0.0.2/28");
      const [entry] = entries.all();
      if (entry !== undefined) entries.remove(entry);
      journal.close();
      const again = open();
      assert.equal(take(new Entries(again), "net1"), "10.0.0.3/28");
      again.close();
    }));

  test("are counted for each network by itself, and those that pods asked for count too", () =>
    withJournal((open) => {
      const journal = open();
      const entries = new Entries(journal);
      const fixed = request({ interfaceName: "net9", addresses: ["10.0.0.2/28"] });
      entries.begin(fixed, { path: "/n", cookie: 1n }, [], initialStatus(fixed, "/n"), undefined);
      assert.equal(take(entries, "net1"), "10.0.0.3/28");
      assert.equal(take(entries, "net2", "slow"), "10.0.0.2/28");
      journal.close();
    }));
});

describe("a request with what was given out for it", () => {
  test("has it as if it had been known", () => {
    const own = request({
      addresses: ["10.7.0.1/24"],
      gateways: ["10.7.0.254"],
      routes: [{ destination: "10.8.0.0/16" }],
    });
    const leased = {
      ips: [{ address: "10.0.0.2/28", gateway: "10.0.0.1" }, { address: "fd00::2/64" }],
      routes: [
        { dst: "10.9.0.0/16" },
        { dst: "fd09::/48" },
        { dst: "10.10.0.0/16", gw: "10.0.0.9", advmss: 1200 },
      ],
      dns: range.dns,
    };
    const { ipam: _, ...known } = request({ addresses: ["10.7.0.1/24", "10.0.0.2/28", "fd00::2/64"] });
    assert.deepEqual(completeRequest(own, leased), {
      ...known,
      gateways: ["10.7.0.254", "10.0.0.1"],
      routes: [
        { destination: "10.8.0.0/16" },
        { destination: "10.9.0.0/16", gateway: "10.0.0.1" },
        { destination: "fd09::/48" },
        { destination: "10.10.0.0/16", gateway: "10.0.0.9", advertisedMss: 1200 },
      ],
      dns: range.dns,
    });
  });

  test("has the first address of its subnet for a gateway behind a bridge that is one, also for its routes", () => {
    const bridge = { isVlanFiltering: false, isPromiscuous: false, isGateway: true, forceAddress: false };
    const leased = {
      ips: [{ address: "10.0.0.130/25" }, { address: "fd00::7/64", gateway: "fd00::9" }],
      routes: [{ dst: "10.9.0.0/16" }, { dst: "fd09::/48" }],
      dns: {},
    };
    const made = completeRequest(request({ link: { type: "bridge", parent: "br0", bridge } }), leased);
    assert.deepEqual(made.gateways, ["10.0.0.129", "fd00::9"]);
    assert.deepEqual(made.routes, [
      { destination: "10.9.0.0/16", gateway: "10.0.0.129" },
      { destination: "fd09::/48", gateway: "fd00::9" },
    ]);
    const plain = request({
      link: { type: "bridge", parent: "br0", bridge: { ...bridge, isGateway: false } },
    });
    assert.deepEqual(completeRequest(plain, leased).gateways, ["fd00::9"]);
  });

  test("keeps what its network says of names", () => {
    const leased = { ips: [], routes: [], dns: { domain: "b.example" } };
    assert.deepEqual(completeRequest(request({ dns: { search: ["c.example"] } }), leased).dns, {
      search: ["c.example"],
    });
    assert.deepEqual(completeRequest(request({ dns: { search: [] } }), leased).dns, { domain: "b.example" });
  });

  test("finds an address's gateway in its subnet, or by its family where it is alone there", () => {
    const gateways = ["10.0.0.1", "169.254.1.1", "fe80::1"];
    assert.equal(gatewayOf("10.0.0.7/24", ["169.254.1.1", "10.0.0.1"]), "10.0.0.1");
    assert.equal(gatewayOf("10.1.0.7/24", gateways), undefined);
    assert.equal(gatewayOf("fd00::7/128", gateways), "fe80::1");
    assert.equal(gatewayOf("10.5.0.7/32", ["169.254.1.1"]), "169.254.1.1");
  });

  test("is refused when a program gave no address", () => {
    assert.throws(() => leasedBy(program, EMPTY_RESULT), {
      code: "unavailable",
      message: /host-local gave no address/,
    });
  });
});

describe("the parts of a plan", () => {
  const link: Step = {
    kind: "createLink",
    name: "net1",
    index: 77,
    of: { kind: "macvlan", mode: "bridge" },
    parent: "up",
  };
  const address: Step = { kind: "addAddress", link: "net1", address: "10.0.0.2/28" };

  test("are two where a program makes the link or gives out its addresses", () => {
    assert.equal(isPlannedInTwo(request()), false, "a range is known at once");
    assert.equal(isPlannedInTwo(request({ ipam: { type: "program", program } })), true);
    assert.equal(isPlannedInTwo(request({ link: { type: "plugin", program } })), true);
  });

  test("are divided behind what brings the link", () => {
    assert.deepEqual(untilLink([link, address]), [link]);
    assert.deepEqual(afterLink([link, address]), [address]);
    assert.deepEqual(untilLink([address]), [], "nothing brings one: a VF that a program drives");
    assert.deepEqual(afterLink([address]), [address]);
  });
});
