import { z } from "zod";
import { InvalidValueError } from "../../errors.ts";
import { listOf, validate, wholeNumber } from "../../validation.ts";
import { goFields } from "../go-json.ts";
import type { BandwidthPlugin } from "../known-plugin.ts";
import { pluginReader } from "./plugin-reader.ts";

const amount = wholeNumber(0, Number.MAX_SAFE_INTEGER).optional();

const limits = {
  ingressRate: amount,
  ingressBurst: amount,
  egressRate: amount,
  egressBurst: amount,
  shapedSubnets: listOf(z.unknown()).optional(),
  unshapedSubnets: listOf(z.unknown()).optional(),
};

const runtimeLimits = goFields(limits);

/**
 * The reference plugin `bandwidth`. What its configuration writes counts, and `runtimeConfig.bandwidth` where that writes
 * nothing. For limits that hold for some subnets only, its program is run.
 */
export const bandwidth = pluginReader(limits, (written, { runtime, place }) => {
  const saysSomething = Object.values(written).some((value) => value !== undefined);
  const isWished = !saysSomething && runtime.bandwidth !== undefined;
  const from = isWished ? `${place} runtimeConfig.bandwidth` : place;
  const chosen = isWished ? validate(runtimeLimits, runtime.bandwidth, from) : written;
  if ((chosen.shapedSubnets?.length ?? 0) > 0 || (chosen.unshapedSubnets?.length ?? 0) > 0) return undefined;
  const plugin: BandwidthPlugin = {
    type: "bandwidth",
    ...readLimit(chosen, "ingressRate", "ingressBurst", from),
    ...readLimit(chosen, "egressRate", "egressBurst", from),
  };
  return plugin;
});

/** Its program also wants a burst for every rate; without one, a fitting one is chosen here. */
function readLimit<Rate extends string, Burst extends string>(
  written: { readonly [Field in Rate | Burst]?: number },
  rateField: Rate,
  burstField: Burst,
  place: string,
): { readonly [Field in Rate | Burst]?: number } {
  const rate = written[rateField] || undefined;
  const burst = written[burstField] || undefined;
  if (rate === undefined && burst !== undefined) {
    throw new InvalidValueError(`${place} ${rateField}`, written[rateField], `a rate beside ${burstField}`);
  }
  const read = {
    ...(rate !== undefined && { [rateField]: rate }),
    ...(burst !== undefined && { [burstField]: burst }),
  };
  return read as { readonly [Field in Rate | Burst]?: number };
}
