/**
 * The value below which a part (0 to 1) of the samples lies, interpolated between its neighbours. Throws
 * RangeError without samples.
 */
export function quantile(samples: readonly number[], part: number): number {
  if (samples.length === 0) throw new RangeError("no samples to take a quantile of");
  const sorted = samples.toSorted((one, other) => one - other);
  const position = (sorted.length - 1) * part;
  const below = sorted[Math.floor(position)] as number;
  const above = sorted[Math.ceil(position)] as number;
  return below + (above - below) * (position - Math.floor(position));
}

/** Half of the samples lie below it. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}
