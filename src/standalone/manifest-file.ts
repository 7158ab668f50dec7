import { parseAllDocuments } from "yaml";
import { errorText, InvalidValueError } from "../model/errors.ts";
import { type Manifest, manifestKey, parseManifest, writtenKey } from "../model/manifest.ts";
import { InvalidObjectError } from "../model/validation.ts";

/** Something in the folder that is not used as it stands. */
export interface ManifestProblem {
  /** File and document, `qos.yaml#2`, or the folder itself. */
  readonly place: string;
  /** What is wrong and what would be right; begins with the place. */
  readonly message: string;
  /** Objects that stay as they were until this is mended, `QosClass gold`. */
  readonly kept: readonly string[];
  /** The object that cannot be read, `QosClass gold`; absent where the mistake is another, or hides that. */
  readonly key?: string;
}

/** An object and where it stands. */
export interface ManifestEntry {
  readonly key: string;
  readonly place: string;
  readonly manifest: Manifest;
}

/** What one file says. */
export interface ManifestFile {
  readonly entries: readonly ManifestEntry[];
  readonly problems: readonly ManifestProblem[];
}

/** Whether a file of this name is read: YAML or JSON, and not hidden, as drafts of editors are. */
export function isManifestName(name: string): boolean {
  return !name.startsWith(".") && /\.(ya?ml|json)$/i.test(name);
}

/** Reads a file's text: YAML of many documents, or JSON. What is wrong is told, the rest is read all the same. */
export function readManifestFile(name: string, text: string): ManifestFile {
  const entries: ManifestEntry[] = [];
  const problems: ManifestProblem[] = [];
  for (const [index, read] of splitDocuments(name, text).entries()) {
    const place = `${name}#${index + 1}`;
    let document: unknown;
    try {
      document = read();
      if (document === null || document === undefined) continue;
      const manifest = parseManifest(document, place);
      entries.push({ key: manifestKey(manifest), place, manifest });
    } catch (error) {
      const key = writtenKey(document);
      for (const message of describe(error, place)) {
        problems.push({ place, message, kept: [], ...(key !== undefined && { key }) });
      }
    }
  }
  return { entries, problems };
}

/**
 * What holds after a file was read again. A file with a mistake in it removes nothing: objects it held before
 * and does not hold now stay as they were, because one of them may be the one with the mistake.
 */
export function keepLastGood(previous: ManifestFile | undefined, now: ManifestFile): ManifestFile {
  if (now.problems.length === 0 || previous === undefined) return now;
  const present = new Set(now.entries.map(({ key }) => key));
  const kept = previous.entries.filter(({ key }) => !present.has(key));
  const names = kept.map(({ key }) => key);
  return {
    entries: [...now.entries, ...kept],
    problems: now.problems.map((problem) => ({ ...problem, kept: names })),
  };
}

/** One object for each key: the first in the order of file names and documents; the others are problems. */
export function mergeFiles(files: Iterable<ManifestFile>): {
  readonly objects: ReadonlyMap<string, Manifest>;
  readonly problems: readonly ManifestProblem[];
} {
  const first = new Map<string, ManifestEntry>();
  const problems: ManifestProblem[] = [];
  for (const file of files) {
    problems.push(...file.problems);
    for (const entry of file.entries) {
      const other = first.get(entry.key);
      if (other === undefined) {
        first.set(entry.key, entry);
        continue;
      }
      const message = `${entry.place}: ${entry.key} stands in ${other.place} already, and that one is used; remove one of the two`;
      problems.push({ place: entry.place, message, kept: [] });
    }
  }
  return { objects: new Map([...first].map(([key, { manifest }]) => [key, manifest])), problems };
}

function splitDocuments(name: string, text: string): (() => unknown)[] {
  if (/\.json$/i.test(name)) return text.trim() === "" ? [] : [() => JSON.parse(text)];
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return [];
  return documents.map((document) => () => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return document.toJS();
  });
}

function describe(error: unknown, place: string): string[] {
  if (error instanceof InvalidObjectError) return error.mistakes.map(({ message }) => message);
  if (error instanceof InvalidValueError) return [error.message];
  const [firstLine = ""] = errorText(error).split("\n");
  return [`${place}: cannot be read: ${firstLine.replace(/:$/, "")}`];
}
