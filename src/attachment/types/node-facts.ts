import type { TcCapabilities } from "../../linux/capabilities.ts";

/** What is known of a link when an attachment is planned. */
export interface LinkFacts {
  readonly name: string;
  /** Bytes. */
  readonly mtu: number;
  /** Bytes. */
  readonly gsoMaxSize: number;
}

/** What is known of the node when an attachment is planned. */
export interface NodeFacts {
  /**
   * The link the interface stands on, or which it is: the node's (`nodeLinkOf`) or the pod's (`podLinkOf`). Undefined where
   * there is none of that name; the plan throws when it needs one.
   */
  readonly link: LinkFacts | undefined;
  /** Index for a link that is made in the pod. */
  readonly newIndex: number;
  /** What this kernel can shape with. */
  readonly capabilities: TcCapabilities;
}
