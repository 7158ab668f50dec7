import { InvalidValueError } from "./errors.ts";

/**
 * Kubernetes quantities (apimachinery, api/resource/quantity.go): a decimal number with a decimal suffix
 * (n u m k M G T P E), a binary suffix (Ki Mi Gi Ti Pi Ei) or an exponent (e3, E3).
 */
const SCALES: ReadonlyMap<string, number> = new Map([
  ["n", 1e-9],
  ["u", 1e-6],
  ["m", 1e-3],
  ["", 1],
  ["k", 1e3],
  ["M", 1e6],
  ["G", 1e9],
  ["T", 1e12],
  ["P", 1e15],
  ["E", 1e18],
  ["Ki", 2 ** 10],
  ["Mi", 2 ** 20],
  ["Gi", 2 ** 30],
  ["Ti", 2 ** 40],
  ["Pi", 2 ** 50],
  ["Ei", 2 ** 60],
]);

const DURATIONS: ReadonlyMap<string, number> = new Map([
  ["us", 1e-3],
  ["ms", 1],
  ["s", 1e3],
]);

const LOWEST_RATE = 1_000;
/** One full Ethernet packet: a smaller bucket lets no such packet through. */
const LOWEST_BURST_BYTES = 1_500;
const LONGEST_BURST_MILLISECONDS = 60_000;

const RATE = "a rate in bits per second such as 500M, 1G or 100k";
const BURST = "a size in bytes such as 64Ki, or a duration such as 10ms";
const COUNT = "a whole number such as 1";

/** How much may be sent at once: a number of bytes, or what the rate brings in a time. */
export type Burst = { readonly bytes: number } | { readonly milliseconds: number };

/** A rate in bits per second, from a Kubernetes quantity. Throws InvalidValueError. */
export function parseRate(value: unknown, place: string): number {
  const rate = readQuantity(value);
  if (rate === undefined) throw new InvalidValueError(place, value, RATE + respell(value));
  if (rate < LOWEST_RATE) {
    const meant = rate > 0 ? `; did you mean "${String(value).replace(/m$/, "")}M"?` : "";
    throw new InvalidValueError(place, value, `${RATE}, at least 1k (1000 bits per second)${meant}`);
  }
  if (rate > Number.MAX_SAFE_INTEGER) throw new InvalidValueError(place, value, `${RATE}, at most 9P`);
  return Math.round(rate);
}

/** A burst, from a Kubernetes quantity of bytes or a duration in us, ms or s. Throws InvalidValueError. */
export function parseBurst(value: unknown, place: string): Burst {
  const duration = typeof value === "string" ? /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(value) : null;
  if (duration !== null) {
    const milliseconds = scale(duration[1] ?? "", DURATIONS.get(duration[2] ?? "") ?? 1);
    if (milliseconds > 0 && milliseconds <= LONGEST_BURST_MILLISECONDS) return { milliseconds };
    throw new InvalidValueError(place, value, `${BURST}; a duration is more than 0 and at most 60s`);
  }
  const bytes = readQuantity(value);
  if (bytes === undefined) throw new InvalidValueError(place, value, BURST);
  if (bytes < LOWEST_BURST_BYTES || bytes > Number.MAX_SAFE_INTEGER) {
    const isMilli = typeof value === "string" && value.endsWith("m");
    const meant = isMilli ? `; did you mean "${value}s"?` : bytes > 1 ? `; did you mean "${value}Ki"?` : "";
    throw new InvalidValueError(place, value, `${BURST}; at least ${LOWEST_BURST_BYTES} bytes${meant}`);
  }
  return { bytes: Math.round(bytes) };
}

/** A count of things, from a Kubernetes quantity that is whole and not negative. Throws InvalidValueError. */
export function parseCount(value: unknown, place: string): number {
  const count = readQuantity(value);
  if (count === undefined || !Number.isSafeInteger(count) || count < 0) {
    throw new InvalidValueError(place, value, COUNT);
  }
  return count;
}

/** The bytes a burst stands for at a rate in bits per second. */
export function burstBytes(burst: Burst, rate: number): number {
  return "bytes" in burst ? burst.bytes : Math.ceil((rate * burst.milliseconds) / 8_000);
}

/** A rate in bits per second as people write it: `500 Mbit/s`. Four digits; the unit is decimal. */
export function formatRate(rate: number): string {
  const units = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"];
  let amount = rate;
  let unit = 0;
  while (Number(amount.toPrecision(4)) >= 1000 && unit < units.length - 1) {
    amount /= 1000;
    unit++;
  }
  return `${Number(amount.toPrecision(4))} ${units[unit]}`;
}

/** The number a Kubernetes quantity stands for, or undefined when it is none. */
function readQuantity(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string") return undefined;
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)$/.exec(value);
  if (match === null) return undefined;
  const [, digits = "", exponent, suffix = ""] = match;
  return scale(digits, exponent === undefined ? (SCALES.get(suffix) ?? 1) : 10 ** Number(exponent));
}

/** Multiplies without the dust of binary fractions: 2.3k is 2300, not 2299.9999999999995. */
function scale(digits: string, factor: number): number {
  const product = Number(digits) * factor;
  return Number.isInteger(product) ? product : Number(product.toPrecision(15));
}

/** For the spellings people bring from elsewhere (`500Mbit/s`, `1gbps`, `10K`): the same rate as a quantity. */
function respell(value: unknown): string {
  if (typeof value !== "string") return "";
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt])(?:i?bits?|bps|b)?(?:\/s|ps)?\s*$/i.exec(value);
  if (match === null) return "";
  if (/B/.test(value)) return "; a rate counts bits, not bytes";
  const prefix = (match[2] ?? "").toLowerCase();
  return `; did you mean "${match[1]}${prefix === "k" ? "k" : prefix.toUpperCase()}"?`;
}
