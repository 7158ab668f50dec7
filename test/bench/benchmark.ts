/**
 * One measured quantity, ours beside a peer's in the same run. Only plain data: a row goes to a file as JSON.
 */
export interface Row {
  /** Name of the benchmark. */
  readonly benchmark: string;
  /** What was measured: `attach, median`. */
  readonly measure: string;
  /** Of `ours` and `peer`: `ms`. */
  readonly unit: string;
  readonly ours: number;
  /** Null where nobody else was measured. */
  readonly peer: number | null;
  /** Program and version of the peer. */
  readonly peerName: string | null;
  /** `ours` divided by `peer`; null without a peer. */
  readonly ratio: number | null;
  /** The ratio must not be above this; null where nothing is demanded. */
  readonly bar: number | null;
  /** Whether the bar holds; null without a bar. */
  readonly holds: boolean | null;
}

/** What a benchmark is given. It runs as root of a private world: own network, processes, mounts, /sys and /run. */
export interface BenchmarkContext {
  /** A folder on disk for whatever the benchmark writes; removed afterwards. */
  readonly folder: string;
}

/** Something that can be measured. A module exports one of these. */
export interface Benchmark {
  /** As it is given to `npm run bench -- NAME`. */
  readonly name: string;
  /** One sentence. */
  readonly description: string;
  /** Throws MissingProgramError where a peer is not installed, and any error when what was measured went wrong. */
  run(context: BenchmarkContext): Promise<readonly Row[]>;
}

/** A program that is compared with is not on this machine. */
export class MissingProgramError extends Error {
  constructor(program: string, debianPackage: string) {
    super(`${program} is not there; install with: apt-get install -y ${debianPackage}`);
    this.name = "MissingProgramError";
  }
}
