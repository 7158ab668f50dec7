import { LanyardError, NotFoundError } from "../../model/errors.ts";
import { errnoName } from "../errno.ts";
import type { Job, JobPart, JobResult } from "./jobs.ts";
import { JobError, type JobRunner, type Lane } from "./pool.ts";

/** A network namespace as work that is done in it needs it. */
export interface NamespacePlace {
  /**
   * The namespace's descriptor (undefined for the process' own), held open until `leave`. Asked for when the
   * work is sent, because a closed descriptor must never be used.
   */
  enter(): { readonly fd: number | undefined; leave(): void };
  /** Distinguishes this namespace's keys from another's. */
  readonly keyPrefix: string;
}

/** One thing for a worker to do, ready to be sent alone or in a sequence with others. */
export interface Prepared<T> {
  /** Words for people, for when it fails: `add address 10.0.0.1/24 to link 7`. */
  readonly operation: string;
  readonly job: Job;
  readonly place: NamespacePlace;
  readonly lane: Lane;
  readonly key?: string;
  /** Refusals that do not end the sequence, by error number. */
  readonly tolerates?: readonly number[];
  /** What a failure means here, by error number, for jobs that are no request to the kernel, such as files. */
  readonly reasons?: Readonly<Record<number, string>>;
  /** Takes what comes before the result, where the job asks for that. */
  readonly readPart?: (part: JobPart["part"]) => void;
  /** Turns the worker's result into the caller's, or throws when the kernel refused. */
  readonly read: (result: JobResult) => T;
}

/** The results of a sequence, one for each of its parts. */
export type Results<List extends readonly Prepared<unknown>[]> = {
  -readonly [Position in keyof List]: List[Position] extends Prepared<infer T> ? T : never;
};

/**
 * Does what was prepared, one after the other, in one trip to a worker: a trip costs more than what is done
 * there. The first that is refused or fails ends the sequence, and its error is thrown; what stands before it has
 * been done. The sequence runs in the lane of its first part that changes something, and with the keys of all that do.
 */
export async function perform<const List extends readonly Prepared<unknown>[]>(
  runner: JobRunner,
  list: List,
): Promise<Results<List>> {
  const leading = list.find(({ lane }) => lane !== "read") ?? list[0];
  if (leading === undefined) return [] as Results<List>;
  const entered: ReturnType<NamespacePlace["enter"]>[] = [];
  try {
    const tasks = list.map(({ job, place, tolerates }) => {
      const namespace = place.enter();
      entered.push(namespace);
      return { job, namespaceFd: namespace.fd, ...(tolerates === undefined ? {} : { tolerates }) };
    });
    const keys = list.flatMap((part) => (part.lane === "read" || part.key === undefined ? [] : [part.key]));
    const [key, ...otherKeys] = new Set(keys);
    const schedule = { lane: leading.lane, key, ...(otherKeys.length === 0 ? {} : { otherKeys }) };
    let failure: { readonly error: unknown } | undefined;
    const results = await runner.run(tasks, schedule, ({ part, position }) => {
      try {
        list[position]?.readPart?.(part);
      } catch (error) {
        // Thrown when the worker is through: here nobody would hear it.
        failure ??= { error };
      }
    });
    if (failure !== undefined) throw failure.error;
    return list.map(({ operation, read }, position) => {
      const result = results[position];
      if (result === undefined) throw new LanyardError("internal", `${operation}: the worker gave no result`);
      return read(result);
    }) as Results<List>;
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    const { operation, reasons = {} } = list[error.position] ?? leading;
    const { errno = 0 } = error;
    const reason = reasons[errno];
    const text = `${operation}: ${reason === undefined ? error.message : `${reason} (${errnoName(errno)})`}`;
    if (error.code === "not-found") throw new NotFoundError(text, { cause: error });
    throw new LanyardError(error.code, text, { cause: error });
  } finally {
    for (const { leave } of entered) leave();
  }
}
