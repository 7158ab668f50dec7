/** One line of Prometheus' text format. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Reads the text that a metrics page holds (Prometheus text exposition format 0.0.4). Comments and lines that
 * are no samples are passed over.
 */
export function parseMetrics(text: string): MetricSample[] {
  return text.split("\n").flatMap((line) => {
    const match = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$/.exec(line);
    if (match === null) return [];
    const [, name = "", labels = "", value = ""] = match;
    return [{ name, labels: parseLabels(labels), value: parseValue(value) }];
  });
}

/** The value of the one sample with this name and at least these labels; undefined when there is none or more. */
export function findMetric(
  samples: readonly MetricSample[],
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  const found = samples.filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  return found.length === 1 ? found[0]?.value : undefined;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(/([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
    labels[name] = value.replace(/\\(.)/g, (_, letter: string) => (letter === "n" ? "\n" : letter));
  }
  return labels;
}

function parseValue(text: string): number {
  if (/^\+?Inf$/.test(text)) return Number.POSITIVE_INFINITY;
  return text === "-Inf" ? Number.NEGATIVE_INFINITY : Number(text);
}
