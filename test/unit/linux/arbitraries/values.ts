import fc from "fast-check";

/** Values that fields of messages hold, for properties of what is written and read. */

export const u8 = fc.integer({ min: 0, max: 0xff });
export const u16 = fc.integer({ min: 0, max: 0xffff });
export const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
export const i32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
export const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });

/** Index of a link: a positive int of the kernel. */
export const linkIndex = fc.integer({ min: 1, max: 0x7fff_ffff });

/** Text as the kernel keeps it: it ends at the first zero byte. */
export const text = fc.string({ unit: "grapheme", maxLength: 40 }).filter((value) => !value.includes("\0"));

export const bytes = (maxLength = 64) => fc.uint8Array({ maxLength });

/** Six bytes as people write them. */
export const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((all) => Array.from(all, (byte) => byte.toString(16).padStart(2, "0")).join(":"));

/** Ordinary objects: `fc.record` alone also makes some without a prototype, which nothing that is read has. */
export function record<Model>(
  model: { readonly [Key in keyof Model]: fc.Arbitrary<Model[Key]> },
): fc.Arbitrary<Model> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<Model>;
}

/** A property that is there or not: one that is there as undefined is another object. */
export function maybe<Name extends string, Value>(name: Name, value: fc.Arbitrary<Value>) {
  return fc.option(value, { nil: undefined }).map((chosen) => present({ [name]: chosen })) as fc.Arbitrary<{
    readonly [Key in Name]?: Value;
  }>;
}

/** Ordinary objects with some of these properties; a property without its line does not compile. */
export function some<Model>(
  model: {
    readonly [Key in keyof Model]-?: fc.Arbitrary<Exclude<Model[Key], undefined>>;
  },
): fc.Arbitrary<Partial<Model>> {
  return fc.record(model, { noNullPrototype: true, requiredKeys: [] }) as fc.Arbitrary<Partial<Model>>;
}

/** Objects joined into one. */
export function joined<const Parts extends readonly fc.Arbitrary<object>[]>(...parts: Parts) {
  return fc.tuple(...parts).map((all) => Object.assign({}, ...all)) as fc.Arbitrary<Joined<Parts>>;
}

type Joined<Parts> = Parts extends readonly [fc.Arbitrary<infer First>, ...infer Rest]
  ? First & Joined<Rest>
  : unknown;

function present(object: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
