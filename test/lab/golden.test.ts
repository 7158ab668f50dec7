import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { release } from "node:os";
import test, { after } from "node:test";
import * as ffi from "../../src/linux/ffi.ts";
import { Kernel } from "../../src/linux/kernel.ts";
import {
  type CapturedFile,
  type CapturedRequest,
  caseFiles,
  findCaptured,
  groundText,
  loadCases,
  readCaptured,
  writeCaptured,
} from "../golden/captured.ts";
import { compareRequests } from "../golden/compare.ts";
import type { GoldenCase } from "../golden/golden.ts";
import { GENERIC_HEADER_SIZE, MESSAGE_HEADER_SIZE, readTopAttributes, viewOf } from "../golden/message.ts";
import { NETLINK_GENERIC, pickRequest, type SentMessage } from "../golden/request.ts";
import { setPriority } from "../kernel/bpf/programs.ts";
import { loadModule, Netdevsim } from "./guest.ts";
import { CommandError, NetlinkTap, runCommands, TAP_GROUND } from "./tap.ts";

/**
 * What iproute2 sends for each golden case, from the kernel's own tap: the same as what is kept, so that nothing kept is
 * our own output. With LANYARD_CAPTURE=1 it is kept anew instead.
 */

const CLONE_NEWNET = 0x40000000;
const isCapturing = process.env.LANYARD_CAPTURE === "1";

loadModule("nlmon");
await pinProgram("/sys/fs/bpf/golden");

for (const file of caseFiles()) {
  test(`what was captured for ${file} is what iproute2 sends`, { timeout: 120_000 }, async (t) => {
    const cases = await loadCases(file);
    const kept = readCaptured(file);
    const here = { tools: versionsOf(cases), kernel: release() };
    const requests: Record<string, CapturedRequest> = {};
    for (const golden of cases) {
      await t.test(golden.name, () => {
        const theirs = capture(golden);
        const bytes = Buffer.from(theirs).toString("hex");
        requests[golden.name] = { ground: groundText(golden), command: golden.command, bytes };
        if (isCapturing) return;
        const differing = compareExactly(findCaptured(kept, golden), theirs);
        assert.deepEqual(differing, [], `kept is what ${describe(kept)} sent, here is ${describe(here)}`);
      });
    }
    if (isCapturing) keep(file, { ...here, requests }, cases);
  });
}

/** Pins a BPF program until the end of the file. Loading it needs threads, which keep out of the cases' namespaces. */
async function pinProgram(path: string): Promise<void> {
  const kernel = new Kernel();
  const instructions = setPriority(1);
  using program = await kernel.bpf.loadProgram({
    name: "golden",
    type: "sched_cls",
    license: "GPL",
    instructions,
  });
  await program.pin(path);
  await kernel.stop();
  after(() => rmSync(path));
}

/** Lays the ground in a namespace of its own and gives the request that the command makes there. */
function capture(golden: GoldenCase): Uint8Array {
  const { ground = [], command, message, needs, isRefused = false, meant } = golden;
  // The namespace of the case before ends here. Programs are started by this thread, and so in its namespace.
  if (ffi.unshare(CLONE_NEWNET) < 0) throw new Error(`unshare: error number ${ffi.lastErrno()}`);
  using ends = new DisposableStack();
  runCommands(TAP_GROUND);
  if (needs === "netdevsim") {
    // netdevsim makes a device in the namespace of the thread that asks for it.
    const device = ends.use(new Netdevsim(10));
    device.vfCount = VFS;
    runCommands([`devlink dev eswitch set ${device.devlinkName} mode switchdev`]);
  } else if (needs === "namespace") {
    mkdirSync(NAMED_NAMESPACES);
    ends.defer(() => rmSync(NAMED_NAMESPACES, { recursive: true }));
    symlinkSync("/proc/1/ns/net", `${NAMED_NAMESPACES}/golden`);
  }
  runCommands(ground);
  using tap = new NetlinkTap();
  runMeantCommand(command, isRefused);
  const sent = tap.read();
  return pickRequest(sent, readFamilies(sent), message, meant?.theirs);
}

function runMeantCommand(command: string, isRefused: boolean): void {
  try {
    runCommands([command]);
  } catch (error) {
    if (isRefused && error instanceof CommandError) return;
    throw error;
  }
  if (isRefused) throw new Error(`the kernel does not refuse "${command}", though the case says so`);
}

/** What is kept must be what is sent, to the byte: also where a form of our own would mean the same. */
function compareExactly(kept: Uint8Array, sent: Uint8Array): string[] {
  if (Buffer.compare(kept, sent) === 0) return [];
  const differences = compareRequests(kept, sent).map(
    (one) => `${one.path}: kept ${one.ours}, sent ${one.theirs}`,
  );
  return differences.length > 0 ? differences : ["the same attributes in another order or another form"];
}

/** Where iproute2 looks for namespaces by their names. */
const NAMED_NAMESPACES = "/run/netns";

/** VFs of the device that a case asks for. */
const VFS = 4;

/** The family that tells of the others, and its attributes (include/uapi/linux/genetlink.h). */
const GENL_ID_CTRL = 16;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;

/** Names of generic netlink families by their numbers, as the kernel told them to the program that asked. */
function readFamilies(sent: readonly SentMessage[]): Map<number, string> {
  const families = new Map<number, string>();
  for (const { protocol, bytes } of sent) {
    if (protocol !== NETLINK_GENERIC || viewOf(bytes).getUint16(4, true) !== GENL_ID_CTRL) continue;
    const attributes = readTopAttributes(bytes.subarray(MESSAGE_HEADER_SIZE + GENERIC_HEADER_SIZE)) ?? [];
    const id = attributes.find(({ type }) => type === CTRL_ATTR_FAMILY_ID);
    const name = attributes.find(({ type }) => type === CTRL_ATTR_FAMILY_NAME);
    if (id === undefined || name === undefined) continue;
    families.set(viewOf(id.payload).getUint16(0, true), Buffer.from(name.payload.subarray(0, -1)).toString());
  }
  return families;
}

/** Keeps what was captured; what could not be captured now stays as it was, if the same programs sent it. */
function keep(file: string, captured: CapturedFile, cases: readonly GoldenCase[]): void {
  const before = readCaptured(file);
  const isSame = before !== undefined && describe(before) === describe(captured);
  const all = { ...(isSame ? before.requests : {}), ...captured.requests };
  const requests: Record<string, CapturedRequest> = {};
  for (const { name } of cases) {
    const request = all[name];
    if (request !== undefined) requests[name] = request;
  }
  writeCaptured(file, { ...captured, requests });
}

function describe(captured: Pick<CapturedFile, "tools" | "kernel"> | undefined): string {
  return captured === undefined ? "nothing" : `${captured.tools} on ${captured.kernel}`;
}

/** The programs that the cases start, with their versions: `iproute2 6.1.0`. */
function versionsOf(cases: readonly GoldenCase[]): string {
  const programs = new Set(cases.map(({ command }) => command.split(" ", 1)[0] ?? ""));
  const versions = [...programs].map((program) =>
    program === "ethtool"
      ? `ethtool ${versionIn(execFileSync("ethtool", ["--version"], { encoding: "utf8" }))}`
      : `iproute2 ${versionIn(execFileSync("ip", ["-V"], { encoding: "utf8" }))}`,
  );
  return [...new Set(versions)].sort().join(", ");
}

function versionIn(text: string): string {
  return /\d+(\.\d+)+/.exec(text)?.[0] ?? text.trim();
}
