import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { applySteps, undoSteps } from "../../../src/attachment/apply.ts";
import type { Journal } from "../../../src/attachment/journal/journal.ts";
import { LinkLookup } from "../../../src/attachment/link/lookup.ts";
import type { RunProgramStep } from "../../../src/attachment/steps/run-program.ts";
import type { SetUpStep } from "../../../src/attachment/steps/set-up.ts";
import type { ApplyContext, UndoContext } from "../../../src/attachment/steps/step.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";
import type { Link } from "../../../src/linux/route/link.ts";
import { EMPTY_RESULT } from "../../../src/model/cni/result.ts";
import { LanyardError } from "../../../src/model/errors.ts";
import type { PluginCall } from "../../../src/model/ports.ts";

const setUp: SetUpStep = { kind: "setUp", link: "net1" };

function run(type: string): RunProgramStep {
  const program = { type, configuration: {} };
  return { kind: "runProgram", name: "net1", program, makesLink: false, containerId: "box", args: "" };
}

/** Surroundings in words: a kernel that does nothing, and programs that note whom they serve. */
function surroundings(log: string[], failing: readonly string[] = []) {
  const note = (verb: string) => async (call: PluginCall) => {
    log.push(`${verb} ${call.program.type}`);
    if (failing.includes(call.program.type))
      throw new LanyardError("timeout", `${call.program.type} is stuck`);
    return EMPTY_RESULT;
  };
  const pod = {
    name: "/n",
    links: {
      prepareSet: () => ({}),
      find: async () => ({ index: 7 }),
      set: async () => log.push("set down"),
    },
  } as unknown as Namespace;
  const podLinks = new LinkLookup(pod);
  podLinks.learn("net1", { name: "net1", index: 7 } as Link);
  const common = {
    kernel: { perform: async () => log.push("asked the kernel") },
    pod,
    namespacePath: "/n",
    programs: { add: note("ADD"), delete: note("DEL"), check: note("CHECK") },
  };
  const outcome = { soFar: async () => EMPTY_RESULT, replace: () => {} };
  const apply = { ...common, podLinks, hostLinks: podLinks, outcome } as unknown as ApplyContext;
  const undo = { ...common, result: undefined, tell: () => {} } as unknown as Omit<UndoContext, "leaving">;
  const journal = {
    intend: (_id: number, reached: number, _before: unknown, isDurable: boolean) =>
      log.push(`may reach ${reached}${isDurable ? ", on the disk" : ""}`),
  } as unknown as Journal;
  return { apply, undo, journal };
}

describe("doing a plan", () => {
  test("waits for the disk before what outlives a reboot, and for nothing else", async () => {
    const log: string[] = [];
    const { apply, journal } = surroundings(log);
    await applySteps(apply, journal, 1, [setUp, run("portmap"), setUp]);
    assert.deepEqual(log, [
      "may reach 1",
      "asked the kernel",
      "may reach 2, on the disk",
      "ADD portmap",
      "may reach 3",
      "asked the kernel",
    ]);
  });

  test("goes on behind what was done already", async () => {
    const log: string[] = [];
    const { apply, journal } = surroundings(log);
    const done = await applySteps(apply, journal, 1, [run("ptp")]);
    log.splice(0);
    assert.deepEqual(await applySteps(apply, journal, 1, [run("ptp"), run("portmap")], done), [null, null]);
    assert.deepEqual(log, ["may reach 2, on the disk", "ADD portmap"]);
  });
});

describe("taking a plan back", () => {
  const steps = [run("ptp"), setUp, run("portmap"), run("sbr")];
  const before = steps.map(() => null);

  test("undoes what was begun, the last first, tries all, and tells of every failure", async () => {
    const log: string[] = [];
    const { undo } = surroundings(log, ["portmap", "ptp"]);
    const { failures } = await undoSteps(undo, { steps, before, reached: 3 }, false);
    assert.deepEqual(failures.map(String), ["LanyardError: portmap is stuck", "LanyardError: ptp is stuck"]);
    assert.deepEqual(log, ["DEL portmap", "set down", "DEL ptp"]);
  });

  test("leaves only what failed to be tried again: the rest may be somebody else's by then", async () => {
    const { undo } = surroundings([], ["portmap"]);
    const noted = [null, null, "what was there", null];
    const { left } = await undoSteps(undo, { steps, before: noted, reached: 4 }, false);
    assert.deepEqual(left, { steps: [run("portmap")], before: ["what was there"], reached: 1 });
    const { left: nothing } = await undoSteps(surroundings([]).undo, left, false);
    assert.deepEqual(nothing, { steps: [], before: [], reached: 0 });
  });

  test("tries what came before a link again when that link did not come back", async () => {
    const brings: RunProgramStep = { ...run("ptp"), makesLink: true };
    const plan = [run("sbr"), brings, run("portmap")];
    const { undo } = surroundings([], ["ptp"]);
    const { left } = await undoSteps(undo, { steps: plan, before: [null, null, null], reached: 3 }, false);
    assert.deepEqual(left, { steps: plan.slice(0, 2), before: [null, null], reached: 2 });
  });

  test("leaves what a reboot took by itself alone: the pod's next attachment may have a file of that name", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lanyard-apply-"));
    try {
      const path = join(folder, "1-net1-device.json");
      writeFileSync(path, "{}");
      const plan = {
        steps: [{ kind: "deviceInfo", source: "/dp", path } as const],
        before: [null],
        reached: 1,
      };
      await undoSteps(surroundings([]).undo, plan, true);
      assert.equal(existsSync(path), true);
      await undoSteps(surroundings([]).undo, plan, false);
      assert.equal(existsSync(path), false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("has of an earlier boot only that taken back which outlives it", async () => {
    const log: string[] = [];
    await undoSteps(surroundings(log).undo, { steps, before, reached: 4 }, true);
    assert.deepEqual(log, ["DEL sbr", "DEL portmap", "DEL ptp"]);
  });
});
