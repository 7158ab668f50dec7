import type { CniResult } from "../model/cni/result.ts";
import type { AttachmentRequest } from "./request.ts";
import { type ResultSources, resultOf } from "./result.ts";
import type { Outcome } from "./steps/step.ts";

/** What an attachment comes to while it is being made. */
export class RunningOutcome implements Outcome {
  readonly #places: Omit<ResultSources, "told">;
  #request: AttachmentRequest;
  #told: CniResult | undefined;

  constructor(request: AttachmentRequest, places: Omit<ResultSources, "told">) {
    this.#request = request;
    this.#places = places;
  }

  soFar(): Promise<CniResult> {
    return resultOf(this.#request, this.sources);
  }

  replace(result: CniResult): void {
    this.#told = result;
  }

  /** More is known of the attachment by now. */
  complete(request: AttachmentRequest): void {
    this.#request = request;
  }

  /** Takes out what a program said, when that is not what the attachment has come to. */
  take(): CniResult | undefined {
    const told = this.#told;
    this.#told = undefined;
    return told;
  }

  get sources(): ResultSources {
    return { ...this.#places, told: this.#told };
  }
}
