import { z } from "zod";
import { parseObjectName } from "./names.ts";
import { clusterObject, namespaceName } from "./object.ts";
import { fields, listOf, oneOf, parsedBy, text, textMap, validate, yesOrNo } from "./validation.ts";

/** Names the object that says how links of a network are made, such as a LinkProfile. */
export interface ParametersReference {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  /** Present when the object lives in a namespace. */
  readonly namespace?: string;
}

/** A Kubernetes label selector; every condition in it must hold. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
    readonly values: readonly string[];
  }[];
}

/** A network pods may attach to; cluster-wide. */
export interface PodNetwork {
  readonly kind: "PodNetwork";
  readonly name: string;
  /** A disabled network keeps its attachments and takes no new ones. */
  readonly enabled: boolean;
  /** Who serves the network: `lanyard.dev/agent` is this agent. */
  readonly provider: string;
  readonly parametersRefs: readonly ParametersReference[];
  /** Whose pods may attach, by labels of their namespace; absent: all. */
  readonly namespaceSelector?: LabelSelector;
}

/** The provider this agent answers to. */
export const OWN_PROVIDER = "lanyard.dev/agent";

const parametersReference = fields({
  group: text("an API group, such as lanyard.dev"),
  kind: text("a kind, such as LinkProfile"),
  name: parsedBy(parseObjectName),
  namespace: namespaceName().optional(),
});

const labelSelector = fields({
  matchLabels: textMap().default({}),
  matchExpressions: listOf(
    fields({
      key: text("a label's name"),
      operator: oneOf(["In", "NotIn", "Exists", "DoesNotExist"]),
      values: listOf(z.string({ error: "a label's value" })).default([]),
    }),
  ).default([]),
});

const PROVIDER = "a provider as domain/path, such as lanyard.dev/agent";

const schema = clusterObject(
  "PodNetwork",
  fields({
    enabled: yesOrNo().default(true),
    provider: z
      .string({ error: PROVIDER })
      .max(253, { error: PROVIDER })
      .regex(/^[a-z0-9][-a-z0-9.]*\/[A-Za-z0-9][-A-Za-z0-9_./]*$/, { error: PROVIDER })
      .default(OWN_PROVIDER),
    parametersRefs: listOf(parametersReference).default([]),
    namespaceSelector: labelSelector.optional(),
  }),
);

/** Reads a PodNetwork. Throws InvalidObjectError. */
export function parsePodNetwork(document: unknown, place: string): PodNetwork {
  const { metadata, spec } = validate(schema, document, place);
  return { kind: "PodNetwork", name: metadata.name, ...spec };
}
