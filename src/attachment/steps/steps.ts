import { type AddAddressStep, addAddress } from "./add-address.ts";
import { type AddRouteStep, addRoute } from "./add-route.ts";
import { type AnnounceStep, announce } from "./announce.ts";
import { type CreateLinkStep, createLink } from "./create-link.ts";
import { type CreateVethPairStep, createVethPair } from "./create-veth-pair.ts";
import { type SetUpStep, setUp } from "./set-up.ts";
import { type ShapeStep, shape } from "./shape.ts";
import type { ActionHandler, SettingHandler } from "./step.ts";
import { type TakeLinkStep, takeLink } from "./take-link.ts";

/** Steps that look before they act, and are done one by one. */
export type ActionStep = CreateLinkStep | CreateVethPairStep | ShapeStep | TakeLinkStep;

/** Steps that only set something on a link an earlier step brought, and are sent together. */
export type SettingStep = AddAddressStep | AddRouteStep | AnnounceStep | SetUpStep;

/** Everything that can be done to a pod's interfaces, as plain data. */
export type Step = ActionStep | SettingStep;

const actions = { createLink, createVethPair, shape, takeLink };
const settings = { addAddress, addRoute, announce, setUp };

export function isSetting(step: Step): step is SettingStep {
  return Object.hasOwn(settings, step.kind);
}

/** The handler of an action's kind. What it observed travels as plain data beside the step. */
export function actionOf(step: ActionStep): ActionHandler<ActionStep, unknown> {
  return actions[step.kind] as unknown as ActionHandler<ActionStep, unknown>;
}

/** The handler of a setting's kind. */
export function settingOf(step: SettingStep): SettingHandler<SettingStep> {
  return settings[step.kind] as unknown as SettingHandler<SettingStep>;
}
