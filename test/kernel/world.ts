import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { text } from "node:stream/consumers";
import * as ffi from "../../src/linux/ffi.ts";
import { Kernel } from "../../src/linux/kernel.ts";
import type { LinkEvent, LinkEvents } from "../../src/linux/link-events.ts";
import type { Namespace } from "../../src/linux/namespace.ts";
import type { Link } from "../../src/linux/route/link.ts";

const CLONE_NEWNET = 0x40000000;

/** For a test's options: whatever goes wrong, it ends. */
export const PATIENCE = { timeout: 30_000 };

/**
 * Moves this process to an empty network namespace of its own, and with it every thread and process it starts from
 * now on. Called once, before anything else, by a file that listens to the node's announcements or makes links
 * there: test files run side by side in one world. The kernel takes the namespace away with the process.
 */
export function leaveSharedNamespace(): void {
  if (ffi.unshare(CLONE_NEWNET) < 0) throw new Error(`unshare: error number ${ffi.lastErrno()}`);
  execFileSync("ip", ["link", "set", "lo", "up"]);
}

/**
 * A kernel, with namespaces and processes that are gone at the end, also when the test fails:
 * `await using world = new World()`.
 */
export class World implements AsyncDisposable {
  readonly kernel = new Kernel();
  readonly #stack = new AsyncDisposableStack();

  constructor() {
    this.#stack.defer(() => this.kernel.stop());
  }

  /** Makes an empty namespace that nobody else knows. */
  async makeNamespace(): Promise<Namespace> {
    return this.#stack.use(await this.kernel.makeNamespace());
  }

  /** Starts a process that holds a namespace of its own, as a pod's sandbox does. */
  async startPod(): Promise<Pod> {
    return this.#stack.use(await Pod.start());
  }

  /**
   * Joins two namespaces by a veth pair and brings both ends up. A link made in a namespace of its own gives that
   * one no id here; see `NamespaceIds`.
   */
  async joinByVeth(
    [here, name]: readonly [Namespace, string],
    [there, peerName]: readonly [Namespace, string],
  ): Promise<readonly [Link, Link]> {
    const peer = { name: peerName, namespaceFd: there.fd };
    await here.links.create({ name, of: { kind: "veth", peer }, isUp: true });
    await there.links.set((await there.links.get(peerName)).index, { isUp: true });
    return [await here.links.get(name), await there.links.get(peerName)];
  }

  /** Does something at the end, before the kernel is stopped. */
  defer(end: () => void | Promise<void>): void {
    this.#stack.defer(end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** A process in a network namespace of its own; the namespace ends with it unless something else holds it. */
export class Pod implements AsyncDisposable {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(): Promise<Pod> {
    const command = ["--net", "sh", "-c", "echo ready; exec cat"];
    const child = spawn("unshare", command, { stdio: ["pipe", "pipe", "inherit"] });
    const pod = new Pod(child);
    const [said] = await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    if (String(said).trim() === "ready") return pod;
    throw new Error(`unshare ended with ${said}`);
  }

  get namespacePath(): string {
    return `/proc/${this.#process.pid}/ns/net`;
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}

/** Runs a program in a namespace and gives what it printed. */
export async function runIn(namespace: Namespace, command: string, ...parameters: string[]): Promise<string> {
  const net = `--net=/proc/${process.pid}/fd/${namespace.fd}`;
  const child = spawn("nsenter", [net, command, ...parameters], { stdio: ["ignore", "pipe", "pipe"] });
  const [[code], output, errors] = await Promise.all([
    once(child, "close"),
    text(child.stdout),
    text(child.stderr),
  ]);
  if (code !== 0) throw new Error(`${command} ${parameters.join(" ")} ended with ${code}: ${errors}`);
  return output;
}

/** Settles at the first announcement that is meant; fails when none comes, and says which was waited for. */
export function nextEvent(
  events: LinkEvents,
  what: string,
  isMeant: (event: LinkEvent) => boolean,
): Promise<LinkEvent> {
  return within(what, (settle) =>
    events.onChange(
      (event) => {
        if (isMeant(event)) settle(event);
      },
      () => {},
    ),
  );
}

/**
 * Waits for what `start` calls back for, and ends its subscription. The timer also keeps the process running, which
 * neither the hub nor an idle worker does. `patience` is in milliseconds.
 */
export function within<T>(
  what: string,
  start: (settle: (value: T) => void) => () => void,
  patience = 15_000,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let unsubscribe = () => {};
    const timer = setTimeout(() => {
      unsubscribe();
      reject(new Error(`did not come: ${what}`));
    }, patience);
    let isSettled = false;
    unsubscribe = start((value) => {
      isSettled = true;
      clearTimeout(timer);
      unsubscribe();
      resolve(value);
    });
    if (isSettled) unsubscribe();
  });
}

/** What the descriptors of this process lead to, such as `net:[4026531833]` or `socket:[123]`. */
export function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      // The descriptor with which the folder was read is closed by now.
      return [];
    }
  });
}
