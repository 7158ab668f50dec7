import { readFile } from "node:fs/promises";
import { errorText, LanyardError } from "../model/errors.ts";
import type { SysctlRules } from "../model/ports.ts";

/** Where the reference plugin `tuning` looks. */
const FILE = "/etc/cni/tuning/allowlist.conf";

/**
 * The sysctls an administrator allows networks to set: a regular expression on each line of a file, of which one must match
 * the name; everything is allowed where there is no such file. Read anew each time.
 */
export class TuningAllowlist implements SysctlRules {
  readonly place: string;

  constructor(file = FILE) {
    this.place = file;
  }

  async forbidden(names: readonly string[]): Promise<readonly string[]> {
    const rules = await this.#read();
    if (rules === undefined) return [];
    // Rules are written for names with dots, and with any character in their place.
    return names.filter((name) => {
      const spellings = [name, name.replaceAll("/", ".")];
      return !rules.some((rule) => spellings.some((spelling) => rule.test(spelling)));
    });
  }

  async #read(): Promise<RegExp[] | undefined> {
    try {
      const lines = (await readFile(this.place, "utf8")).split("\n").map((line) => line.trim());
      return lines.filter((line) => line !== "").map((line) => new RegExp(line));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      const text = `the sysctls that networks may set cannot be read from ${this.place}: ${errorText(error)}`;
      throw new LanyardError("unavailable", text, { cause: error });
    }
  }
}
