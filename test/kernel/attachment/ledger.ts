import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CniResult, EMPTY_RESULT } from "../../../src/model/cni/result.ts";
import type { PluginCall, PluginRunner } from "../../../src/model/ports.ts";

/**
 * A fake of other plugins' programs, for what no real one can show: what is left when the agent is killed. As a real one
 * it keeps on the disk whom it served. Called `ledger` it gives out an address, called otherwise it changes nothing.
 */
export class LedgerPrograms implements PluginRunner {
  static readonly address = "10.60.0.77/24";
  readonly calls: { readonly command: string; readonly call: PluginCall }[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = join(folder, "ledger");
    mkdirSync(this.#folder, { recursive: true });
  }

  /** Whom it serves now, `ledger box net1`. */
  served(): string[] {
    return readdirSync(this.#folder).sort();
  }

  async add(call: PluginCall): Promise<CniResult> {
    this.calls.push({ command: "ADD", call });
    writeFileSync(this.#file(call), "");
    if (call.program.type !== "ledger") return call.previous ?? EMPTY_RESULT;
    return { ...EMPTY_RESULT, ips: [{ address: LedgerPrograms.address, gateway: "10.60.0.1" }] };
  }

  async delete(call: PluginCall): Promise<void> {
    this.calls.push({ command: "DEL", call });
    rmSync(this.#file(call), { force: true });
  }

  async check(call: PluginCall): Promise<void> {
    this.calls.push({ command: "CHECK", call });
  }

  #file({ program, containerId, interfaceName }: PluginCall): string {
    return join(this.#folder, `${program.type} ${containerId} ${interfaceName}`);
  }
}
