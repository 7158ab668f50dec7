import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AttachmentRequest } from "../../../src/attachment/request.ts";
import { endAll, makeAll, stagesOf } from "../../../src/attachment/transaction.ts";
import { LanyardError } from "../../../src/model/errors.ts";

function request(interfaceName: string, more: Partial<AttachmentRequest> = {}): AttachmentRequest {
  return {
    pod: { namespace: "default", name: "one", uid: "1" },
    interfaceName,
    podNetworkName: "over",
    link: { type: "macvlan", parent: "up", mode: "bridge" },
    addresses: [],
    routes: [],
    ...more,
  };
}

const program = { type: "tailor", configuration: {} };
const over = (parent: string) =>
  ({ link: { type: "ipvlan", parent, isParentInPod: true, mode: "l2" } }) as const;
const names = (requests: readonly AttachmentRequest[]) =>
  stagesOf(requests).map((stage) => stage.map((lane) => lane.map(({ interfaceName }) => interfaceName)));

describe("the order of a pod's attachments", () => {
  test("puts what is independent side by side, and programs one after the other", () => {
    const requests = [
      request("net1", { programs: [program] }),
      request("net2"),
      request("net3", { link: { type: "plugin", program } }),
      request("net4"),
      request("net5", { ipam: { type: "program", program } }),
    ];
    assert.deepEqual(names(requests), [[["net2"], ["net4"], ["net1", "net3", "net5"]]]);
  });

  test("makes what stands on another interface of the call after that, and what changes the default routes last", () => {
    const requests = [
      request("net1", { defaultGateways: [] }),
      request("net2", over("net3")),
      request("net3", over("net4")),
      request("net4"),
      request("net5", over("eth0")),
    ];
    assert.deepEqual(names(requests), [[["net4"], ["net5"]], [["net3"]], [["net2"]], [["net1"]]]);
  });

  test("makes what stands on an interface with default routes after that", () => {
    const requests = [request("net1", over("net2")), request("net2", { defaultGateways: ["10.0.0.1"] })];
    assert.deepEqual(names(requests), [[["net2"]], [["net1"]]]);
  });

  test("leaves a circle to the kernel, which refuses it", () => {
    assert.equal(names([request("net1", over("net2")), request("net2", over("net1"))]).flat(2).length, 2);
  });
});

describe("a transaction", () => {
  test("waits for all, takes back what was made, and throws the first failure with the others told", async () => {
    const log: string[] = [];
    const late = Promise.withResolvers<void>();
    const requests = [
      request("net1"),
      request("net2"),
      request("net3"),
      request("net4", { defaultGateways: [] }),
    ];
    const end = makeAll(requests, {
      async make({ interfaceName }) {
        if (interfaceName === "net2") await late.promise;
        if (interfaceName !== "net1") {
          late.resolve();
          throw new LanyardError("conflict", `${interfaceName} cannot be`);
        }
        log.push("made net1");
      },
      takeBack: async ({ interfaceName }) => {
        log.push(`took back ${interfaceName}`);
      },
    });
    await assert.rejects(end, { code: "conflict", message: "net2 cannot be; also: net3 cannot be" });
    assert.deepEqual(log, ["made net1", "took back net1"], "net4 was not begun");
  });

  test("tells beside the failure what could not be taken back", async () => {
    const end = makeAll([request("net1"), request("net2")], {
      make: async ({ interfaceName }) => {
        if (interfaceName === "net2") throw new Error("no");
      },
      takeBack: async () => {
        throw new Error("it is stuck");
      },
    });
    await assert.rejects(
      end,
      /^LanyardError: no; also: what was made could not be taken back .*: it is stuck$/,
    );
  });

  test("ends what stands on others first, tries all, and gives what failed", async () => {
    const log: string[] = [];
    const requests = [
      request("net1"),
      request("net2", over("net1")),
      request("net3", { defaultGateways: [] }),
    ];
    const failures = await endAll(requests, async ({ interfaceName }) => {
      log.push(interfaceName);
      if (interfaceName !== "net2") throw new Error(interfaceName);
    });
    assert.deepEqual(log, ["net3", "net2", "net1"]);
    assert.deepEqual(failures.map(String), ["Error: net3", "Error: net1"]);
  });
});
