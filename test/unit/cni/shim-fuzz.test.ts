import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { Random } from "../../fuzz/random.ts";
import { answerWith, FakeAgent } from "./fake-agent.ts";
import { type Ending, errorOf, Place, runShim } from "./shim.ts";

/** How many inputs there are, and how many of them are tried at one time. */
const INPUTS = 600;
const AT_ONCE = 8;

const DEEPEST_NESTING = 256;
const VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];
const ASKING = [
  "lanyard.dev/networks",
  "k8s.v1.cni.cncf.io/networks",
  "v1.multus-cni.io/default-network",
  "kubernetes.io/ingress-bandwidth",
  "kubernetes.io/egress-bandwidth",
];
const ANNOTATIONS = "io.kubernetes.cri.pod-annotations";

/** Pieces that a configuration is made of, so that most inputs are nearly right. */
const PIECES = [
  ...[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "\\u00",
    "\\ud800",
    "null",
    "true",
    "-0",
    "1e",
    "0.5E+1",
    "\t",
    "\0",
  ],
  ...[
    '\\"',
    "\\/",
    "ß",
    "\u{1f517}",
    "[[[[[[[[",
    '"a":',
    '"prevResult":{}',
    '"attachPodNetworks":true',
    "{}",
  ],
];

/** Whatever goes wrong, the test ends. */
const PATIENCE = { timeout: 120_000 };

test("whatever standard input is, the shim reads it as JSON.parse does", PATIENCE, async (t) => {
  const place = new Place(t);
  await using _agent = await FakeAgent.listen(place.socket, answerWith('"asked"'));
  const random = new Random(5);
  const kinds = new Map<string, number>();
  const inputs = Array.from({ length: INPUTS }, () => change(write(place, random), random));
  for (let next = 0; next < inputs.length; next += AT_ONCE) {
    await Promise.all(inputs.slice(next, next + AT_ONCE).map((input) => tryInput(place, input, kinds)));
  }
  // Each way to end was taken often enough to mean something.
  for (const kind of ["unreadable", "version", "unchanged", "asked"]) {
    assert.ok((kinds.get(kind) ?? 0) >= 20, `${kind}: ${kinds.get(kind)} of ${INPUTS}`);
  }
});

async function tryInput(place: Place, input: Uint8Array, kinds: Map<string, number>): Promise<void> {
  const document = read(input);
  const wanted = expectation(place, document);
  if (wanted === "elsewhere") return;
  kinds.set(wanted, (kinds.get(wanted) ?? 0) + 1);
  const said = `${wanted}: ${JSON.stringify(Buffer.from(input).toString("latin1"))}`;
  assert.equal(kindOf(await place.run("ADD", input), document), wanted, said);
  const { code, output } = await runShim({ CNI_COMMAND: "VERSION" }, input);
  assert.equal(code, wanted === "unreadable" ? 1 : 0, said);
  const { cniVersion } = JSON.parse(output.toString());
  assert.equal(cniVersion, typeof document?.cniVersion === "string" ? document.cniVersion : "1.1.0", said);
}

type Document = Readonly<Record<string, unknown>>;

/** The document as it is to be read; undefined where it cannot be. */
function read(input: Uint8Array): Document | undefined {
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(input));
    return isObject(value) && depthOf(value) <= DEEPEST_NESTING ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** How an ADD has to end; `elsewhere` for one that would leave the test's own agent. */
function expectation(place: Place, document: Document | undefined): string {
  if (document === undefined) return "unreadable";
  const { agent, cniVersion = "", prevResult, attachPodNetworks, runtimeConfig } = document;
  const { hasDefaultNetworks = false, ...rest } = isObject(agent) ? agent : {};
  if (!isDeepStrictEqual({ ...rest }, place.agent())) return "elsewhere";
  if (cniVersion !== "" && !VERSIONS.includes(cniVersion as string)) return "version";
  const annotations = isObject(runtimeConfig) ? runtimeConfig[ANNOTATIONS] : undefined;
  const isUnchanged =
    isObject(prevResult) &&
    attachPodNetworks === true &&
    hasDefaultNetworks === false &&
    isObject(annotations) &&
    !Object.hasOwn(runtimeConfig as Document, "bandwidth") &&
    !ASKING.some((key) => Object.hasOwn(annotations, key));
  return isUnchanged ? "unchanged" : "asked";
}

function kindOf(ending: Ending, document: Document | undefined): string {
  if (ending.code === 1) return { 1: "version", 6: "unreadable" }[errorOf(ending).code] ?? "another error";
  if (ending.code !== 0) return `ended by ${ending.signal}`;
  const output = JSON.parse(ending.output.toString());
  if (output === "asked") return "asked";
  return isDeepStrictEqual(output, document?.prevResult) ? "unchanged" : "another result";
}

/** A configuration, most of them of a pod that asks for nothing. */
function write(place: Place, random: Random): string {
  const rarely = <T>(value: T, otherwise: T) => (random.below(8) === 0 ? value : otherwise);
  const annotations = { app: "größe", [rarely(random.pick(ASKING), "note")]: 'a\n"b"' };
  const runtimeConfig = { [ANNOTATIONS]: annotations, ...(random.below(8) === 0 && { bandwidth: {} }) };
  const changes = {
    cniVersion: rarely<string | number>(random.pick(["", "2.0.0", 1]), random.pick(VERSIONS)),
    prevResult: rarely<unknown>(null, { ips: [], größe: [1.5e3, { a: true }] }),
    attachPodNetworks: rarely<unknown>("true", true),
    runtimeConfig: rarely<unknown>(undefined, runtimeConfig),
  };
  const text = place.input(
    changes,
    random.below(8) === 0 ? { hasDefaultNetworks: random.pick([true, 0]) } : {},
  );
  return random.below(2) === 0 ? text : JSON.stringify(JSON.parse(text), null, random.pick([1, "\t"]));
}

/** One to three changes at random places; every third input stays as it is. */
function change(text: string, random: Random): Uint8Array {
  let bytes = Buffer.from(text);
  for (let left = random.below(4); left > 0 && random.below(4) !== 0; left--) {
    const at = random.below(bytes.length + 1);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    const changes = [
      () => before,
      () => Buffer.concat([before, Buffer.from(random.pick(PIECES)), after]),
      () => Buffer.concat([before, Buffer.from([random.below(256)]), after.subarray(1)]),
      () => Buffer.concat([before, after.subarray(1 + random.below(12))]),
      () => Buffer.concat([before, Buffer.from(" \n"), after]),
    ];
    bytes = random.pick(changes)();
  }
  return bytes;
}
