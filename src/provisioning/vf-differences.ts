import type { VfAttributes } from "../linux/route/vf.ts";
import type { VfRate, VfSettings, VfVlan } from "../linux/route/vf-settings.ts";
import type { VfDefaults } from "../model/device-policy.ts";

/**
 * What must be set for a VF to be as wanted, the rates apart; undefined when nothing must. What the driver does not
 * tell cannot be compared: with `isFresh` it is set, which is done when a VF gets its driver, and otherwise taken as
 * right.
 */
export function differingSettings(
  wanted: VfDefaults,
  now: VfAttributes | undefined,
  isFresh: boolean,
): VfSettings | undefined {
  const differs = <T>(one: T | undefined, other: T | undefined) =>
    one !== undefined && (other === undefined ? isFresh : one !== other);
  const vlan = differingVlan(wanted, now?.vlan, isFresh);
  const settings: VfSettings = {
    ...(vlan === undefined ? {} : { vlan }),
    ...(differs(wanted.spoofCheck, now?.isSpoofChecked) ? { isSpoofChecked: wanted.spoofCheck } : {}),
    ...(differs(wanted.trust, now?.isTrusted) ? { isTrusted: wanted.trust } : {}),
    ...(differs(wanted.linkState, now?.linkState) ? { linkState: wanted.linkState } : {}),
  };
  return Object.keys(settings).length === 0 ? undefined : settings;
}

function differingVlan({ vlan }: VfDefaults, now: VfVlan | undefined, isFresh: boolean): VfVlan | undefined {
  if (vlan === undefined) return undefined;
  if (vlan.id === 0) return (now === undefined ? isFresh : now.id !== 0) ? { id: 0 } : undefined;
  if (now === undefined) return isFresh ? vlan : undefined;
  const isSame =
    now.id === vlan.id && (now.qos ?? 0) === vlan.qos && (now.protocol ?? "802.1Q") === vlan.protocol;
  return isSame ? undefined : vlan;
}

/** The rates that must be set for a VF to be as wanted, or undefined. */
export function differingRate(
  { minTxRate, maxTxRate }: VfDefaults,
  now: VfAttributes | undefined,
  isFresh: boolean,
): VfRate | undefined {
  if (minTxRate === undefined && maxTxRate === undefined) return undefined;
  const told = now?.rate;
  const rate: VfRate = {
    ...(minTxRate === undefined ? {} : { min: minTxRate }),
    // The kernel wants the limit named with every change.
    max: maxTxRate ?? told?.max ?? 0,
  };
  if (told === undefined) return isFresh ? rate : undefined;
  const isSame = (minTxRate ?? told.min) === told.min && (maxTxRate ?? told.max) === told.max;
  return isSame ? undefined : rate;
}

/** What a VF was, as defaults that bring it back; what the driver does not tell is left out. */
export function defaultsOf(now: VfAttributes | undefined): VfDefaults {
  if (now === undefined) return {};
  const { vlan, rate, isSpoofChecked, isTrusted, linkState } = now;
  return {
    ...(vlan === undefined
      ? {}
      : { vlan: { id: vlan.id, qos: vlan.qos ?? 0, protocol: vlan.protocol ?? "802.1Q" } }),
    ...(isSpoofChecked === undefined ? {} : { spoofCheck: isSpoofChecked }),
    ...(isTrusted === undefined ? {} : { trust: isTrusted }),
    ...(linkState === undefined ? {} : { linkState }),
    ...(rate?.min === undefined ? {} : { minTxRate: rate.min }),
    ...(rate === undefined ? {} : { maxTxRate: rate.max }),
  };
}
