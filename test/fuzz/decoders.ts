import { readdirSync, readFileSync } from "node:fs";
import { Session } from "node:inspector";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const root = join(import.meta.dirname, "../..");

/** Where decoders of bytes are. */
const DECODERS = "src/linux";

/** What is named like decoders and reads files instead of bytes it is given: a folder, and functions outside it. */
const FOLDER_OF_FILES = "sysfs/";
const READERS_OF_FILES = ["readBootId"];

/** A function by its file, relative to the root, and its name. */
export interface DecoderName {
  readonly file: string;
  readonly name: string;
}

/** How often each function was called, by `file name`. */
export type Calls = ReadonlyMap<string, number>;

/** Under what a decoder is counted. */
export function keyOf({ file, name }: DecoderName): string {
  return `${file} ${name}`;
}

/** The exported functions of src/linux named decodeX or readX that are given bytes, and the reader of attributes. */
export function findDecoders(): DecoderName[] {
  return readdirSync(join(root, DECODERS), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.startsWith(FOLDER_OF_FILES))
    .sort()
    .flatMap((file) => {
      const source = readFileSync(join(root, DECODERS, file), "utf8");
      return findExported(source).map((name) => ({ file: `${DECODERS}/${file}`, name }));
    });
}

/** The decoders that a source exports. */
export function findExported(source: string): string[] {
  const functions = source.matchAll(
    /^export (?:async )?(?:function\*? |const |class )((?:decode|read)[A-Z]\w*|AttributeReader)\b/gm,
  );
  return Array.from(functions, ([, name]) => name as string).filter(
    (name) => !READERS_OF_FILES.includes(name),
  );
}

/**
 * Counts the calls of every function of src/linux in this thread (V8's precise coverage), from now until the count is
 * taken. Must begin before the modules are loaded: what ran before is not counted.
 */
export function countCalls(): { take: () => Calls } {
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  return {
    take: () => {
      const calls = new Map<string, number>();
      const start = `${pathToFileURL(root).href}/`;
      session.post("Profiler.takePreciseCoverage", (error, coverage) => {
        if (error !== null) throw error;
        for (const { url, functions } of coverage.result) {
          if (!url.startsWith(`${start}${DECODERS}/`)) continue;
          for (const { functionName, ranges } of functions) {
            const key = keyOf({ file: url.slice(start.length), name: functionName });
            calls.set(key, (calls.get(key) ?? 0) + (ranges[0]?.count ?? 0));
          }
        }
      });
      session.disconnect();
      return calls;
    },
  };
}

/** Whether a function decodes, exported or not: also a kind's own `decode`, which its table calls. */
export function isDecoder(name: string): boolean {
  return /^decode(?:[A-Z]|$)/.test(name);
}
