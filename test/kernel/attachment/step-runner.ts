import { randomInt } from "node:crypto";
import { applySteps, undoSteps } from "../../../src/attachment/apply.ts";
import { failuresAsOne } from "../../../src/attachment/failures.ts";
import type { Journal } from "../../../src/attachment/journal/journal.ts";
import { LinkLookup } from "../../../src/attachment/link/lookup.ts";
import { nodeLinkOf, planAttachment, podLinkOf } from "../../../src/attachment/plan.ts";
import type { AttachmentRequest } from "../../../src/attachment/request.ts";
import { handlerOf, type Step } from "../../../src/attachment/steps/steps.ts";
import type { NodeFacts } from "../../../src/attachment/types/node-facts.ts";
import { probeCapabilities } from "../../../src/linux/capabilities.ts";
import type { Kernel } from "../../../src/linux/kernel.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";
import { EMPTY_RESULT } from "../../../src/model/cni/result.ts";
import type { PluginRunner } from "../../../src/model/ports.ts";
import { makePod, makeStateFolder, openJournal } from "./fixtures.ts";

const noProgram = () => Promise.reject(new Error("no program is run here"));
const NO_PROGRAMS: PluginRunner = { add: noProgram, delete: noProgram, check: noProgram };
const OUTCOME = { soFar: async () => EMPTY_RESULT, replace: () => {} };

/** What a test does not care about. */
export function requestOf(
  request: Pick<AttachmentRequest, "link"> & Partial<AttachmentRequest>,
): AttachmentRequest {
  return {
    pod: makePod("steps"),
    interfaceName: "net1",
    podNetworkName: "some",
    addresses: [],
    routes: [],
    ...request,
  };
}

/** Plans requests and does their steps, by a journal of its own and without an engine around them. */
export class StepRunner implements Disposable {
  readonly #kernel: Kernel;
  readonly #state = makeStateFolder();
  #journal: Journal = openJournal(this.#state.path);
  /** What undoing had to say. */
  readonly told: string[] = [];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** The agent ends, and another takes its place. */
  reopen(): void {
    this.#journal.close();
    this.#journal = openJournal(this.#state.path);
  }

  async plan(request: AttachmentRequest, pod: Namespace): Promise<Step[]> {
    const { host } = this.#kernel;
    const [onNode, inPod] = [nodeLinkOf(request), podLinkOf(request)];
    const link =
      (onNode === undefined ? undefined : await host.links.find(onNode)) ??
      (inPod === undefined ? undefined : await pod.links.find(inPod));
    await using scratch = await this.#kernel.makeNamespace();
    const facts: NodeFacts = {
      link: link && {
        name: link.name,
        mtu: link.mtu,
        gsoMaxSize: Math.min(link.tsoMaxSize, 65_536),
      },
      newIndex: randomInt(1 << 20, 1 << 30),
      capabilities: await probeCapabilities(scratch),
    };
    return planAttachment(request, facts);
  }

  /** Attaches, and gives the number in the journal. What failed is taken back. */
  async make(request: AttachmentRequest, namespacePath: string): Promise<number> {
    await using pod = await this.#kernel.namespace(namespacePath);
    const steps = await this.plan(request, pod);
    const identity = { path: namespacePath, cookie: pod.cookie() };
    const status = {
      pod: request.pod,
      interfaceName: request.interfaceName,
      podNetworkName: request.podNetworkName,
      type: request.link.type,
      state: "attaching",
      mac: "",
      mtu: 0,
      addresses: request.addresses,
      result: EMPTY_RESULT,
      namespacePath,
    } as const;
    const { id } = this.#journal.begin(request, identity, steps, status);
    try {
      await applySteps({ ...this.#places(pod, namespacePath), outcome: OUTCOME }, this.#journal, id, steps);
    } catch (error) {
      await this.#undo(id, pod, namespacePath);
      this.forget(id);
      throw error;
    }
    return id;
  }

  /** Everything about an attachment that is not as it was made. */
  async check(id: number, namespacePath: string): Promise<string[]> {
    await using pod = await this.#kernel.namespace(namespacePath);
    const { steps, before } = this.#journal.plan(id);
    const context = { ...this.#places(pod, namespacePath), result: EMPTY_RESULT };
    const found: string[] = [];
    for (const [position, step] of steps.entries())
      found.push(...((await handlerOf(step).check?.(context, step as never, before[position])) ?? []));
    return found;
  }

  /** Takes an attachment back; without a path its namespace is gone. May be asked for again. */
  async undo(id: number, namespacePath?: string): Promise<void> {
    if (namespacePath === undefined) return await this.#undo(id, undefined, undefined);
    await using pod = await this.#kernel.namespace(namespacePath);
    await this.#undo(id, pod, namespacePath);
  }

  /** Makes room for another attachment of the same interface. */
  forget(id: number): void {
    this.#journal.remove(id);
  }

  [Symbol.dispose](): void {
    this.#journal.close();
    this.#state.remove();
  }

  async #undo(id: number, pod: Namespace | undefined, namespacePath: string | undefined): Promise<void> {
    const kernel = this.#kernel;
    const tell = (sentence: string) => this.told.push(sentence);
    const context = { kernel, pod, namespacePath, programs: NO_PROGRAMS, result: undefined, tell };
    const { failures, left } = await undoSteps(context, this.#journal.plan(id), false);
    if (failures.length === 0) return;
    this.#journal.keep(id, left);
    throw failuresAsOne("could not take back", failures);
  }

  #places(pod: Namespace, namespacePath: string) {
    const kernel = this.#kernel;
    const podLinks = new LinkLookup(pod);
    const hostLinks = new LinkLookup(kernel.host);
    return { kernel, pod, namespacePath, podLinks, hostLinks, programs: NO_PROGRAMS };
  }
}
