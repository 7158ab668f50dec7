import { type AddAddressStep, addAddress } from "./add-address.ts";
import { type AddRouteStep, addRoute } from "./add-route.ts";
import { type AnnounceStep, announce } from "./announce.ts";
import { type CreateLinkStep, createLink } from "./create-link.ts";
import { type CreateVethPairStep, createVethPair } from "./create-veth-pair.ts";
import { type SetUpStep, setUp } from "./set-up.ts";
import { type ShapeStep, shape } from "./shape.ts";
import type { ActionHandler, PreparedHandler } from "./step.ts";
import { type TakeLinkStep, takeLink } from "./take-link.ts";

/** Steps that need answers while they go on, and are done one by one. */
export type ActionStep = CreateVethPairStep | ShapeStep | TakeLinkStep;

/** Steps whose requests are known beforehand, and are sent together. */
export type PreparedStep = AddAddressStep | AddRouteStep | AnnounceStep | CreateLinkStep | SetUpStep;

/** Everything that can be done to a pod's interfaces, as plain data. */
export type Step = ActionStep | PreparedStep;

const actions = { createVethPair, shape, takeLink };
const prepared = { addAddress, addRoute, announce, createLink, setUp };

export function isPrepared(step: Step): step is PreparedStep {
  return Object.hasOwn(prepared, step.kind);
}

/** The handler of a step that is done by itself. */
export function actionOf(step: ActionStep): ActionHandler<ActionStep, unknown> {
  return actions[step.kind] as unknown as ActionHandler<ActionStep, unknown>;
}

/** The handler of a step that is sent with others. */
export function preparedOf(step: PreparedStep): PreparedHandler<PreparedStep, unknown> {
  return prepared[step.kind] as unknown as PreparedHandler<PreparedStep, unknown>;
}

/** What every kind's handler can do. */
export function handlerOf(
  step: Step,
): ActionHandler<ActionStep, unknown> | PreparedHandler<PreparedStep, unknown> {
  return isPrepared(step) ? preparedOf(step) : actionOf(step);
}

/** The pod's link a step is about. */
export function linkOf(step: Step): string {
  return "link" in step && step.kind !== "takeLink" ? step.link : step.name;
}
