/** What an end of a transfer says. Times in milliseconds of the monotonic clock, bytes of payload. */
export type TrafficReport =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "connected"; readonly at: number }
  | { readonly kind: "sample"; readonly at: number; readonly bytes: number }
  | { readonly kind: "done"; readonly bytes: number };
