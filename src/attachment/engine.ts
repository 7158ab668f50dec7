import type { Logger } from "pino";
import type { TcCapabilities } from "../linux/capabilities.ts";
import type { Kernel } from "../linux/kernel.ts";
import type {
  AttachmentDifference,
  AttachmentOutcome,
  AttachmentStatus,
  Attachments,
  PodAttachments,
} from "../model/attachment.ts";
import { NotFoundError } from "../model/errors.ts";
import { type PodIdentity, podKey } from "../model/pod.ts";
import type { HeldLinks, PluginRunner } from "../model/ports.ts";
import { attach, type OwnedAttachments } from "./attach.ts";
import { failuresAsOne } from "./failures.ts";
import type { Collectable, Surveyed } from "./garbage/garbage.ts";
import { Entries, isSameOwner, type OwnerKey } from "./journal/entries.ts";
import type { Journal, JournalEntry } from "./journal/journal.ts";
import { AttachmentLife, type OperationReport } from "./life.ts";
import { endEntries, type Parts } from "./parts.ts";
import { PodOrder } from "./pod-order.ts";
import { reconcile } from "./reconcile.ts";
import { recover } from "./recovery.ts";
import type { ResolverSources } from "./resolve/resolve.ts";
import type { AnnouncedLink } from "./surroundings.ts";

export interface EngineOptions {
  readonly kernel: Kernel;
  readonly journal: Journal;
  readonly capabilities: TcCapabilities;
  readonly sources: ResolverSources;
  readonly programs: PluginRunner;
  readonly log: Logger;
  /** The node's links as they were announced last, so that they need not be asked for. */
  readonly announcedLink?: AnnouncedLink;
  /** Told about every operation that ended. */
  readonly onOperation?: (report: OperationReport) => void;
}

/**
 * Makes pods' interfaces what is wanted. Every way in uses it alike: what is asked for is compared with the
 * journal, and the difference is attached, changed or detached. Work for one pod is done in order, also that for its former
 * sandboxes; pods do not wait for each other.
 */
export class AttachmentEngine implements Attachments, HeldLinks, Collectable {
  readonly #parts: Parts;
  readonly #order = new PodOrder();
  #clearing: Promise<void> | undefined;
  #isSettling = false;

  constructor({ journal, sources, ...options }: EngineOptions) {
    const entries = new Entries(journal);
    const life = new AttachmentLife({ ...options, entries });
    this.#parts = { kernel: options.kernel, entries, life, sources, log: options.log };
  }

  /**
   * Ends what an earlier run of the agent left unfinished. Called once, before any door opens. What programs have to take
   * back of an earlier boot goes on afterwards, one after the other: a node that has just booted need not have what they
   * ask, and no pod waits for that.
   */
  async recover(): Promise<void> {
    const left = await recover(this.#parts);
    this.#clearing = this.#clear(left);
  }

  reconcile(wanted: PodAttachments): Promise<readonly AttachmentOutcome[]> {
    return this.#order.run(wanted.pod.uid, () => reconcile(wanted, this.#parts));
  }

  attach(wanted: OwnedAttachments): Promise<readonly AttachmentStatus[]> {
    return this.#order.run(wanted.pod.uid, () => attach(wanted, this.#parts), wanted.owner.sandbox);
  }

  async releaseOwned(owner: OwnerKey): Promise<void> {
    const failures = await this.#withOwned(owner, (owned) => endEntries(owned, this.#parts.life));
    if (failures.length > 0) throw failuresAsOne(`sandbox ${owner.sandbox} could not be released`, failures);
  }

  async check(owner: OwnerKey): Promise<readonly AttachmentDifference[]> {
    const { life } = this.#parts;
    let isAny = false;
    const differences = await this.#withOwned(owner, async ([first, ...others]) => {
      if (first === undefined) return [];
      isAny = true;
      await using pod = await life.openNamespace(first);
      if (pod === undefined) {
        throw new NotFoundError(
          `the network namespace of sandbox ${owner.sandbox}, ${first.namespace.path}, is gone`,
        );
      }
      const each = await Promise.all([first, ...others].map((entry) => life.compare(entry, pod)));
      return each.flat();
    });
    if (isAny) return differences;
    throw new NotFoundError(`nothing is attached for ${owner.interfaceName} of sandbox ${owner.sandbox}`);
  }

  async releaseOthers(network: string, valid: readonly OwnerKey[]): Promise<void> {
    const { entries } = this.#parts;
    const others = entries.all().filter(({ request: { owner }, state }) => {
      // What is being made now is younger than what the runtime knows.
      if (owner === undefined || owner.network !== network || state === "attaching") return false;
      return !valid.some((one) => isSameOwner(one, owner));
    });
    const ends = await Promise.allSettled(others.map(({ id }) => this.retire(id)));
    const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
    if (failures.length > 0) throw failuresAsOne(`network ${network} could not be cleared`, failures);
  }

  async releaseInterface(sandbox: string, interfaceName: string): Promise<void> {
    const entry = this.#parts.entries.all().find(({ request }) => {
      return request.owner?.sandbox === sandbox && request.interfaceName === interfaceName;
    });
    if (entry !== undefined) await this.retire(entry.id);
  }

  release(pod: PodIdentity): Promise<void> {
    const { entries, life } = this.#parts;
    return this.#order.run(pod.uid, async () => {
      const failures = await endEntries(entries.ofPod(pod), life);
      if (failures.length > 0) throw failuresAsOne(`pod ${podKey(pod)} could not be released`, failures);
    });
  }

  list(): readonly AttachmentStatus[] {
    return this.#parts.entries.all().map((entry) => entry.status);
  }

  heldLinks(): ReadonlySet<string> {
    const links = this.#parts.entries.holders().flatMap(({ request: { link } }) => {
      return (link.type === "hostDevice" || link.type === "sriov" ? link.link : undefined) ?? [];
    });
    return new Set(links);
  }

  async survey(): Promise<readonly Surveyed[]> {
    const { entries, life, log } = this.#parts;
    const surveyed: Surveyed[] = [];
    for (const entry of entries.all()) {
      const { id, state, request } = entry;
      const { pod, interfaceName, owner } = request;
      const about = { id, state, pod, interfaceName, ...(owner === undefined ? {} : { owner }) };
      try {
        await using namespace = await life.openNamespace(entry);
        surveyed.push({ ...about, hasNamespace: namespace !== undefined });
      } catch (error) {
        const what = { err: error, pod: podKey(pod), interface: interfaceName };
        log.warn(
          what,
          "it cannot be seen whether an attachment's network namespace is there; it is left alone",
        );
      }
    }
    return surveyed;
  }

  async retire(id: number): Promise<void> {
    const { entries, life } = this.#parts;
    const entry = entries.find(id);
    if (entry === undefined) return;
    await this.#order.run(entry.request.pod.uid, async () => {
      const failures = await endEntries([entries.find(id)].filter(isPresent), life);
      if (failures.length > 0) throw failures[0];
    });
  }

  /** Waits until no work is under way; what is left of earlier boots is begun no more. */
  async settle(): Promise<void> {
    this.#isSettling = true;
    await this.#order.settle();
    await this.#clearing;
  }

  async #clear(left: readonly JournalEntry[]): Promise<void> {
    for (const { id, request } of left) {
      if (this.#isSettling) return;
      await this.retire(id).catch((error: unknown) => {
        const what = { err: error, pod: podKey(request.pod), interface: request.interfaceName };
        this.#parts.log.warn(
          what,
          "programs could not take back what is left of an earlier boot; it is tried again later",
        );
      });
    }
  }

  /**
   * Does something with what an ADD made, after everything that is under way for its sandbox: a DEL may come while its
   * ADD has not ended.
   */
  async #withOwned<T>(
    owner: OwnerKey,
    work: (owned: readonly JournalEntry[]) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const { entries } = this.#parts;
    const pods = new Set([
      ...entries.ofOwner(owner).map(({ request }) => request.pod.uid),
      ...this.#order.podsOf(owner.sandbox),
    ]);
    const ofPod = (uid: string) => entries.ofOwner(owner).filter(({ request }) => request.pod.uid === uid);
    const results = await Promise.all([...pods].map((uid) => this.#order.run(uid, () => work(ofPod(uid)))));
    return results.flat();
  }
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}
