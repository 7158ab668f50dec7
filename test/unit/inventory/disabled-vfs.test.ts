import assert from "node:assert/strict";
import test from "node:test";
import { pino } from "pino";
import { readDisabledVfs } from "../../../src/inventory/disabled-vfs.ts";
import type { Vf } from "../../../src/linux/route/vf.ts";
import { card, PF0, PF1, pci, vf, vfAddress } from "./samples.ts";

type LinkState = "auto" | "enable" | "disable";

/** Answers with the link states of VFs by the index of their PF's link, and fails for any other link. */
function answering(states: Record<number, (LinkState | undefined)[]>) {
  const asked: number[] = [];
  const list = async (index: number): Promise<Vf[]> => {
    asked.push(index);
    const known = states[index];
    if (known === undefined) throw new Error(`no answer of ${index}`);
    return known.map(
      (linkState, number) =>
        ({ index: number, ...(linkState && { attributes: { linkState } }) }) as unknown as Vf,
    );
  };
  return { asked, list };
}

function logTo(lines: string[]) {
  return pino({ level: "warn" }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
}

const silent = pino({ level: "silent" });

test("the VFs whose links their PF has forced down are told by their addresses", async () => {
  const vfs = answering({ 10: ["auto", "disable", undefined, "enable", "disable"], 11: ["disable"] });
  const functions = [...card(PF0, "p0", 5), ...card(PF1, "p1", 1)];
  const links = [
    { name: "p0", index: 10 },
    { name: "p1", index: 11 },
  ];
  const disabled = await readDisabledVfs(vfs, functions, links, silent);
  assert.deepEqual(disabled, new Set([vfAddress(PF0, 1), vfAddress(PF0, 4), vfAddress(PF1, 0)]));
});

test("only PFs that have VFs and a link on the node are asked", async () => {
  const vfs = answering({ 10: ["disable"] });
  const functions = [
    ...card(PF0, "p0", 1),
    pci(PF1, { vfCount: 0, links: ["p1"] }),
    pci("0000:03:00.0", { vfCount: 2, links: ["away"] }),
    pci("0000:04:00.0", { links: ["p2"] }),
  ];
  const links = ["p0", "p1", "p2"].map((name, at) => ({ name, index: 10 + at }));
  assert.equal((await readDisabledVfs(vfs, functions, links, silent)).size, 1);
  assert.deepEqual(vfs.asked, [10]);
});

test("a PF in switchdev mode is asked by its own link and not by one that stands for a VF", async () => {
  const vfs = answering({ 12: ["disable"] });
  const functions = [pci(PF0, { vfCount: 1, links: ["eth0", "p0"] }), vf(PF0, 0)];
  const links = [
    { name: "eth0", index: 11, physicalPortName: "pf0vf0" },
    { name: "p0", index: 12, physicalPortName: "p0" },
  ];
  assert.deepEqual(await readDisabledVfs(vfs, functions, links, silent), new Set([vfAddress(PF0, 0)]));
});

test("a PF that does not answer is told in the log, and the others count", async () => {
  const lines: string[] = [];
  const functions = [...card(PF0, "p0", 1), ...card(PF1, "p1", 1)];
  const links = [
    { name: "p0", index: 10 },
    { name: "p1", index: 11 },
  ];
  const disabled = await readDisabledVfs(answering({ 11: ["disable"] }), functions, links, logTo(lines));
  assert.deepEqual(disabled, new Set([vfAddress(PF1, 0)]));
  assert.deepEqual(lines, [`the link states of the VFs of ${PF0} are not known: no answer of 10`]);
});
