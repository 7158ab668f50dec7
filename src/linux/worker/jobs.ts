import type { ErrorCode } from "../../model/errors.ts";
import type { Answer } from "../netlink/exchange.ts";
import type { BpfAnswer, BpfCall } from "./bpf-call.ts";
import type { IoctlAnswer, LinkIoctl } from "./link-ioctl.ts";
import type { FramesToSend } from "./send-frames.ts";

/**
 * What a worker thread can do. Every job is one synchronous section: the worker enters the namespace, does
 * the work, and is back in its own namespace before it answers.
 */
export type Job =
  /** One netlink request. `canRepeat` for reads and dumps. `inParts`: a long answer comes as it is received. */
  | {
      readonly do: "transact";
      readonly protocol: number;
      readonly request: Uint8Array;
      readonly canRepeat: boolean;
      readonly inParts?: boolean;
    }
  /** An ioctl about a link (see `linkIoctl`). */
  | ({ readonly do: "ioctl" } & LinkIoctl)
  /** One call of bpf(2). */
  | ({ readonly do: "bpf" } & BpfCall)
  /** Raw packets. */
  | ({ readonly do: "sendFrames" } & FramesToSend)
  /** Writes text to a file: a sysctl as the namespace sees it, or a sysfs attribute that blocks. */
  | { readonly do: "writeFile"; readonly path: string; readonly text: string }
  | { readonly do: "readFile"; readonly path: string }
  /** The namespace's cookie (SO_NETNS_COOKIE): the same for as long as it lives, never used again until reboot. */
  /** Makes a new network namespace and gives an open descriptor of it. */
  | { readonly do: "makeNamespace" };

/** A job with where it is to be done. */
export interface Task {
  readonly job: Job;
  /** Open descriptor of the network namespace; undefined for the process' own. */
  readonly namespaceFd: number | undefined;
  /** Error numbers of the kernel that do not end the sequence the task stands in. */
  readonly tolerates?: readonly number[];
}

/** Tasks that a worker does one after the other; the first that fails ends the sequence. */
export interface JobMessage {
  readonly tasks: readonly Task[];
}

export type JobResult =
  | { readonly did: "transact"; readonly answer: Answer }
  | ({ readonly did: "ioctl" } & IoctlAnswer)
  | ({ readonly did: "bpf" } & BpfAnswer)
  /** 0, or the error number with which a frame was refused. */
  | { readonly did: "sendFrames"; readonly errno: number }
  | { readonly did: "writeFile" }
  | { readonly did: "readFile"; readonly text: string }
  | { readonly did: "makeNamespace"; readonly fd: number };

/** What a job has brought so far; its result has the rest. */
export interface JobPart {
  readonly part: Pick<Answer, "pieces" | "attempt">;
  /** Of the task it is from. */
  readonly position: number;
}

/** How a worker answers. `failed` is for what is not the kernel's answer to a netlink request. */
export interface JobReply {
  /** One result for each task that was done, the refused one at the end included. */
  readonly results: readonly JobResult[];
  readonly failed?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly errno: number | undefined;
  };
}

/** Told to a worker that shall end. */
export const STOP = "stop";
