import { InvalidValueError } from "../../../model/errors.ts";

/**
 * How one kind of qdisc, class, filter or action writes and reads its options. Options are plain data, so
 * that a journal can hold them.
 */
export interface KindCodec<Options extends { readonly kind: string }> {
  /** Payload of TCA_OPTIONS, or undefined where the kind takes none. */
  encode(options: Options): Uint8Array | undefined;
  /** Reads what the kernel reports; undefined when it is not what this codec understands. */
  decode(payload: Uint8Array): Options | undefined;
}

/** An object of a kind this project does not know, kept as it came so that it can be put back. */
export interface UnknownKind {
  readonly kind: "unknown";
  /** The kernel's name of the kind. */
  readonly name: string;
  /** Payload of TCA_OPTIONS in hexadecimal, or undefined where there was none. */
  readonly raw?: string;
}

/** One codec for each known kind: a kind without its line does not compile. */
export type CodecTable<Options extends { readonly kind: string }> = {
  readonly [Kind in Options["kind"]]: KindCodec<Extract<Options, { readonly kind: Kind }>>;
};

/** Name and option payload of an object. */
export interface EncodedKind {
  readonly name: string;
  readonly payload: Uint8Array | undefined;
}

/**
 * Encodes options with the codec of their kind; an unknown kind goes back as it came. Throws InvalidValueError for a
 * kind that is neither, and for what the kind's codec refuses.
 */
export function encodeKind<Options extends { readonly kind: string }>(
  table: CodecTable<Options>,
  options: Options | UnknownKind,
): EncodedKind {
  if (isUnknown(options)) {
    return { name: options.name, payload: readRaw(options) };
  }
  if (!Object.hasOwn(table, options.kind)) {
    const expected = `one of ${Object.keys(table).join(", ")}, unknown`;
    throw new InvalidValueError("kind of a tc object", options.kind, expected);
  }
  const codec = table[options.kind as Options["kind"]] as unknown as KindCodec<Options>;
  return { name: options.kind, payload: codec.encode(options) };
}

/** Decodes options; a kind without a codec, or bytes its codec does not understand, come back as unknown. */
export function decodeKind<Options extends { readonly kind: string }>(
  table: CodecTable<Options>,
  name: string,
  payload: Uint8Array | undefined,
): Options | UnknownKind {
  const known = Object.hasOwn(table, name)
    ? (table[name as Options["kind"]] as unknown as KindCodec<Options>).decode(payload ?? new Uint8Array())
    : undefined;
  if (known !== undefined) return known;
  return { kind: "unknown", name, ...(payload && { raw: Buffer.from(payload).toString("hex") }) };
}

/** The kernel's name of a kind. */
export function kindName(options: { readonly kind: string } | UnknownKind): string {
  return isUnknown(options) ? options.name : options.kind;
}

/** `Buffer.from` alone would end at the first digit that is none. */
function readRaw({ name, raw }: UnknownKind): Uint8Array | undefined {
  if (raw === undefined) return undefined;
  if (/^([0-9a-f]{2})*$/i.test(raw)) return Uint8Array.from(Buffer.from(raw, "hex"));
  throw new InvalidValueError(`raw of ${name}`, raw, "bytes in hexadecimal");
}

function isUnknown(options: { readonly kind: string }): options is UnknownKind {
  return options.kind === "unknown";
}

/** The object without the properties that are undefined, so that it is equal to one that never had them. */
export function withoutAbsent<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
