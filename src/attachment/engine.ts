import { randomInt } from "node:crypto";
import type { Logger } from "pino";
import type { TcCapabilities } from "../linux/capabilities.ts";
import type { Kernel } from "../linux/kernel.ts";
import type { Namespace } from "../linux/namespace.ts";
import type { Link } from "../linux/route/link.ts";
import type {
  AttachmentOutcome,
  AttachmentStatus,
  Attachments,
  PodAttachments,
} from "../model/attachment.ts";
import { errorText, LanyardError, NotFoundError } from "../model/errors.ts";
import { type PodIdentity, podKey } from "../model/pod.ts";
import type { HeldLinks } from "../model/ports.ts";
import { applySteps, undoSteps } from "./apply.ts";
import type { EntryState, Journal, JournalEntry, NamespaceIdentity } from "./journal.ts";
import { LinkLookup } from "./link-lookup.ts";
import { nodeLinkOf, planAttachment } from "./plan.ts";
import { type AttachmentRequest, differsOnlyInQos, sameRequest, type UsedDevice } from "./request.ts";
import { reshape } from "./reshape.ts";
import { type ResolverSources, resolveReferences } from "./resolve.ts";
import { initialStatus, statusOf } from "./status.ts";
import type { NodeFacts } from "./types/node-facts.ts";

/** GSO_LEGACY_MAX_SIZE (include/linux/netdevice.h): what the kernel gives every link, in bytes. */
const DEFAULT_GSO_MAX_SIZE = 65536;

/** Indexes the kernel gives out by itself start at 1: a chosen one up here is free in any namespace. */
const LEAST_NEW_INDEX = 1 << 20;
const MOST_NEW_INDEX = 1 << 30;

/** One finished operation, for the metrics. */
export interface OperationReport {
  readonly operation: "attach" | "detach" | "change";
  /** LinkProfile type. */
  readonly type: string;
  readonly outcome: "done" | "failed";
  readonly seconds: number;
}

export interface EngineOptions {
  readonly kernel: Kernel;
  readonly journal: Journal;
  readonly capabilities: TcCapabilities;
  readonly sources: ResolverSources;
  readonly log: Logger;
  /** Told about every operation that ended. */
  readonly onOperation?: (report: OperationReport) => void;
}

/**
 * Makes pods' interfaces what is wanted. Every way in uses it alike: what is asked for is compared with the
 * journal, and the difference is attached, changed or detached. Work for one pod is done in order; pods do not
 * wait for each other.
 */
export class AttachmentEngine implements Attachments, HeldLinks {
  readonly #options: EngineOptions;
  /** The attachments as the journal holds them, by id. */
  readonly #entries = new Map<number, JournalEntry>();
  /** The end of the last piece of work for each pod, by uid. */
  readonly #tails = new Map<string, Promise<unknown>>();

  constructor(options: EngineOptions) {
    this.#options = options;
    for (const entry of options.journal.entries()) this.#entries.set(entry.id, entry);
  }

  /**
   * Puts an end to what an earlier run of the agent left unfinished: half-made and half-removed attachments
   * are taken back, and so is what belonged to namespaces that are gone. The doors then ask for what is wanted
   * again. Called once, before any door opens.
   */
  async recover(): Promise<void> {
    for (const entry of [...this.#entries.values()]) {
      const about = { pod: podKey(entry.request.pod), interface: entry.request.interfaceName };
      try {
        const why = await this.#whyNotWhole(entry);
        if (why === undefined) continue;
        this.#options.log.info(about, `taking back an attachment of an earlier run: ${why}`);
        await this.#detach(entry);
      } catch (error) {
        // One pod's trouble keeps no other from its agent.
        this.#options.log.error(
          { ...about, err: error },
          "an attachment of an earlier run could not be looked at or taken back; it stays in the journal",
        );
      }
    }
  }

  reconcile(wanted: PodAttachments): Promise<readonly AttachmentOutcome[]> {
    return this.#inOrder(wanted.pod, () => this.#reconcile(wanted));
  }

  release(pod: PodIdentity): Promise<void> {
    return this.#inOrder(pod, async () => {
      const failures: unknown[] = [];
      for (const entry of this.#entriesOf(pod)) {
        await this.#detach(entry).catch((error: unknown) => failures.push(error));
      }
      if (failures.length === 0) return;
      const text = `pod ${podKey(pod)} could not be released: ${failures.map(errorText).join("; ")}`;
      throw new LanyardError("kernel", text, { cause: failures[0] });
    });
  }

  list(): readonly AttachmentStatus[] {
    return [...this.#entries.values()].map((entry) => entry.status);
  }

  heldLinks(): ReadonlySet<string> {
    const links = new Set<string>();
    for (const { request } of this.#entries.values()) {
      if (request.link.type === "hostDevice") links.add(request.link.link);
    }
    return links;
  }

  /** Waits until no work is under way. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#tails.values());
  }

  async #reconcile(wanted: PodAttachments): Promise<readonly AttachmentOutcome[]> {
    await using pod = await this.#options.kernel.namespace(wanted.namespacePath);
    const identity = identifyLater(pod, wanted.namespacePath);
    const names = new Set(wanted.references.map((reference) => reference.interfaceName));
    const outcomes: AttachmentOutcome[] = [];
    for (const entry of this.#entriesOf(wanted.pod)) {
      const isElsewhere = entry.namespace.cookie !== (await identity).cookie;
      const stands = entry.state === "attached" || entry.state === "changing";
      if (names.has(entry.request.interfaceName) && stands && !isElsewhere) continue;
      const outcome = await this.#detachOutcome(entry, isElsewhere ? undefined : pod);
      // An interface that is about to be made again is reported once, by how that went.
      if (outcome.action === "failed" || !names.has(entry.request.interfaceName)) outcomes.push(outcome);
    }
    const held = new Map<string, UsedDevice>();
    for (const { request } of this.#entriesOf(wanted.pod)) {
      if (request.link.type === "hostDevice") held.set(request.interfaceName, request.link.device);
    }
    for (const resolved of await resolveReferences(wanted, this.#options.sources, held)) {
      const { interfaceName } = resolved.reference;
      if (outcomes.some((outcome) => outcome.interfaceName === interfaceName)) continue;
      outcomes.push(
        "error" in resolved
          ? { interfaceName, action: "failed", error: resolved.error }
          : await this.#converge(resolved.request, pod, identity),
      );
    }
    return outcomes;
  }

  /** Brings one interface to what its request asks for. */
  async #converge(
    request: AttachmentRequest,
    pod: Namespace,
    identity: Promise<NamespaceIdentity>,
  ): Promise<AttachmentOutcome> {
    const { interfaceName } = request;
    const entry = this.#entriesOf(request.pod).find((each) => each.request.interfaceName === interfaceName);
    try {
      if (entry === undefined) {
        return { interfaceName, action: "attached", status: await this.#attach(request, pod, identity) };
      }
      if (entry.state === "attached" && sameRequest(entry.request, request)) {
        return { interfaceName, action: "kept", status: entry.status };
      }
      if (differsOnlyInQos(entry.request, request)) {
        return { interfaceName, action: "changed", status: await this.#change(entry, request, pod) };
      }
      await this.#detach(entry, pod);
      return { interfaceName, action: "changed", status: await this.#attach(request, pod, identity) };
    } catch (error) {
      return { interfaceName, action: "failed", error: asLanyardError(error, request) };
    }
  }

  async #attach(
    request: AttachmentRequest,
    pod: Namespace,
    identity: Promise<NamespaceIdentity>,
  ): Promise<AttachmentStatus> {
    const { kernel, journal, log } = this.#options;
    return this.#timed("attach", request, async () => {
      const podLinks = new LinkLookup(pod);
      const hostLinks = new LinkLookup(kernel.host);
      const nodeLink = nodeLinkOf(request);
      // The first step looks whether the interface's name is free: it is asked for in the same trip.
      const [namespace, [below, inPod]] = await Promise.all([
        identity,
        kernel.perform([
          kernel.host.links.prepareFind(nodeLink),
          pod.links.prepareFind(request.interfaceName),
        ]),
      ]);
      hostLinks.learn(nodeLink, below);
      podLinks.learn(request.interfaceName, inPod);
      const steps = planAttachment(request, this.#factsOf(await hostLinks.get(nodeLink)));
      const entry = journal.begin(request, namespace, steps, initialStatus(request, namespace.path));
      this.#entries.set(entry.id, entry);
      try {
        await applySteps({ kernel, pod, podLinks, hostLinks }, journal, entry.id, steps);
        const status = await statusOf(request, steps, podLinks, namespace.path);
        this.#setState(entry, "attached", status);
        return status;
      } catch (error) {
        await this.#undo(entry, pod).catch((second: unknown) => {
          log.error(
            { err: second, pod: podKey(request.pod) },
            "an attachment that failed could not be taken back",
          );
        });
        throw error;
      }
    });
  }

  async #change(entry: JournalEntry, request: AttachmentRequest, pod: Namespace): Promise<AttachmentStatus> {
    const { kernel, journal } = this.#options;
    return this.#timed("change", request, async () => {
      const podLinks = new LinkLookup(pod);
      const facts = this.#factsOf(await podLinks.get(request.interfaceName));
      // What the journal holds from the first write of the change on.
      const changing: JournalEntry = { ...entry, request, state: "changing" };
      this.#entries.set(entry.id, changing);
      const steps = await reshape({ kernel, pod }, journal, entry, request, facts);
      const status = await statusOf(request, steps, podLinks, entry.namespace.path);
      this.#setState(changing, "attached", status);
      return status;
    });
  }

  async #detachOutcome(entry: JournalEntry, pod: Namespace | undefined): Promise<AttachmentOutcome> {
    const { interfaceName } = entry.request;
    try {
      await this.#detach(entry, pod);
      return { interfaceName, action: "detached" };
    } catch (error) {
      return {
        interfaceName,
        action: "failed",
        status: entry.status,
        error: asLanyardError(error, entry.request),
      };
    }
  }

  /** Takes an attachment away; `open` is its namespace where it is open already. */
  async #detach(entry: JournalEntry, open?: Namespace): Promise<void> {
    await this.#timed("detach", entry.request, async () => {
      this.#setState(entry, "detaching", { ...entry.status, state: "detaching" });
      const pod = open ?? (await this.#openIfSame(entry.namespace));
      try {
        await this.#undo(entry, pod);
      } finally {
        if (open === undefined) await pod?.[Symbol.asyncDispose]();
      }
    });
  }

  /** Takes all of an attachment back, and forgets it when that succeeded. */
  async #undo(entry: JournalEntry, pod: Namespace | undefined): Promise<void> {
    const { kernel, journal } = this.#options;
    await undoSteps({ kernel, pod }, journal, entry.id);
    journal.remove(entry.id);
    this.#entries.delete(entry.id);
  }

  /** Why an entry of an earlier run cannot stay as it is; undefined when it can. */
  async #whyNotWhole(entry: JournalEntry): Promise<string | undefined> {
    if (entry.state === "attaching" || entry.state === "detaching")
      return `it was ${entry.state} when the agent ended`;
    const pod = await this.#openIfSame(entry.namespace);
    if (pod === undefined) return "the pod's network namespace is gone";
    try {
      const link = await pod.links.find(entry.request.interfaceName);
      return link === undefined ? `its link ${entry.request.interfaceName} is gone` : undefined;
    } finally {
      await pod[Symbol.asyncDispose]();
    }
  }

  /** Opens the namespace, unless it is gone or its path leads to another one by now. */
  async #openIfSame(identity: NamespaceIdentity): Promise<Namespace | undefined> {
    let namespace: Namespace | undefined;
    try {
      namespace = await this.#options.kernel.namespace(identity.path);
      if ((await namespace.cookie()) === identity.cookie) return namespace;
    } catch (error) {
      await namespace?.[Symbol.asyncDispose]();
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
    await namespace[Symbol.asyncDispose]();
    return undefined;
  }

  /** What a plan must know of the link an interface stands on, or is. */
  #factsOf({ name, mtu, tsoMaxSize }: Link): NodeFacts {
    // Not the link's present limit, which follows the class it has now.
    const gsoMaxSize = Math.min(tsoMaxSize, DEFAULT_GSO_MAX_SIZE);
    const newIndex = randomInt(LEAST_NEW_INDEX, MOST_NEW_INDEX);
    return { link: { name, mtu, gsoMaxSize }, newIndex, capabilities: this.#options.capabilities };
  }

  #entriesOf(pod: PodIdentity): JournalEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.request.pod.uid === pod.uid);
  }

  #setState(entry: JournalEntry, state: EntryState, status: AttachmentStatus): void {
    this.#options.journal.setState(entry.id, state, status);
    this.#entries.set(entry.id, { ...entry, state, status });
  }

  #inOrder<T>(pod: PodIdentity, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(pod.uid) ?? Promise.resolve();
    const current = before.then(work, work);
    this.#tails.set(pod.uid, current);
    const forget = () => {
      if (this.#tails.get(pod.uid) === current) this.#tails.delete(pod.uid);
    };
    current.then(forget, forget);
    return current;
  }

  async #timed<T>(
    operation: OperationReport["operation"],
    request: AttachmentRequest,
    work: () => Promise<T>,
  ): Promise<T> {
    const start = performance.now();
    const report = (outcome: OperationReport["outcome"]) => {
      const seconds = (performance.now() - start) / 1000;
      this.#options.onOperation?.({ operation, type: request.link.type, outcome, seconds });
    };
    try {
      const result = await work();
      report("done");
      return result;
    } catch (error) {
      report("failed");
      throw error;
    }
  }
}

/** Asks who a namespace is, while other things are asked too. */
function identifyLater(namespace: Namespace, path: string): Promise<NamespaceIdentity> {
  const identity = namespace.cookie().then((cookie) => ({ path, cookie }));
  // Whoever needs it awaits it; when nothing needs it, its failure is nobody's.
  identity.catch(() => {});
  return identity;
}

function asLanyardError(error: unknown, request: AttachmentRequest): LanyardError {
  const who = `pod ${podKey(request.pod)}, interface ${request.interfaceName}`;
  const code = error instanceof LanyardError ? error.code : "internal";
  return new LanyardError(code, `${who}: ${errorText(error)}`, { cause: error });
}
