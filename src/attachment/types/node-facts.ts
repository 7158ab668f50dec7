import type { TcCapabilities } from "../../linux/capabilities.ts";

/** What is known of the node when an attachment is planned. */
export interface NodeFacts {
  /** The node's link the interface stands on, or which it is. */
  readonly link: {
    readonly name: string;
    /** Bytes. */
    readonly mtu: number;
    /** Bytes. */
    readonly gsoMaxSize: number;
  };
  /** Index for a link that is made in the pod. */
  readonly newIndex: number;
  /** What this kernel can shape with. */
  readonly capabilities: TcCapabilities;
}
