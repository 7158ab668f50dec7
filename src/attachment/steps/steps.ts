import { type AddAddressStep, addAddress } from "./add-address.ts";
import { type AddRouteStep, addRoute } from "./add-route.ts";
import { type AnnounceStep, announce } from "./announce.ts";
import { type CreateLinkStep, createLink } from "./create-link.ts";
import { type CreateVethPairStep, createVethPair } from "./create-veth-pair.ts";
import { type SetUpStep, setUp } from "./set-up.ts";
import { type ShapeStep, shape } from "./shape.ts";
import type { StepHandler } from "./step.ts";
import { type TakeLinkStep, takeLink } from "./take-link.ts";

/** Everything that can be done to a pod's interfaces, as plain data. */
export type Step =
  | AddAddressStep
  | AddRouteStep
  | AnnounceStep
  | CreateLinkStep
  | CreateVethPairStep
  | SetUpStep
  | ShapeStep
  | TakeLinkStep;

const handlers = { addAddress, addRoute, announce, createLink, createVethPair, setUp, shape, takeLink };

/** The handler of a step's kind. What it observed travels as plain data beside the step. */
export function handlerOf(step: Step): StepHandler<Step, unknown> {
  return handlers[step.kind] as unknown as StepHandler<Step, unknown>;
}
