import { InvalidValueError } from "../errors.ts";
import { parseLinkName } from "../names.ts";
import type { PodIdentity } from "../pod.ts";
import { InvalidObjectError } from "../validation.ts";

/** What a plugin is told by its environment (CNI specification 1.1.0, "Parameters"). */
export type CniEnvironment =
  | (AttachmentEnvironment & {
      readonly command: "ADD" | "CHECK";
      /** Path of the pod's network namespace. */
      readonly netns: string;
    })
  | (AttachmentEnvironment & {
      readonly command: "DEL";
      /** Absent where the namespace is gone. */
      readonly netns?: string;
    })
  | (CommonEnvironment & { readonly command: "GC" | "STATUS" | "VERSION" });

interface CommonEnvironment {
  /** Folders with the programs of plugins, from CNI_PATH. */
  readonly path: readonly string[];
  readonly trace: TraceContext;
}

interface AttachmentEnvironment extends CommonEnvironment {
  readonly containerId: string;
  readonly interfaceName: string;
  /** From CNI_ARGS. */
  readonly args: ReadonlyMap<string, string>;
  /** CNI_ARGS as written. */
  readonly writtenArgs: string;
  /** Whether the pod's namespace may be the plugin's own. */
  readonly allowsOwnNamespace: boolean;
}

/** Whose work this is part of (W3C Trace Context and Baggage), as libcni hands it on. */
export interface TraceContext {
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly baggage?: string;
}

/** Mistakes in the environment. */
export class InvalidEnvironmentError extends InvalidObjectError {}

const COMMANDS = ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"] as const;

/** What must be set (libcni, pkg/skel/skel.go). */
const REQUIRED: Readonly<Record<(typeof COMMANDS)[number], readonly string[]>> = {
  ADD: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
  CHECK: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
  DEL: ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"],
  GC: ["CNI_PATH"],
  STATUS: ["CNI_PATH"],
  VERSION: [],
};

/** What is right for a variable that is missing. */
const MEANING: Readonly<Record<string, string>> = {
  CNI_CONTAINERID: "the id of the pod's sandbox",
  CNI_NETNS: "the path of the pod's network namespace",
  CNI_IFNAME: "the name of an interface",
  CNI_PATH: "the folders with the programs of plugins",
};

/** Names in CNI_ARGS that are known here; a runtime sets IgnoreUnknown where it sends others. */
const KNOWN_ARGS: ReadonlySet<string> = new Set([
  ...["IgnoreUnknown", "IP", "GATEWAY", "MAC"],
  ...["K8S_POD_NAMESPACE", "K8S_POD_NAME", "K8S_POD_UID", "K8S_POD_INFRA_CONTAINER_ID"],
]);

/** Reads the environment of a plugin. Throws InvalidEnvironmentError with everything that is missing or wrong. */
export function parseEnvironment(variables: ReadonlyMap<string, string>): CniEnvironment {
  const read = (name: string) => variables.get(name) ?? "";
  const command = COMMANDS.find((each) => each === read("CNI_COMMAND"));
  if (command === undefined) {
    throw refuse("CNI_COMMAND", read("CNI_COMMAND") || undefined, `one of ${COMMANDS.join(", ")}`);
  }
  const missing = REQUIRED[command].filter((name) => read(name) === "");
  if (missing.length > 0) {
    throw new InvalidEnvironmentError(
      missing.map((name) => new InvalidValueError(name, undefined, `${MEANING[name]} for ${command}`)),
    );
  }
  const common = { path: read("CNI_PATH").split(":").filter(Boolean), trace: readTrace(variables) };
  if (command === "GC" || command === "STATUS" || command === "VERSION") return { command, ...common };
  const attachment = {
    ...common,
    containerId: parseContainerId(read("CNI_CONTAINERID")),
    interfaceName: parseInterface(read("CNI_IFNAME")),
    args: parseArgs(read("CNI_ARGS")),
    writtenArgs: read("CNI_ARGS"),
    allowsOwnNamespace: isTrue(read("CNI_NETNS_OVERRIDE")),
  };
  const netns = read("CNI_NETNS");
  return command === "DEL"
    ? { command, ...attachment, ...(netns !== "" && { netns }) }
    : { command, ...attachment, netns };
}

/**
 * The pod an ADD, CHECK or DEL is about. A runtime that knows no Kubernetes has pods of the namespace "" that are called as
 * the container is. Throws InvalidEnvironmentError for one that says half of a pod's name: taken for no pod of Kubernetes,
 * it would start without what its annotations ask for.
 */
export function podOf({
  args,
  containerId,
}: Pick<AttachmentEnvironment, "args" | "containerId">): PodIdentity {
  const read = (name: string) => args.get(name) ?? "";
  const namespace = read("K8S_POD_NAMESPACE");
  const name = read("K8S_POD_NAME");
  if (namespace === "" && name === "") return { namespace: "", name: containerId, uid: containerId };
  if (namespace === "") throw refuse("CNI_ARGS K8S_POD_NAMESPACE", undefined, `the namespace of pod ${name}`);
  if (name === "")
    throw refuse("CNI_ARGS K8S_POD_NAME", undefined, `the name of the pod of namespace ${namespace}`);
  return { namespace, name, uid: read("K8S_POD_UID") || containerId };
}

/** Reads `K=V;K=V`. Throws InvalidEnvironmentError for names not known here, unless the text says `IgnoreUnknown=1`. */
function parseArgs(text: string): ReadonlyMap<string, string> {
  const args = new Map<string, string>();
  for (const pair of text === "" ? [] : text.split(";")) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined || value === undefined)
      throw refuse("CNI_ARGS", text, "pairs such as IP=10.1.2.3/24;MAC=02:00:00:00:00:01");
    args.set(name, value);
  }
  const unknown = isTrue(args.get("IgnoreUnknown") ?? "")
    ? []
    : [...args.keys()].filter((name) => !KNOWN_ARGS.has(name));
  if (unknown.length > 0) {
    throw refuse("CNI_ARGS", text, `no ${unknown.join(", ")}, or IgnoreUnknown=1 beside it`);
  }
  return args;
}

function parseContainerId(value: string): string {
  if (/^[a-zA-Z0-9][\w.-]*$/.test(value)) return value;
  throw refuse(
    "CNI_CONTAINERID",
    value,
    "letters, digits, '_', '.' and '-', beginning with a letter or digit",
  );
}

function parseInterface(value: string): string {
  try {
    return parseLinkName(value, "CNI_IFNAME");
  } catch (error) {
    throw error instanceof InvalidValueError ? new InvalidEnvironmentError([error]) : error;
  }
}

function readTrace(variables: ReadonlyMap<string, string>): TraceContext {
  const [traceparent, tracestate, baggage] = ["TRACEPARENT", "TRACESTATE", "BAGGAGE"].map(
    (name) => variables.get(name) || undefined,
  );
  return {
    ...(traceparent !== undefined && { traceparent }),
    ...(tracestate !== undefined && { tracestate }),
    ...(baggage !== undefined && { baggage }),
  };
}

/** Go's `strconv.ParseBool`, as far as runtimes use it. */
function isTrue(text: string): boolean {
  return /^(1|t|true)$/i.test(text);
}

function refuse(place: string, value: unknown, expected: string): InvalidEnvironmentError {
  return new InvalidEnvironmentError([new InvalidValueError(place, value, expected)]);
}
