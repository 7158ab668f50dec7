import type { Answer } from "./exchange.ts";

/**
 * What a worker thread can do. Every job is one synchronous section: the worker enters the namespace, does
 * the work, and is back in its own namespace before it answers.
 */
export type Job =
  /** One netlink request. `canRepeat` for reads and dumps. */
  | {
      readonly do: "transact";
      readonly protocol: number;
      readonly request: Uint8Array;
      readonly canRepeat: boolean;
    }
  /** Writes text to a file: a sysctl as the namespace sees it, or a sysfs attribute that blocks. */
  | { readonly do: "writeFile"; readonly path: string; readonly text: string }
  | { readonly do: "readFile"; readonly path: string }
  /** The namespace's cookie (SO_NETNS_COOKIE): the same for as long as it lives, never used again until reboot. */
  | { readonly do: "readCookie" }
  /** Makes a new network namespace and gives an open descriptor of it. */
  | { readonly do: "makeNamespace" };

/** A job with where it is to be done. */
export interface JobMessage {
  readonly id: number;
  /** Open descriptor of the network namespace; undefined for the process' own. */
  readonly namespaceFd: number | undefined;
  readonly job: Job;
}

export type JobResult =
  | { readonly did: "transact"; readonly answer: Answer }
  | { readonly did: "writeFile" }
  | { readonly did: "readFile"; readonly text: string }
  | { readonly did: "readCookie"; readonly cookie: bigint }
  | { readonly did: "makeNamespace"; readonly fd: number };

/** How a worker answers. `failed` is for what is not the kernel's answer to a netlink request. */
export interface JobReply {
  readonly id: number;
  readonly result?: JobResult;
  readonly failed?: { readonly message: string; readonly errno: number | undefined };
}

/** Told to a worker that shall end. */
export const STOP = "stop";
