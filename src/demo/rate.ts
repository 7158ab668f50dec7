/** How much payload had arrived at a moment. */
export interface Sample {
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  /** Bytes since the connection began. */
  readonly bytes: number;
}

/** Bytes of an Ethernet header; neither preamble nor check sequence, which the kernel's queues do not count. */
export const ETHERNET_HEADER = 14;
/** Bytes of the headers of IPv4 and of TCP with time stamps (RFC 791, 9293, 7323), without other options. */
export const TCP_IP_HEADERS = 20 + 32;

/** How many bytes a payload is on the wire, in full segments with their headers. */
export function wireBytes(payload: number, mtu: number): number {
  return (payload * (mtu + ETHERNET_HEADER)) / (mtu - TCP_IP_HEADERS);
}

/** How much payload so many bytes on the wire hold, in full segments. */
export function payloadOnWire(bytes: number, mtu: number): number {
  return (bytes * (mtu - TCP_IP_HEADERS)) / (mtu + ETHERNET_HEADER);
}

/** How much payload is in what a link has counted: a packet's headers once, also when it was segmented later. */
export function payloadOnLink(bytes: number, packets: number): number {
  return bytes - packets * (ETHERNET_HEADER + TCP_IP_HEADERS);
}

/**
 * Bits per second of payload between two moments, from the first sample to the last within them; undefined when
 * there are fewer than two.
 */
export function rateBetween(samples: readonly Sample[], from: number, to: number): number | undefined {
  const within = samples.filter(({ at }) => at >= from && at <= to);
  const first = within[0];
  const last = within.at(-1);
  if (first === undefined || last === undefined || last.at <= first.at) return undefined;
  return ((last.bytes - first.bytes) * 8_000) / (last.at - first.at);
}

/** Bits per second of each stretch between two samples within two moments. */
export function ratesBetween(samples: readonly Sample[], from: number, to: number): number[] {
  const within = samples.filter(({ at }) => at >= from && at <= to);
  return within.slice(1).map((sample, index) => {
    const before = within[index] ?? sample;
    return ((sample.bytes - before.bytes) * 8_000) / Math.max(sample.at - before.at, 1e-3);
  });
}
