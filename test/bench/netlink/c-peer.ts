import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { MissingProgramError } from "../benchmark.ts";

/** `peer.c`, built for this run. */
export class CPeer {
  readonly #program: string;
  readonly name: string;

  /** @param folder where the program is put */
  constructor(folder: string) {
    this.#program = join(folder, "peer");
    const source = join(import.meta.dirname, "peer.c");
    const built = spawnSync("cc", ["-Wall", "-Wextra", "-Werror", "-O2", "-o", this.#program, source], {
      encoding: "utf8",
    });
    if (built.error !== undefined) throw new MissingProgramError("cc", "gcc libc6-dev");
    if (built.status !== 0) throw new Error(`cc ${source}: ${built.stderr}`);
    const version = execFileSync("cc", ["-dumpfullversion"], { encoding: "utf8" }).trim();
    this.name = `C (gcc ${version} -O2)`;
  }

  /** Microseconds of each round; fails when a round read another number of links. */
  measure(expectedLinks: number, ...words: string[]): number[] {
    const output = execFileSync(this.#program, words, { encoding: "utf8", maxBuffer: 64 << 20 });
    return output
      .trim()
      .split("\n")
      .map((line) => {
        const [nanoseconds, links] = line.split(" ").map(Number) as [number, number];
        if (links !== expectedLinks) throw new Error(`C read ${links} links where ${expectedLinks} are`);
        return nanoseconds / 1000;
      });
  }
}

/** iproute2's version, as `ip -V` tells it. */
export function readIproute2Name(): string {
  const { stdout, error } = spawnSync("ip", ["-V"], { encoding: "utf8" });
  if (error !== undefined) throw new MissingProgramError("ip", "iproute2");
  return /iproute2-\S+/.exec(stdout)?.[0].replace(/,$/, "") ?? stdout.trim();
}
