import { closeSync, readlinkSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { InvalidValueError, LanyardError } from "../../model/errors.ts";
import { EAGAIN, ENOSPC } from "../errno.ts";
import { numberOfWord } from "../route/names.ts";
import { wholeNumber } from "../whole-number.ts";
import type { JobRunner } from "../worker/pool.ts";
import { BpfClient } from "./client.ts";
import {
  encodeGetById,
  encodeGetPinned,
  encodeMapCreate,
  encodeProgramLoad,
  LOG_BUFFER,
  type ProgramLoad,
} from "./commands.ts";
import { Descriptor } from "./descriptor.ts";
import { BpfError } from "./error.ts";
import { askMapInfo, BpfMap, type BpfMapShape, type BpfMapType, MAP_TYPES } from "./map.ts";
import { BpfProgram, type MapReference, PROGRAM_TYPES, relocate } from "./program.ts";

/** Bytes for the verifier's log, at first and at most. */
const LOG_SIZE = 64 * 1024;
const MOST_LOG_SIZE = 16 * 1024 * 1024;
/** A signal makes the verifier give up with EAGAIN. */
const LOAD_ATTEMPTS = 5;

/** A program to be loaded. */
export interface NewProgram {
  /** For people: up to 15 letters, digits, `_` and `.`. */
  readonly name: string;
  readonly type: keyof typeof PROGRAM_TYPES;
  /** `GPL` where the program calls what the kernel lends to such programs only. */
  readonly license: string;
  /** Machine instructions of 8 bytes each (struct bpf_insn). */
  readonly instructions: Uint8Array;
  /** Maps that instructions name. */
  readonly maps?: readonly MapReference[];
  /** The kernel's number of the place it will be attached to, where its type has several; 0 when absent. */
  readonly expectedAttachType?: number;
}

/** A map to be made. */
export interface NewMap extends BpfMapShape {
  /** For people: up to 15 letters, digits, `_` and `.`. */
  readonly name: string;
}

/**
 * BPF programs and maps, through bpf(2): programs come as machine instructions. Objects live as long as something
 * holds them: `using program = await kernel.bpf.loadProgram(...)` until the end of the block, and the filter that it was
 * given to. Needs CAP_BPF and CAP_NET_ADMIN. All calls throw BpfError when the kernel refuses.
 */
export class Bpf {
  readonly #client: BpfClient;

  constructor(runner: JobRunner) {
    this.#client = new BpfClient(runner);
  }

  /**
   * Hands a program to the kernel, which verifies it. A refusal carries what the verifier said
   * (`BpfError.verifierLog`). Throws InvalidValueError, also for a map reference that is none.
   */
  async loadProgram({
    name,
    type,
    license,
    instructions,
    maps = [],
    ...rest
  }: NewProgram): Promise<BpfProgram> {
    checkName(name);
    const what = `the BPF program "${name}"`;
    const program: Omit<ProgramLoad, "logSize"> = {
      type: numberOfWord(`type of ${what}`, PROGRAM_TYPES, type),
      expectedAttachType: wholeNumber(`expectedAttachType of ${what}`, rest.expectedAttachType ?? 0),
      name,
      license,
      instructions: relocate(instructions, maps),
    };
    return new BpfProgram(this.#client, await this.#load(`load ${what}`, program), what);
  }

  /** Makes an empty map; one of an array type is full of zeros. Throws InvalidValueError. */
  async createMap({ name, type, keySize, valueSize, capacity }: NewMap): Promise<BpfMap> {
    checkName(name);
    const what = `the BPF map "${name}"`;
    const shape = {
      type,
      keySize: wholeNumber(`keySize of ${what}`, keySize, 1),
      valueSize: wholeNumber(`valueSize of ${what}`, valueSize, 1),
      capacity: wholeNumber(`capacity of ${what}`, capacity, 1),
    };
    const call = encodeMapCreate({ ...shape, name, type: numberOfWord(`type of ${what}`, MAP_TYPES, type) });
    const { result } = await this.#client.call(`make ${what}`, call, "slow");
    return new BpfMap(this.#client, result, what, shape);
  }

  /** Opens a program by its number, as a filter reports it. */
  async openProgram(id: number): Promise<BpfProgram> {
    const what = `the BPF program ${id}`;
    const { result } = await this.#client.call(`open ${what}`, encodeGetById("program", id), "read");
    return new BpfProgram(this.#client, result, what);
  }

  /** Opens a map by its number, as `BpfProgram.info` reports it. */
  async openMap(id: number): Promise<BpfMap> {
    const what = `the BPF map ${id}`;
    const { result } = await this.#client.call(`open ${what}`, encodeGetById("map", id), "read");
    return await this.#takeMap(result, what);
  }

  /** Opens a program that was pinned. */
  async openPinnedProgram(path: string): Promise<BpfProgram> {
    return new BpfProgram(this.#client, await this.#openPinned(path, "prog"), `the BPF program at ${path}`);
  }

  /** Opens a map that was pinned. */
  async openPinnedMap(path: string): Promise<BpfMap> {
    return await this.#takeMap(await this.#openPinned(path, "map"), `the BPF map at ${path}`);
  }

  /** Removes a pin; what was pinned goes when nobody else holds it. */
  async unpin(path: string): Promise<void> {
    await unlink(path);
  }

  async #load(operation: string, program: Omit<ProgramLoad, "logSize">): Promise<number> {
    const { errno, result } = await this.#tryLoad(operation, { ...program, logSize: 0 });
    if (errno === 0) return result;
    // Said again, this time with room for the reason.
    for (let logSize = LOG_SIZE; ; logSize *= 4) {
      const again = await this.#tryLoad(operation, { ...program, logSize });
      if (again.errno === 0) return again.result;
      if (again.errno === ENOSPC && logSize < MOST_LOG_SIZE) continue;
      throw new BpfError(operation, errno, readLog(again.buffers[LOG_BUFFER]));
    }
  }

  async #tryLoad(operation: string, program: ProgramLoad) {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#client.attempt(operation, encodeProgramLoad(program), "slow");
      if (answer.errno !== EAGAIN || attempt === LOAD_ATTEMPTS) return answer;
    }
  }

  async #openPinned(path: string, kind: "prog" | "map"): Promise<number> {
    const { result } = await this.#client.call(
      `open the BPF object at ${path}`,
      encodeGetPinned(path),
      "read",
    );
    const found = readlinkSync(`/proc/self/fd/${result}`);
    if (found === `anon_inode:bpf-${kind}`) return result;
    closeSync(result);
    const expected = `a BPF ${kind === "prog" ? "program" : "map"}, not ${found}`;
    throw new InvalidValueError("path of a pinned BPF object", path, expected);
  }

  /** Asks what a map is, which must be known to read it. Closes the descriptor before it throws. */
  async #takeMap(fd: number, what: string): Promise<BpfMap> {
    try {
      const info = await askMapInfo(this.#client, new Descriptor(fd, what));
      return new BpfMap(this.#client, fd, what, { ...info, type: nameOfMapType(info.type, what) });
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
}

function checkName(name: string): void {
  if (/^[A-Za-z0-9_.]{1,15}$/.test(name)) return;
  throw new InvalidValueError("name of a BPF object", name, "1 to 15 letters, digits, `_` and `.`");
}

function nameOfMapType(type: number, what: string): BpfMapType {
  const name = (Object.keys(MAP_TYPES) as BpfMapType[]).find((key) => MAP_TYPES[key] === type);
  if (name !== undefined) return name;
  throw new LanyardError("unsupported", `${what} is of a type that is not read here (${type})`);
}

/** The verifier's text, up to the first zero byte. */
function readLog(bytes: Uint8Array = new Uint8Array()): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString();
}
