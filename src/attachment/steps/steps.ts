import { type AddAddressStep, addAddress } from "./add-address.ts";
import { type AddGatewayStep, addGateway } from "./add-gateway.ts";
import { type AddRouteStep, addRoute } from "./add-route.ts";
import { type AnnounceStep, announce } from "./announce.ts";
import { type AwaitUsableStep, awaitUsable } from "./await-usable.ts";
import { type ConfigureVfStep, configureVf } from "./configure-vf.ts";
import { type CreateLinkStep, createLink } from "./create-link.ts";
import { type CreateVethPairStep, createVethPair } from "./create-veth-pair.ts";
import { type DefaultRoutesStep, defaultRoutes } from "./default-routes.ts";
import { type DeviceInfoStep, deviceInfo } from "./device-info.ts";
import { type LeaseStep, lease } from "./lease.ts";
import { type ProvideBridgeStep, provideBridge } from "./provide-bridge.ts";
import { type RunProgramStep, runProgram } from "./run-program.ts";
import { type SetUpStep, setUp } from "./set-up.ts";
import { type ShapeStep, shape } from "./shape.ts";
import type { ActionHandler, PreparedHandler } from "./step.ts";
import { type TakeLinkStep, takeLink } from "./take-link.ts";
import { type TuneStep, tune } from "./tune.ts";

/** Steps that need answers while they go on, and are done one by one. */
export type ActionStep =
  | AddGatewayStep
  | AwaitUsableStep
  | ConfigureVfStep
  | CreateVethPairStep
  | DefaultRoutesStep
  | DeviceInfoStep
  | LeaseStep
  | ProvideBridgeStep
  | RunProgramStep
  | ShapeStep
  | TakeLinkStep;

/** Steps whose requests are known beforehand, and are sent together. */
export type PreparedStep =
  | AddAddressStep
  | AddRouteStep
  | AnnounceStep
  | CreateLinkStep
  | SetUpStep
  | TuneStep;

/** Everything that can be done to a pod's interfaces, as plain data. */
export type Step = ActionStep | PreparedStep;

const actions = {
  addGateway,
  awaitUsable,
  configureVf,
  createVethPair,
  defaultRoutes,
  deviceInfo,
  lease,
  provideBridge,
  runProgram,
  shape,
  takeLink,
};
const prepared = { addAddress, addRoute, announce, createLink, setUp, tune };

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
export function linkOf(step: PreparedStep): string {
  return step.kind === "createLink" ? step.name : step.link;
}
