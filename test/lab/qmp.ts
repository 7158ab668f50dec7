import { open } from "node:fs/promises";

const MOST_ATTEMPTS = 2000;

type Answer = Readonly<Record<string, unknown>>;

/** QEMU's own monitor, as the guest sees it: it pulls cables and cards (the QMP specification of QEMU). */
export class MachineMonitor implements AsyncDisposable {
  readonly #file: Awaited<ReturnType<typeof open>>;
  #rest = "";
  readonly #events: Answer[] = [];

  private constructor(file: Awaited<ReturnType<typeof open>>) {
    this.#file = file;
  }

  static async open(): Promise<MachineMonitor> {
    const monitor = new MachineMonitor(await open("/dev/virtio-ports/lab.qmp", "r+"));
    // QEMU takes it once in the machine's life; another file may have opened the monitor before.
    await monitor.execute("qmp_capabilities").catch((error: Error) => {
      if (!error.message.includes("already complete")) throw error;
    });
    return monitor;
  }

  /** Runs a command and waits for its answer; events in between are kept. */
  async execute(command: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.#file.write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`);
    for (;;) {
      const answer = await this.#readLine();
      if ("return" in answer) return;
      if ("error" in answer) throw new Error(`${command}: ${JSON.stringify(answer.error)}`);
      this.#events.push(answer);
    }
  }

  /** Waits until a card is unplugged, as QEMU tells it after the guest has let it go. */
  async waitForUnplugged(device: string): Promise<void> {
    const isMeant = ({ event, data }: Answer) =>
      event === "DEVICE_DELETED" && (data as { device?: string } | undefined)?.device === device;
    while (!this.#events.some(isMeant)) this.#events.push(await this.#readLine());
  }

  /** Plugs a card in again. QEMU frees a card's name and cable a little after it told that it is gone. */
  async plug(card: Readonly<Record<string, string>>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.execute("device_add", card);
      } catch (error) {
        if (attempt === MOST_ATTEMPTS) throw error;
      }
    }
  }

  async #readLine(): Promise<Answer> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return JSON.parse(line);
      }
      const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(65_536), 0, 65_536);
      if (bytesRead === 0) throw new Error("QEMU's monitor does not answer any more");
      this.#rest += buffer.toString("utf8", 0, bytesRead);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
