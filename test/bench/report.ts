import { type Column, formatTable } from "../../src/cli/output.ts";
import type { Row } from "./benchmark.ts";

/** A row as it was measured, before what follows from it. */
export type Measured = Pick<Row, "benchmark" | "measure" | "unit" | "ours"> & {
  readonly peer?: { readonly name: string; readonly value: number };
  readonly bar?: number;
};

/** Adds the ratio, and whether the bar holds. A bar needs a peer, or it would be about nothing. */
export function makeRow({ benchmark, measure, unit, ours, peer, bar }: Measured): Row {
  if (bar !== undefined && peer === undefined) {
    throw new RangeError(`${benchmark}, ${measure}: a bar of ${bar} without a peer to hold it against`);
  }
  const ratio = peer === undefined ? null : ours / peer.value;
  return {
    benchmark,
    measure,
    unit,
    ours,
    peer: peer?.value ?? null,
    peerName: peer?.name ?? null,
    ratio,
    bar: bar ?? null,
    holds: bar === undefined || ratio === null ? null : ratio <= bar,
  };
}

const COLUMNS: readonly Column<Row>[] = [
  { heading: "BENCHMARK", cell: (row) => row.benchmark },
  { heading: "MEASURE", cell: (row) => row.measure },
  { heading: "UNIT", cell: (row) => row.unit },
  { heading: "OURS", cell: (row) => formatFigure(row.ours), align: "right" },
  { heading: "PEER", cell: (row) => formatFigure(row.peer), align: "right" },
  { heading: "RATIO", cell: (row) => formatFigure(row.ratio), align: "right" },
  { heading: "BAR", cell: (row) => row.bar ?? undefined, align: "right" },
  { heading: "HOLDS", cell: (row) => (row.holds === null ? undefined : row.holds ? "yes" : "NO") },
  { heading: "PEER'S NAME", cell: (row) => row.peerName ?? undefined },
];

/** The rows for a reader. */
export function formatRows(rows: readonly Row[], options: { colour?: boolean } = {}): string {
  return formatTable(rows, COLUMNS, options);
}

/** Three digits are as many as two runs agree on. */
function formatFigure(value: number | null): string | undefined {
  if (value === null) return undefined;
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 0.001))));
  return value.toFixed(digits);
}
