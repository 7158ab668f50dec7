import { closeSync } from "node:fs";
import { LanyardError } from "../../model/errors.ts";
import type { NamespacePlace } from "../worker/prepared.ts";

/**
 * A descriptor that calls in flight keep open: a number that was closed and given out again would be another object.
 * It stands where a network namespace would, because BPF objects belong to none.
 */
export class Descriptor implements NamespacePlace, Disposable {
  readonly keyPrefix: string;
  /** How the object is named in errors. */
  readonly name: string;
  readonly #fd: number;
  #inFlight = 0;
  #isDisposed = false;

  constructor(fd: number, name: string) {
    this.#fd = fd;
    this.name = name;
    this.keyPrefix = `bpf ${fd}`;
  }

  get fd(): number {
    this.#refuseWhenDisposed();
    return this.#fd;
  }

  enter(): { fd: undefined; leave: () => void } {
    this.#refuseWhenDisposed();
    this.#inFlight += 1;
    return {
      fd: undefined,
      leave: () => {
        this.#inFlight -= 1;
        this.#closeWhenUnused();
      },
    };
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#closeWhenUnused();
  }

  #refuseWhenDisposed(): void {
    if (this.#isDisposed) throw new LanyardError("internal", `${this.name} is used after it was closed`);
  }

  #closeWhenUnused(): void {
    if (this.#isDisposed && this.#inFlight === 0) closeSync(this.#fd);
  }
}
