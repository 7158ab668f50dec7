/** How patient the device plugin door is; all in milliseconds. */
export interface DoorTiming {
  /** How long a change waits for others to travel in the same device list. */
  readonly coalesceMs: number;
  /** Wait before the second attempt to register; doubled after each further failure. */
  readonly retryMs: number;
  /** Longest wait between two attempts. */
  readonly longestRetryMs: number;
  /** How long Register may take; the kubelet calls the plugin back before it answers, and dials for up to 10 s. */
  readonly registerMs: number;
  /** How long a registered plugin is without a ListAndWatch stream before it registers again. */
  readonly streamMs: number;
  /** How long stopping waits for calls under way. */
  readonly stopMs: number;
}

export const defaultTiming: DoorTiming = {
  coalesceMs: 5,
  retryMs: 200,
  longestRetryMs: 10_000,
  registerMs: 15_000,
  streamMs: 5_000,
  stopMs: 1_000,
};
