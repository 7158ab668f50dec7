import { type ChildProcess, spawn } from "node:child_process";
import { LanyardError } from "../model/errors.ts";
import { projectFile } from "./places.ts";
import type { Sample } from "./rate.ts";
import type { TrafficReport } from "./traffic-report.ts";
import { until } from "./until.ts";

/** Where an end of a transfer is. */
export interface Endpoint {
  /** For people: `alpha net1`. */
  readonly name: string;
  /** Path of a network namespace; absent for the fabric's. */
  readonly namespacePath?: string;
  readonly address: string;
}

/** What went over a connection, in bytes of payload. */
export interface Transferred {
  readonly sent: number;
  readonly received: number;
}

/** One TCP connection that carries as much as it can from one end to the other, until it is told to stop. */
export class Transfer {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly #sender: TrafficEnd;
  readonly #receiver: TrafficEnd;
  readonly #signal: AbortSignal;

  private constructor(
    from: Endpoint,
    to: Endpoint,
    ends: readonly [TrafficEnd, TrafficEnd],
    signal: AbortSignal,
  ) {
    this.from = from;
    this.to = to;
    [this.#sender, this.#receiver] = ends;
    this.#signal = signal;
  }

  /**
   * Connects and begins to send. The ends are killed when the signal comes.
   * @throws LanyardError when they do not find each other
   */
  static async start(from: Endpoint, to: Endpoint, signal: AbortSignal): Promise<Transfer> {
    const receiver = new TrafficEnd(to, ["receive", to.address], signal);
    const { port } = await receiver.next("listening", signal);
    const sender = new TrafficEnd(from, ["send", from.address, to.address, String(port)], signal);
    await sender.next("connected", signal);
    return new Transfer(from, to, [sender, receiver], signal);
  }

  /** What has arrived so far, every tenth of a second. */
  get samples(): readonly Sample[] {
    return this.#receiver.reports.filter((report) => report.kind === "sample");
  }

  /** Sends no more, and waits until everything has arrived. */
  async stop(): Promise<Transferred> {
    this.#sender.finish();
    const sender = await this.#sender.next("done", this.#signal);
    const receiver = await this.#receiver.next("done", this.#signal);
    return { sent: sender.bytes, received: receiver.bytes };
  }
}

class TrafficEnd {
  readonly reports: TrafficReport[] = [];
  readonly #place: Endpoint;
  readonly #child: ChildProcess;
  #complaint = "";
  #end: string | undefined;

  constructor(place: Endpoint, args: readonly string[], signal: AbortSignal) {
    this.#place = place;
    const command = [process.execPath, projectFile("src/demo/traffic-end.ts"), ...args];
    const enter = place.namespacePath === undefined ? [] : ["nsenter", `--net=${place.namespacePath}`, "--"];
    const [program = "", ...rest] = [...enter, ...command];
    this.#child = spawn(program, rest, { stdio: "pipe", signal, killSignal: "SIGKILL" });
    this.#child.once("error", (error) => {
      this.#end = error.message;
    });
    this.#child.once("close", (code, killer) => {
      this.#end ??= killer === null ? `exit code ${code}` : `signal ${killer}`;
    });
    this.#child.stdin?.on("error", () => {});
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint += text;
    });
    let partial = "";
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (partial + text).split("\n");
      partial = lines.pop() ?? "";
      this.reports.push(...lines.map((line) => JSON.parse(line) as TrafficReport));
    });
  }

  finish(): void {
    this.#child.stdin?.end();
  }

  async next<Kind extends TrafficReport["kind"]>(
    kind: Kind,
    signal: AbortSignal,
  ): Promise<Extract<TrafficReport, { kind: Kind }>> {
    const look = () => {
      const found = this.reports.find((report) => report.kind === kind);
      if (found === undefined && this.#end !== undefined) {
        const why = this.#complaint.trim().split("\n").slice(0, 5).join(" ") || this.#end;
        throw new LanyardError("internal", `the traffic at ${this.#place.name} has ended: ${why}`);
      }
      return found as Extract<TrafficReport, { kind: Kind }> | undefined;
    };
    return await until(`traffic at ${this.#place.name} is "${kind}"`, look, { signal });
  }
}
