/** Where the agent keeps and finds things. */
export interface Folders {
  /** What survives a restart. */
  readonly state: string;
  /** The agent's own socket. */
  readonly run: string;
  /** The kubelet's device-plugin folder, with `kubelet.sock`. */
  readonly kubelet: string;
  /** The kubelet's socket that tells which pod has which device. */
  readonly podResourcesSocket: string;
  /** Device-info files of devices that pods have. */
  readonly deviceInfo: string;
  /** The copies of them that attachments have. */
  readonly attachmentInfo: string;
}
