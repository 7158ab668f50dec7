import type { VfDefaults } from "../model/device-policy.ts";
import { namedDriverOf } from "./drivers.ts";
import type { ObservedPf, ObservedVf } from "./observe.ts";
import type { Aspect } from "./steps.ts";
import { defaultsOf } from "./vf-differences.ts";
import type { WantedDriver, WantedPf } from "./wanted.ts";

/** What a PF was before it was changed first, as plain data. What was not told is left out. */
export interface PreviousState {
  readonly probesVfs: boolean;
  readonly mtu?: number;
  readonly isUp?: boolean;
  readonly eswitchMode?: "legacy" | "switchdev";
  /** In their order. */
  readonly vfs: readonly PreviousVf[];
}

interface PreviousVf {
  readonly driver: WantedDriver;
  /** Of its link. */
  readonly mtu?: number;
  readonly defaults: VfDefaults;
}

/** What is to be remembered of a PF before it is changed. */
export function previousStateOf({ link, eswitchMode, probesVfs, vfs }: ObservedPf): PreviousState {
  return {
    probesVfs,
    ...(link === undefined ? {} : { mtu: link.mtu, isUp: link.isUp }),
    ...(eswitchMode === undefined ? {} : { eswitchMode }),
    vfs: vfs.map((vf) => ({
      driver: previousDriver(vf),
      ...(vf.link === undefined ? {} : { mtu: vf.link.mtu }),
      defaults: defaultsOf(vf.attributes),
    })),
  };
}

function previousDriver(vf: ObservedVf): WantedDriver {
  if (vf.driver === undefined) return "none";
  const name = namedDriverOf(vf);
  return name === undefined ? "kernelChoice" : { name };
}

/** What brings a PF back to what it was, as far as it was touched. */
export function wantedAgain(previous: PreviousState, touched: readonly Aspect[]): WantedPf {
  const { mtu, isUp, eswitchMode, probesVfs, vfs } = previous;
  const has = (aspect: Aspect) => touched.includes(aspect);
  return {
    ...(has("mtu") && mtu !== undefined ? { mtu } : {}),
    ...(has("adminState") && isUp !== undefined ? { isUp } : {}),
    ...(has("eswitchMode") && eswitchMode !== undefined ? { eswitchMode } : {}),
    ...(has("vfCount") ? { numVfs: vfs.length, probesVfs } : {}),
    vfs:
      has("vfCount") || has("vfs")
        ? vfs.map(({ driver, mtu, defaults }, index) => ({
            index,
            driver,
            ...(mtu === undefined ? {} : { mtu }),
            defaults: isUp === false ? withoutRates(defaults) : defaults,
          }))
        : [],
  };
}

/** Some drivers set no rate while the PF is down. */
function withoutRates({ minTxRate: _min, maxTxRate: _max, ...others }: VfDefaults): VfDefaults {
  return others;
}
