import type { AttachmentOwner, AttachmentStatus } from "../../model/attachment.ts";
import type { PodIdentity } from "../../model/pod.ts";
import type { Leased } from "../lease/leased.ts";
import type { AttachmentRequest } from "../request.ts";
import type { Step } from "../steps/steps.ts";
import { containerIdOf } from "../types/common.ts";
import type {
  EntryState,
  Journal,
  JournalEntry,
  JournalPlan,
  NamespaceIdentity,
  RangeOfNetwork,
} from "./journal.ts";

/** One ADD of a runtime, as its DEL names it. */
export type OwnerKey = Pick<AttachmentOwner, "sandbox" | "interfaceName">;

/** The attachments as the journal holds them, at hand. Every change is in the journal when it can be seen here. */
export class Entries {
  readonly journal: Journal;
  readonly #byId = new Map<number, JournalEntry>();

  constructor(journal: Journal) {
    this.journal = journal;
    for (const entry of journal.entries()) this.#byId.set(entry.id, entry);
  }

  /** Oldest first. */
  all(): JournalEntry[] {
    return [...this.#byId.values()];
  }

  /** As it is now; undefined when it is gone. */
  find(id: number): JournalEntry | undefined {
    return this.#byId.get(id);
  }

  /** What a pod has, in whichever of its sandboxes of this boot. */
  ofPod({ uid }: Pick<PodIdentity, "uid">): JournalEntry[] {
    return this.#living().filter((entry) => entry.request.pod.uid === uid);
  }

  /** What is left of earlier boots that programs know by the same names as what a request asks for. */
  namesakesOf(request: AttachmentRequest): JournalEntry[] {
    return this.all().filter(
      (entry) =>
        entry.isOfEarlierBoot &&
        entry.request.interfaceName === request.interfaceName &&
        containerIdOf(entry.request) === containerIdOf(request),
    );
  }

  ofOwner(owner: OwnerKey): JournalEntry[] {
    return this.all().filter(
      ({ request }) => request.owner !== undefined && isSameOwner(request.owner, owner),
    );
  }

  /** The attachment that has the device or link that a request is about; undefined while it is free. */
  holderOf(request: AttachmentRequest): JournalEntry | undefined {
    return this.#living().find((entry) => isSameDevice(entry.request, request));
  }

  /** Those that have a device or link which nobody else can have meanwhile. */
  holders(): JournalEntry[] {
    return this.#living().filter(({ request }) => heldBy(request).length > 0);
  }

  /** Every address on a network that is given out or was asked for, without prefix length. */
  addressesOf(podNetworkName: string): Set<string> {
    const ofNetwork = this.#living().filter(({ request }) => request.podNetworkName === podNetworkName);
    const addresses = ofNetwork.flatMap(({ request, leased }) => [
      ...request.addresses,
      ...(leased?.ips ?? []).map(({ address }) => address),
    ]);
    return new Set(addresses.map((address) => address.slice(0, address.indexOf("/"))));
  }

  begin(
    request: AttachmentRequest,
    namespace: NamespaceIdentity,
    steps: readonly Step[],
    status: AttachmentStatus,
    leased: Leased | undefined,
  ): JournalEntry {
    const entry = this.journal.begin(request, namespace, steps, status, leased);
    this.#byId.set(entry.id, entry);
    return entry;
  }

  extend(entry: JournalEntry, steps: readonly Step[], leased: Leased | undefined): void {
    this.journal.extend(entry.id, steps, leased);
    if (leased !== undefined) this.#byId.set(entry.id, { ...entry, leased });
  }

  setState({ id }: JournalEntry, state: EntryState, status: AttachmentStatus): void {
    this.journal.setState(id, state, status);
    const entry = this.#byId.get(id);
    if (entry !== undefined) this.#byId.set(id, { ...entry, state, status });
  }

  /** From here on the attachment may be on its way from what it was to what `request` and `plan` say. */
  beginChange(entry: JournalEntry, request: AttachmentRequest, plan: JournalPlan): void {
    this.journal.beginChange(entry.id, request, plan);
    this.#byId.set(entry.id, { ...entry, request, state: "changing" });
  }

  remove({ id }: JournalEntry): void {
    this.journal.remove(id);
    this.#byId.delete(id);
  }

  /** Without those of earlier boots: what programs have to take back of them is in nobody's way. */
  #living(): JournalEntry[] {
    return this.all().filter((entry) => !entry.isOfEarlierBoot);
  }

  lastGiven(range: RangeOfNetwork): string | undefined {
    return this.journal.lastGiven(range);
  }

  setLastGiven(range: RangeOfNetwork, address: string): void {
    this.journal.setLastGiven(range, address);
  }
}

export function isSameOwner(one: OwnerKey, other: OwnerKey): boolean {
  return one.sandbox === other.sandbox && one.interfaceName === other.interfaceName;
}

/** What only one attachment at a time can have, in words for people: a function and a link may be the same thing. */
export function heldBy({ link }: AttachmentRequest): readonly string[] {
  if (link.type !== "hostDevice" && link.type !== "sriov") return [];
  return [
    ...(link.link === undefined ? [] : [`link "${link.link}" of the node`]),
    ...(link.pciAddress === undefined ? [] : [`PCI function ${link.pciAddress}`]),
  ];
}

/** Functions are told apart by their addresses: the name that one left with may be another's by now. */
function isSameDevice({ link: one }: AttachmentRequest, { link: other }: AttachmentRequest): boolean {
  if (one.type !== "hostDevice" && one.type !== "sriov") return false;
  if (other.type !== "hostDevice" && other.type !== "sriov") return false;
  if (one.pciAddress !== undefined && other.pciAddress !== undefined)
    return one.pciAddress === other.pciAddress;
  return one.link !== undefined && one.link === other.link;
}
