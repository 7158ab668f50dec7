import { errorText } from "../model/errors.ts";
import { withMore } from "./failures.ts";
import { podLinkOf } from "./plan.ts";
import type { AttachmentRequest } from "./request.ts";

/** Requests one after the other: a lane. Lanes go side by side: a stage. Stages follow each other. */
export type Stage = readonly (readonly AttachmentRequest[])[];

/**
 * In which order the attachments of one call are made. What is independent goes side by side, but for other programs, which
 * run one after the other as they are named. What stands on another interface of the call waits for that, and what
 * changes the pod's default routes for all others: those that are there by then are the ones it changes.
 */
export function stagesOf(requests: readonly AttachmentRequest[]): Stage[] {
  const isLast = ({ defaultGateways }: AttachmentRequest) => defaultGateways !== undefined;
  const below = (request: AttachmentRequest) =>
    requests.find((other) => other !== request && other.interfaceName === podLinkOf(request));
  const first = requests.filter((request) => !isLast(request) && below(request) === undefined);
  const runs = first.filter(runsPrograms);
  const lanes = [...first.filter((request) => !runsPrograms(request)).map((request) => [request]), runs];
  const stages: Stage[] = [lanes.filter((lane) => lane.length > 0)];

  const waiting = requests.filter((request) => !first.includes(request));
  const isFree = (request: AttachmentRequest) => !waiting.some((other) => other === below(request));
  while (waiting.length > 0) {
    const next = waiting.find((each) => isFree(each) && !isLast(each)) ?? waiting.find(isFree) ?? waiting[0];
    waiting.splice(waiting.indexOf(next as AttachmentRequest), 1);
    stages.push([[next as AttachmentRequest]]);
  }
  return stages.filter((stage) => stage.length > 0);
}

/** What is done with one attachment of a call. */
export interface Deeds<T> {
  make(request: AttachmentRequest): Promise<T>;
  /** Takes back what `make` made. */
  takeBack(request: AttachmentRequest): Promise<void>;
}

/**
 * Makes all, or nothing: when one fails, those that were made are taken back, the last first, and the first failure, by
 * the order of the requests, is thrown with the others told. Gives what was made of each request.
 */
export async function makeAll<T>(
  requests: readonly AttachmentRequest[],
  { make, takeBack }: Deeds<T>,
): Promise<Map<AttachmentRequest, T>> {
  const made = new Map<AttachmentRequest, T>();
  const failed = new Map<AttachmentRequest, unknown>();
  for (const stage of stagesOf(requests)) {
    await Promise.all(
      stage.map(async (lane) => {
        for (const request of lane) {
          try {
            made.set(request, await make(request));
          } catch (error) {
            failed.set(request, error);
            return;
          }
        }
      }),
    );
    if (failed.size > 0) break;
  }
  if (failed.size === 0) return made;

  const failures = requests.filter((request) => failed.has(request)).map((request) => failed.get(request));
  const more: string[] = failures.slice(1).map(errorText);
  for (const request of [...made.keys()].reverse()) {
    await takeBack(request).catch((error: unknown) => {
      more.push(`what was made could not be taken back and is tried again later: ${errorText(error)}`);
    });
  }
  throw withMore(failures[0], more);
}

/** Ends attachments, each after those that stand on it; gives what failed. */
export async function endAll(
  requests: readonly AttachmentRequest[],
  end: (request: AttachmentRequest) => Promise<void>,
): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const stage of stagesOf(requests).reverse()) {
    await Promise.all(
      stage.map(async (lane) => {
        for (const request of [...lane].reverse()) {
          await end(request).catch((error: unknown) => failures.push(error));
        }
      }),
    );
  }
  return failures;
}

function runsPrograms({ link, ipam, programs = [] }: AttachmentRequest): boolean {
  return link.type === "plugin" || ipam?.type === "program" || programs.length > 0;
}
