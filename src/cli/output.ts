import { stripVTControlCharacters, styleText } from "node:util";
import { stringify } from "yaml";
import { UsageError } from "./command.ts";

const FORMATS = ["table", "json", "yaml"] as const;
export type OutputFormat = (typeof FORMATS)[number];

/** The option of every command that reads: `-o table|json|yaml`. Its value goes through {@link parseFormat}. */
export const outputOption = {
  type: "string",
  short: "o",
  default: "table",
  argument: "FORMAT",
  summary: `how to print: ${FORMATS.join(", ")}`,
} as const;

/** @throws UsageError for anything that is not a format */
export function parseFormat(text: string): OutputFormat {
  const format = FORMATS.find((each) => each === text);
  if (format === undefined) throw new UsageError(`--output "${text}": expected one of ${FORMATS.join(", ")}`);
  return format;
}

/** One column of a table. */
export interface Column<Row> {
  /** In capitals, as kubectl writes them. */
  heading: string;
  /** The text of a cell; undefined is shown as a dash. */
  cell: (row: Row) => string | number | undefined;
  /** Numbers read better at the right. Left when absent. */
  align?: "left" | "right";
}

/** Whether escape codes for colour may be written: only to a terminal, and not against NO_COLOR's wish. */
export function allowsColour(
  stream: { isTTY?: boolean },
  environment: { NO_COLOR?: string | undefined } = process.env,
): boolean {
  return stream.isTTY === true && (environment.NO_COLOR ?? "") === "";
}

/**
 * Lays rows out under their headings, columns two blanks apart, each line ended by a newline. A cell may carry
 * colour codes; they take no width. Without rows only the headings are there.
 *
 * @param options.colour whether to make the headings bold
 */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: { colour?: boolean } = {},
): string {
  const body = rows.map((row) => columns.map(({ cell }) => String(cell(row) ?? "-")));
  const headings = columns.map(({ heading }) => heading);
  const widths = columns.map((_, index) =>
    Math.max(...[headings, ...body].map((cells) => widthOf(cells[index] ?? ""))),
  );
  const layOut = (cells: readonly string[]) =>
    cells
      .map((cell, index) => {
        const blanks = " ".repeat((widths[index] ?? 0) - widthOf(cell));
        return columns[index]?.align === "right" ? blanks + cell : cell + blanks;
      })
      .join("  ")
      .trimEnd();
  const head = layOut(headings);
  const lines = [
    options.colour ? styleText("bold", head, { validateStream: false }) : head,
    ...body.map(layOut),
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * Prints one answer the way `-o` asks for.
 *
 * @param value what json and yaml show; plain data
 * @param table makes what a table shows; called only when it is asked for
 */
export function formatAnswer(format: OutputFormat, value: unknown, table: () => string): string {
  switch (format) {
    case "table":
      return table();
    case "json":
      return `${JSON.stringify(value, undefined, 2)}\n`;
    case "yaml":
      return stringify(value, { lineWidth: 0 });
  }
}

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
