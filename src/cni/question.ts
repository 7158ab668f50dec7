/** A configuration with a previous result, and annotations, of which Kubernetes takes 256 KiB for one pod. In bytes. */
export const LARGEST_CALL = 16 << 20;

/** One call of a plugin at a socket. */
export interface Question {
  readonly method: string;
  readonly path: string;
  readonly body: Buffer;
  /** Whether nobody waits for the answer any more. */
  readonly isAbandoned: () => boolean;
}

export interface Answer {
  /** Of HTTP. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}
