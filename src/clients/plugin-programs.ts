import { readlink } from "node:fs/promises";
import { CNI_CODES, CniFailure, parseCniError } from "../model/cni/error.ts";
import { readJson } from "../model/cni/go-json.ts";
import type { CniResult } from "../model/cni/result.ts";
import {
  type CniVersion,
  formatResult,
  isAtLeast,
  parseResult,
  parseVersion,
} from "../model/cni/versions.ts";
import { type ErrorCode, InvalidValueError } from "../model/errors.ts";
import type { PluginCall, PluginRunner } from "../model/ports.ts";
import { type PluginEnd, runPluginProcess, withComplaint } from "./plugin-process.ts";

/** What programs find on a node; the agent's own PATH is that of its container. */
const NODE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Options of PluginPrograms. */
export interface PluginProgramsOptions {
  /** The program built from native/run-plugin.c. */
  readonly starter: string;
  /** Where programs are looked for, as the node sees them; the first that has one counts. */
  readonly directories: readonly string[];
  /** How long a program may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How many run at one time; 16 unless told otherwise. A reboot's storm would start hundreds. */
  readonly atOnce?: number;
  /** Folder in /proc of a process whose mounts are the node's; that of process 1 unless told otherwise. */
  readonly nodeProcess?: string;
}

/**
 * Runs the programs of CNI plugins as section 4 of the CNI specification 1.1 says, in the node's mount namespace and held to
 * limits of their own. What they throw is CniFailure where the program failed, with its own code and words; otherwise
 * LanyardError: `invalid` for a call that cannot be made of it, `not-found` where no folder has the program, `timeout`, and
 * `unavailable` where it cannot be run.
 */
export class PluginPrograms implements PluginRunner {
  readonly #options: PluginProgramsOptions;
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #mountsOf: Promise<string | undefined> | undefined;

  constructor(options: PluginProgramsOptions) {
    this.#options = options;
    this.#free = options.atOnce ?? 16;
  }

  async add(call: PluginCall): Promise<CniResult> {
    const { output } = await this.#run("ADD", call);
    const place = `result of ${call.program.type}`;
    return parseResult(readJson(output, place, "a CNI result"), place, versionOf(call));
  }

  async delete(call: PluginCall): Promise<void> {
    try {
      await this.#run("DEL", call);
    } catch (error) {
      // "The runtime does not need to perform any container network cleanup" (CNI specification 1.1.0, "Error").
      if (error instanceof CniFailure && error.cni.code === CNI_CODES.unknownContainer) return;
      throw error;
    }
  }

  async check(call: PluginCall): Promise<void> {
    await this.#run("CHECK", call);
  }

  async #run(command: "ADD" | "DEL" | "CHECK", call: PluginCall): Promise<PluginEnd> {
    const { starter, directories, timeoutMs } = this.#options;
    const { type } = call.program;
    if (type === "" || type.includes("/")) {
      throw new InvalidValueError("type of a plugin", type, "the name of a program, without /");
    }
    const environment = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: call.containerId,
      CNI_NETNS: call.namespacePath ?? "",
      CNI_IFNAME: call.interfaceName,
      CNI_ARGS: argumentsOf(call),
      CNI_PATH: directories.join(":"),
      PATH: NODE_PATH,
    };
    const input = JSON.stringify(inputOf(command, call));
    const mountsOf = await this.#findMounts();
    await this.#take();
    try {
      const end = await runPluginProcess({
        starter,
        ...(mountsOf !== undefined && { mountsOf }),
        name: type,
        directories,
        environment,
        input,
        timeoutMs,
      });
      if (end.exitCode !== 0) throw failure(command, type, end);
      return end;
    } finally {
      this.#give();
    }
  }

  /** Undefined where the node's mounts are our own. Where the kernel does not tell, they cannot be entered either. */
  #findMounts(): Promise<string | undefined> {
    const node = this.#options.nodeProcess ?? "/proc/1";
    this.#mountsOf ??= Promise.all([readlink(`${node}/ns/mnt`), readlink("/proc/self/ns/mnt")]).then(
      ([theirs, ours]) => (theirs === ours ? undefined : node),
      () => undefined,
    );
    return this.#mountsOf;
  }

  async #take(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

/** Programs of the reference refuse what they do not know, as a pod's name, unless they are told to pass over it. */
function argumentsOf({ args }: PluginCall): string {
  if (/(^|;)IgnoreUnknown=/i.test(args)) return args;
  return args === "" ? "IgnoreUnknown=1" : `IgnoreUnknown=1;${args}`;
}

/** Standard input: the configuration, with what the plugins before it came to in the words of its version. */
function inputOf(command: string, call: PluginCall): Record<string, unknown> {
  const { configuration } = call.program;
  const version = versionOf(call);
  // CNI specification 0.3.0 brought it for ADD, 0.4.0 for the others.
  const since = command === "ADD" ? "0.3.0" : "0.4.0";
  if (call.previous === undefined || !isAtLeast(version, since)) return configuration;
  return { ...configuration, prevResult: formatResult(call.previous, version) };
}

/** What the program is spoken to in. */
function versionOf({ program }: PluginCall): CniVersion {
  return parseVersion(program.configuration.cniVersion, `cniVersion of ${program.type}`);
}

function failure(command: string, program: string, end: PluginEnd): CniFailure {
  const told = parseCniError(end.output);
  const said = end.output.trim() === "" ? "said nothing" : "gave something else than a CNI error";
  const { code, msg, details } = told ?? {
    code: CNI_CODES.internal,
    msg: `ended with exit code ${end.exitCode} and ${said}`,
  };
  const more = withComplaint([details], end.complaint);
  const cni = { code, msg: `${program} ${command}: ${msg}`, ...(more !== "" && { details: more }) };
  return new CniFailure(errorCodeOf(code), cni);
}

function errorCodeOf(code: number): ErrorCode {
  switch (code) {
    case CNI_CODES.incompatibleVersion:
      return "unsupported";
    case CNI_CODES.unsupportedField:
    case CNI_CODES.invalidEnvironment:
    case CNI_CODES.undecodable:
    case CNI_CODES.invalidConfiguration:
      return "invalid";
    case CNI_CODES.ioFailure:
    case CNI_CODES.tryAgainLater:
    case CNI_CODES.notAvailable:
    case CNI_CODES.limitedConnectivity:
      return "unavailable";
    default:
      return "internal";
  }
}
