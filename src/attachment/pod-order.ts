/** Does the work for one pod in the order it was asked for; pods do not wait for each other. */
export class PodOrder {
  /** The end of the last piece of work for each pod, by uid. */
  readonly #tails = new Map<string, Promise<unknown>>();
  /** Which sandbox a piece of work is for that has not ended. */
  readonly #underWay = new Set<{ readonly uid: string; readonly sandbox: string }>();

  /** `sandbox` is the runtime's id, where the work is for one. */
  run<T>(uid: string, work: () => Promise<T>, sandbox?: string): Promise<T> {
    const before = this.#tails.get(uid) ?? Promise.resolve();
    const current = before.then(work, work);
    this.#tails.set(uid, current);
    const piece = sandbox === undefined ? undefined : { uid, sandbox };
    if (piece !== undefined) this.#underWay.add(piece);
    const forget = () => {
      if (this.#tails.get(uid) === current) this.#tails.delete(uid);
      if (piece !== undefined) this.#underWay.delete(piece);
    };
    current.then(forget, forget);
    return current;
  }

  /** The pods for whose sandbox of this id there is work under way, by uid. */
  podsOf(sandbox: string): string[] {
    return [...this.#underWay].filter((piece) => piece.sandbox === sandbox).map(({ uid }) => uid);
  }

  /** Waits until no work is under way. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#tails.values());
  }
}
