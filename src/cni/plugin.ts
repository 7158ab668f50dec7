import type { Logger } from "pino";
import type { AttachmentStatus, Attachments } from "../model/attachment.ts";
import { type CniEnvironment, parseEnvironment, podOf } from "../model/cni/environment.ts";
import { CNI_CODES, CniFailure, cniErrorOf, formatCniError } from "../model/cni/error.ts";
import type { OwnRole } from "../model/cni/own-plugin.ts";
import { EMPTY_RESULT } from "../model/cni/result.ts";
import { type CniVersion, formatResult, isAtLeast, SUPPORTED_VERSIONS } from "../model/cni/versions.ts";
import { errorText, InvalidValueError, LanyardError } from "../model/errors.ts";
import { type Call, parseCall } from "./call.ts";
import { logCall } from "./call-log.ts";
import {
  isOfItsOwn,
  type PluginInput,
  parsePluginInput,
  readRole,
  readValidAttachments,
  readWishes,
} from "./plugin-input.ts";
import { ownerOf, type PodCall, refuseDifferences, refuseOwnNamespace } from "./pod-call.ts";
import { type ReferenceSources, readReferences } from "./references.ts";

/** What the shim prints, and the code it ends with. */
export interface PluginAnswer {
  readonly exitCode: 0 | 1;
  readonly output: string;
}

export interface PluginOptions extends ReferenceSources {
  readonly attachments: Pick<Attachments, "attach" | "releaseOwned" | "check" | "releaseOthers">;
  /** Why there is nothing to stand behind; undefined while there is. */
  readonly whyNotBehind: () => string | undefined;
  readonly log: Logger;
}

const NEWEST_VERSION: CniVersion = "1.1.0";

/** In which version of the specification a command came; the others were always there. */
const SINCE: Readonly<Partial<Record<CniEnvironment["command"], CniVersion>>> = {
  CHECK: "0.4.0",
  GC: "1.1.0",
  STATUS: "1.1.0",
};

/** The plugin: what each command of the CNI specification comes to. */
export class Plugin {
  readonly #options: PluginOptions;
  /** The latest ADD of each sandbox and interface that is under way. */
  readonly #adds = new Map<string, symbol>();
  readonly #told = new Set<string>();

  constructor(options: PluginOptions) {
    this.#options = options;
  }

  /**
   * Does one call; what goes wrong is an answer, too.
   *
   * @param request as `parseCall` reads it
   * @param isAbandoned whether nobody waits for the answer any more
   */
  async answer(request: Uint8Array, isAbandoned: () => boolean): Promise<PluginAnswer> {
    let version = NEWEST_VERSION;
    try {
      const call = parseCall(request);
      const output = await logCall(this.#options.log, call.environment, async () => {
        const command = parseEnvironment(call.environment);
        if (command.command === "DEL") return await this.#delete(command, decode(call));
        if (command.command === "VERSION") return { supportedVersions: SUPPORTED_VERSIONS };
        const input = parsePluginInput(decode(call));
        version = input.version;
        return await this.#perform(command, input, isAbandoned);
      });
      return { exitCode: 0, output: output === undefined ? "" : print({ cniVersion: version, ...output }) };
    } catch (error) {
      return { exitCode: 1, output: print(formatCniError(cniErrorOf(error), version)) };
    }
  }

  /** Does a DEL that was queued while the agent was away. Throws LanyardError. */
  async deleteQueued(request: Uint8Array): Promise<void> {
    const { environment } = parseCall(request);
    await logCall(this.#options.log, environment, async () => {
      const call = parseEnvironment(environment);
      if (call.command === "DEL") return await this.#options.attachments.releaseOwned(ownerOf(call));
      throw new InvalidValueError("CNI_COMMAND of a queued call", call.command, "DEL, which alone is queued");
    });
  }

  async #perform(
    call: Exclude<CniEnvironment, { readonly command: "DEL" | "VERSION" }>,
    input: PluginInput,
    isAbandoned: () => boolean,
  ): Promise<object | undefined> {
    const since = SINCE[call.command];
    if (since !== undefined && !isAtLeast(input.version, since)) {
      const msg = `${call.command} came with version ${since} of the CNI specification; the network is of ${input.version}`;
      throw new CniFailure("unsupported", { code: CNI_CODES.incompatibleVersion, msg });
    }
    switch (call.command) {
      case "ADD":
        return await this.#add(call, input, isAbandoned);
      case "CHECK":
        return await this.#check(call, input);
      case "GC":
        await this.#options.attachments.releaseOthers(input.name, readValidAttachments(input));
        return undefined;
      case "STATUS":
        return this.#status(input);
    }
  }

  async #add(call: PodCall, input: PluginInput, isAbandoned: () => boolean): Promise<object> {
    refuseOwnNamespace(call);
    const wishes = readWishes(input);
    const role = readRole(input);
    const { previous } = wishes;
    this.#tellUnknownKeys(input.name, wishes.unknownKeys);
    requirePrevious(role.kind, previous);
    const pod = podOf(call);
    const references = await readReferences(call, role, wishes, this.#options);
    const owner = { ...ownerOf(call), network: input.name };
    const attached =
      references.length === 0
        ? []
        : await this.#attach({ pod, namespacePath: call.netns, references, owner }, isAbandoned);
    return previous ?? formatResult(attached[0]?.result ?? EMPTY_RESULT, input.version);
  }

  /** An ADD that nobody waits for is taken back: nobody will use what it made. */
  async #attach(
    wanted: Parameters<Attachments["attach"]>[0],
    isAbandoned: () => boolean,
  ): Promise<readonly AttachmentStatus[]> {
    const { attachments } = this.#options;
    const key = `${wanted.owner.sandbox} ${wanted.owner.interfaceName}`;
    const self = Symbol(key);
    this.#adds.set(key, self);
    try {
      const attached = await attachments.attach(wanted);
      const isRepeated = this.#adds.get(key) !== self;
      if (!isAbandoned() || isRepeated) return attached;
      await attachments.releaseOwned(wanted.owner);
    } finally {
      if (this.#adds.get(key) === self) this.#adds.delete(key);
    }
    throw new LanyardError(
      "timeout",
      "the caller went away before the ADD was done; what it made was taken back",
    );
  }

  /**
   * It does not fail by its configuration. Nor does it fail behind another plugin: the runtime would not come to that
   * one's DEL, and may have forgotten the sandbox. What could not be detached is in the journal, and is tried again.
   */
  async #delete(
    call: Extract<CniEnvironment, { readonly command: "DEL" }>,
    configuration: string,
  ): Promise<undefined> {
    try {
      await this.#options.attachments.releaseOwned(ownerOf(call));
    } catch (error) {
      if (isOfItsOwn(configuration)) throw error;
      const text = `sandbox ${call.containerId} is not wholly taken down, which is tried again: ${errorText(error)}`;
      this.#options.log.warn({ err: error }, text);
    }
  }

  async #check(call: PodCall, input: PluginInput): Promise<undefined> {
    refuseOwnNamespace(call);
    const wishes = readWishes(input);
    const role = readRole(input);
    if (wishes.previous === undefined) throw missingPrevious("CHECK is told what ADD came to");
    if ((await readReferences(call, role, wishes, this.#options)).length === 0) return undefined;
    refuseDifferences(await this.#options.attachments.check(ownerOf(call)));
    return undefined;
  }

  /** Once for each network: every pod has the same. */
  #tellUnknownKeys(network: string, keys: readonly string[]): void {
    const text = `network ${network}: ${keys.join(", ")} in the entry of lanyard means nothing`;
    if (keys.length === 0 || this.#told.has(text)) return;
    this.#told.add(text);
    this.#options.log.warn(text);
  }

  #status(input: PluginInput): undefined {
    const reason = readRole(input).kind === "podNetworks" ? this.#options.whyNotBehind() : undefined;
    if (reason !== undefined)
      throw new CniFailure("unavailable", { code: CNI_CODES.notAvailable, msg: reason });
  }
}

function requirePrevious(kind: OwnRole["kind"], previous: unknown): void {
  if (kind === "network" && previous !== undefined) {
    throw new InvalidValueError(
      "prevResult",
      previous,
      "none: a network of its own stands first in its list",
    );
  }
  if (kind !== "network" && previous === undefined) {
    throw missingPrevious("the plugin stands behind another one, or is told podNetworkName");
  }
}

function missingPrevious(expected: string): InvalidValueError {
  return new InvalidValueError("prevResult", undefined, `a result: ${expected}`);
}

function decode({ input }: Call): string {
  return Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString();
}

function print(document: object): string {
  return `${JSON.stringify(document)}\n`;
}
