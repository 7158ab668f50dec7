import { randomInt } from "node:crypto";
import type { Logger } from "pino";
import type { TcCapabilities } from "../linux/capabilities.ts";
import type { Kernel } from "../linux/kernel.ts";
import type { Namespace } from "../linux/namespace.ts";
import type { Link } from "../linux/route/link.ts";
import type { AttachmentDifference, AttachmentStatus } from "../model/attachment.ts";
import { LanyardError, NotFoundError } from "../model/errors.ts";
import { podKey } from "../model/pod.ts";
import type { PluginRunner } from "../model/ports.ts";
import { applySteps, undoSteps } from "./apply.ts";
import { compare } from "./check.ts";
import { failuresAsOne } from "./failures.ts";
import { type Entries, heldBy } from "./journal/entries.ts";
import type { JournalEntry, NamespaceIdentity } from "./journal/journal.ts";
import { completeRequest, refuseMissingGateway, withGatewaysOf } from "./lease/leased.ts";
import { leasedBy, leaseFromRange, planLease } from "./lease/leasing.ts";
import { LinkLookup } from "./link/lookup.ts";
import { RunningOutcome } from "./outcome.ts";
import { planAttachment } from "./plan.ts";
import { afterLink, isPlannedInTwo, untilLink } from "./plan-parts.ts";
import type { AttachmentRequest } from "./request.ts";
import { reshape } from "./shaping/reshape.ts";
import { initialStatus, statusOf } from "./status.ts";
import type { ApplyContext } from "./steps/step.ts";
import type { Step } from "./steps/steps.ts";
import { type AnnouncedLink, assumeAround, lookAround, type Surroundings } from "./surroundings.ts";
import type { LinkFacts, NodeFacts } from "./types/node-facts.ts";

/** GSO_LEGACY_MAX_SIZE (include/linux/netdevice.h): what the kernel gives every link, in bytes. */
const DEFAULT_GSO_MAX_SIZE = 65536;

/** Indexes the kernel gives out by itself start at 1: a chosen one up here is free in any namespace. */
const LEAST_NEW_INDEX = 1 << 20;
const MOST_NEW_INDEX = 1 << 30;

/** One finished operation, for the metrics. */
export interface OperationReport {
  readonly operation: "attach" | "detach" | "change";
  /** As in AttachmentStatus. */
  readonly type: string;
  readonly outcome: "done" | "failed";
  readonly seconds: number;
}

export interface LifeOptions {
  readonly kernel: Kernel;
  readonly entries: Entries;
  readonly capabilities: TcCapabilities;
  readonly programs: PluginRunner;
  readonly log: Logger;
  /** Links are asked for when absent. */
  readonly announcedLink?: AnnouncedLink;
  /** Told about every operation that ended. */
  readonly onOperation?: (report: OperationReport) => void;
}

/** Where an attachment is made, with what was read of it. */
type Places = Pick<ApplyContext, "pod" | "podLinks" | "hostLinks" | "namespacePath">;

/** What can happen to one attachment: it is made, changed, compared and ended. Whoever calls keeps the order per pod. */
export class AttachmentLife {
  readonly #options: LifeOptions;
  /** Attachments that are being taken away, by id: from several sides at once this is done once. */
  readonly #ending = new Map<number, Promise<void>>();

  constructor(options: LifeOptions) {
    this.#options = options;
  }

  /** Makes an attachment, or nothing of it. `namespace` tells who `pod` is. */
  async make(
    request: AttachmentRequest,
    pod: Namespace,
    namespace: NamespaceIdentity,
  ): Promise<AttachmentStatus> {
    const { kernel, entries, announcedLink = () => undefined } = this.#options;
    // Taken back later, it would take from the programs what they give now.
    for (const former of entries.namesakesOf(request)) await this.end(former);
    return this.#timed("attach", request, async () => {
      const assumed = assumeAround(request, kernel, pod, announcedLink);
      if (assumed !== undefined) {
        try {
          return await this.#makeAmong(assumed, request, pod, namespace);
        } catch (error) {
          // It may be no longer as it was announced. What could not be taken back is in the way of another attempt.
          if (entries.ofPod(request.pod).some((each) => each.request === request)) throw error;
        }
      }
      return await this.#makeAmong(await lookAround(request, kernel, pod), request, pod, namespace);
    });
  }

  async #makeAmong(
    { podLinks, hostLinks, below }: Surroundings,
    request: AttachmentRequest,
    pod: Namespace,
    namespace: NamespaceIdentity,
  ): Promise<AttachmentStatus> {
    const { entries, log } = this.#options;
    const places = { pod, podLinks, hostLinks, namespacePath: namespace.path };
    const facts = this.#factsOf(below);

    // Up to the journal nothing is waited for: what is free now is free when it is written down.
    this.#refuseHeld(request);
    const range = request.ipam?.type === "range" ? request.ipam : undefined;
    const leased = range && leaseFromRange(entries, request.podNetworkName, range);
    const complete = completeRequest(request, leased);
    if (!isPlannedInTwo(request)) refuseMissingGateway(complete);
    const plan = planAttachment(complete, facts);
    const steps = isPlannedInTwo(request) ? [...untilLink(plan), ...planLease(request)] : plan;
    const about = { pod: podKey(request.pod), interface: request.interfaceName };
    for (const note of request.notes ?? []) log.warn(about, note);
    const status = initialStatus(complete, namespace.path);
    const entry = entries.begin(request, namespace, steps, status, leased);
    try {
      const made = await this.#apply(entry, complete, steps, places, facts);
      entries.setState(entry, "attached", made);
      return made;
    } catch (error) {
      await this.#endOnce(entry, pod).catch((second: unknown) => {
        log.error(
          { ...about, err: second },
          "an attachment that failed could not be taken back; it is tried again later",
        );
      });
      throw error;
    }
  }

  /** Holds an attachment to another class, in place. */
  async change(entry: JournalEntry, request: AttachmentRequest, pod: Namespace): Promise<AttachmentStatus> {
    const { kernel, entries } = this.#options;
    return this.#timed("change", request, async () => {
      const podLinks = new LinkLookup(pod);
      const link = await podLinks.get(request.interfaceName);
      const facts = { ...this.#factsOf(link), link: linkFacts(link) };
      const steps = await reshape({ kernel, pod, podLinks }, entries, entry, request, facts);
      const shaping = steps.find((step) => step.kind === "shape");
      const { mac, mtu } = link;
      const { qos: _, ...status } = entry.status;
      const qos = shaping?.plan === undefined ? {} : { qos: shaping.plan.effective };
      const changed: AttachmentStatus = { ...status, ...qos, state: "attached", mac, mtu };
      entries.setState(entry, "attached", changed);
      return changed;
    });
  }

  /**
   * Takes an attachment away, and forgets it when that succeeded; fine when it is gone already. `open` is its namespace
   * where it is open.
   */
  async end(entry: JournalEntry, open?: Namespace): Promise<void> {
    await this.#timed("detach", entry.request, () => this.#endOnce(entry, open));
  }

  /** What is not as the attachment was made. */
  async compare(entry: JournalEntry, pod: Namespace): Promise<readonly AttachmentDifference[]> {
    const { kernel, entries, programs } = this.#options;
    return compare(entry, entries.journal.plan(entry.id), {
      kernel,
      pod,
      namespacePath: entry.namespace.path,
      podLinks: new LinkLookup(pod),
      hostLinks: new LinkLookup(kernel.host),
      programs,
      result: entry.status.result,
    });
  }

  /** Opens an attachment's namespace, unless it is gone or its path leads to another one by now. */
  async openNamespace({
    namespace: { path, cookie },
    isOfEarlierBoot,
  }: JournalEntry): Promise<Namespace | undefined> {
    // Cookies of one boot are given out again by the next.
    if (isOfEarlierBoot) return undefined;
    let namespace: Namespace | undefined;
    try {
      namespace = await this.#options.kernel.namespace(path);
      if (namespace.cookie() === cookie) return namespace;
    } catch (error) {
      await namespace?.[Symbol.asyncDispose]();
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
    await namespace[Symbol.asyncDispose]();
    return undefined;
  }

  /** Does the plan; gives the attachment as it is then. */
  async #apply(
    entry: JournalEntry,
    request: AttachmentRequest,
    steps: readonly Step[],
    places: Places,
    facts: NodeFacts,
  ): Promise<AttachmentStatus> {
    const { kernel, entries, programs } = this.#options;
    const outcome = new RunningOutcome(request, places);
    const context = { ...places, kernel, programs, outcome };
    const done = await applySteps(context, entries.journal, entry.id, steps);
    if (!isPlannedInTwo(request)) return statusOf(request, steps, outcome.sources);

    const made = await places.podLinks.find(request.interfaceName);
    const isMadeByProgram = request.link.type === "plugin";
    const { ipam } = request;
    const leased = ipam?.type === "program" ? leasedBy(ipam.program, outcome.take()) : undefined;
    const complete = isMadeByProgram
      ? withGatewaysOf(request, outcome.sources.told)
      : completeRequest(request, leased);
    refuseMissingGateway(complete);
    outcome.complete(complete);
    const known = isMadeByProgram ? { ...facts, link: made && linkFacts(made) } : facts;
    const whole = [...steps, ...afterLink(planAttachment(complete, known))];
    entries.extend(entry, whole, leased);
    await applySteps(context, entries.journal, entry.id, whole, done);
    return statusOf(complete, whole, outcome.sources);
  }

  #endOnce(entry: JournalEntry, open: Namespace | undefined): Promise<void> {
    const running = this.#ending.get(entry.id);
    if (running !== undefined) return running;
    const ending = this.#end(entry, open).finally(() => this.#ending.delete(entry.id));
    this.#ending.set(entry.id, ending);
    return ending;
  }

  async #end({ id }: JournalEntry, open: Namespace | undefined): Promise<void> {
    const { kernel, entries, programs, log } = this.#options;
    const entry = entries.find(id);
    if (entry === undefined) return;
    const { request, status, isOfEarlierBoot } = entry;
    entries.setState(entry, "detaching", { ...status, state: "detaching" });
    const pod = open ?? (await this.openNamespace(entry));
    try {
      const { interfaces, ips } = status.result;
      const surroundings = {
        kernel,
        pod,
        namespacePath: pod === undefined ? undefined : entry.namespace.path,
        programs,
        result: interfaces.length + ips.length === 0 ? undefined : status.result,
        tell: (sentence: string) =>
          log.warn({ pod: podKey(request.pod), interface: request.interfaceName }, sentence),
      };
      const { failures, left } = await undoSteps(surroundings, entries.journal.plan(id), isOfEarlierBoot);
      if (failures.length > 0) {
        entries.journal.keep(id, left);
        throw failuresAsOne("could not take back", failures);
      }
    } finally {
      if (open === undefined) await pod?.[Symbol.asyncDispose]();
    }
    entries.remove(entry);
  }

  #refuseHeld(request: AttachmentRequest): void {
    const holder = this.#options.entries.holderOf(request);
    if (holder === undefined) return;
    const { pod, interfaceName } = holder.request;
    const text = `${heldBy(request).join(", ")} belongs to interface ${interfaceName} of pod ${podKey(pod)}; it is free when that is gone`;
    throw new LanyardError("conflict", text);
  }

  /** What a plan must know of the link an interface stands on, or is. */
  #factsOf(link: Link | undefined): NodeFacts {
    return {
      link: link && linkFacts(link),
      newIndex: randomInt(LEAST_NEW_INDEX, MOST_NEW_INDEX),
      capabilities: this.#options.capabilities,
    };
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

function linkFacts({ name, mtu, tsoMaxSize }: Link): LinkFacts {
  // Not the link's present limit, which follows the class it has now.
  return { name, mtu, gsoMaxSize: Math.min(tsoMaxSize, DEFAULT_GSO_MAX_SIZE) };
}
