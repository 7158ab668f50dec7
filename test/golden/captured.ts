import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GoldenCase } from "./golden.ts";

/** A request of iproute2 as it is kept. */
export interface CapturedRequest {
  /** What the case said when it was captured: another command may send something else. */
  readonly ground: string;
  readonly command: string;
  /** The message in hexadecimal, in the form `pickRequest` gives. */
  readonly bytes: string;
}

/** A file of `captured/`: the requests of one file of cases, by the cases' names. */
export interface CapturedFile {
  /** What sent them, such as `iproute2 6.1.0`. */
  readonly tools: string;
  /** The kernel of the lab they were captured on. */
  readonly kernel: string;
  readonly requests: Readonly<Record<string, CapturedRequest>>;
}

/** What to do where a capture is missing or old. */
export const HOW_TO_CAPTURE = "capture it in the lab: npm run test:lab -- --capture test/lab/golden.test.ts";

const CASES = join(import.meta.dirname, "cases");

/** Names of the files of cases, without their ending. */
export function caseFiles(): string[] {
  return readdirSync(CASES)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => name.slice(0, -".ts".length))
    .sort();
}

/** The cases of one file. Throws where two have the same name. */
export async function loadCases(file: string): Promise<readonly GoldenCase[]> {
  const { cases } = (await import(join(CASES, `${file}.ts`))) as { cases: readonly GoldenCase[] };
  const names = cases.map(({ name }) => name);
  const double = names.find((name, index) => names.indexOf(name) !== index);
  if (double !== undefined) throw new Error(`${file}.ts has two cases "${double}"`);
  return cases;
}

/** What was captured for one file of cases; undefined where nothing was. */
export function readCaptured(file: string): CapturedFile | undefined {
  const path = capturedPath(file);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as CapturedFile) : undefined;
}

/** Keeps what was captured for one file of cases. */
export function writeCaptured(file: string, captured: CapturedFile): void {
  writeFileSync(capturedPath(file), `${JSON.stringify(captured, null, 2)}\n`);
}

/** A case's ground in one line. */
export function groundText({ ground = [], needs }: GoldenCase): string {
  return [...(needs === undefined ? [] : [needs]), ...ground].join("; ");
}

/** The captured request of a case. Throws where there is none, or one of another command. */
export function findCaptured(captured: CapturedFile | undefined, golden: GoldenCase): Uint8Array {
  const found = captured?.requests[golden.name];
  if (found === undefined) throw new Error(`nothing was captured for "${golden.name}"; ${HOW_TO_CAPTURE}`);
  if (found.command !== golden.command || found.ground !== groundText(golden)) {
    throw new Error(`"${golden.name}" has changed since it was captured; ${HOW_TO_CAPTURE}`);
  }
  return Uint8Array.from(Buffer.from(found.bytes, "hex"));
}

/** Names of what was captured for cases that are no more. */
export function findOrphans(captured: CapturedFile | undefined, cases: readonly GoldenCase[]): string[] {
  const names = new Set(cases.map(({ name }) => name));
  return Object.keys(captured?.requests ?? {}).filter((name) => !names.has(name));
}

function capturedPath(file: string): string {
  return join(import.meta.dirname, "captured", `${file}.json`);
}
