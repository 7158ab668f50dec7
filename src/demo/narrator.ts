import { stripVTControlCharacters, styleText } from "node:util";
import { type Figure, formatDeviation } from "./figure.ts";

/** Tells what happens, in lines. */
export class Narrator {
  readonly #write: (text: string) => void;
  readonly #hasColour: boolean;

  constructor(write: (text: string) => void, hasColour: boolean) {
    this.#write = write;
    this.#hasColour = hasColour;
  }

  heading(text: string): void {
    this.#write(`\n${this.#style("bold", text)}\n`);
  }

  say(...lines: readonly string[]): void {
    for (const line of lines) this.#write(line === "" ? "\n" : `   ${line}\n`);
  }

  /** Rows with their columns under each other. */
  rows(rows: readonly (readonly string[])[]): void {
    this.say(...alignColumns(rows));
  }

  /** The closing table. */
  figures(figures: readonly Figure[]): void {
    const head = ["", "WHAT", "MEASURED AT", "EXPECTED", "MEASURED", "OFF BY"];
    const rows = figures.map(({ what, layer, expected, measured, deviation, holds }) => [
      this.verdict(holds),
      what,
      layer,
      expected,
      measured,
      deviation === undefined ? "" : formatDeviation(deviation),
    ]);
    this.rows([head, ...rows]);
  }

  verdict(holds: boolean): string {
    return holds ? this.#style("green", "ok") : this.#style("red", "NOT OK");
  }

  #style(format: "bold" | "green" | "red", text: string): string {
    return this.#hasColour ? styleText(format, text, { validateStream: false }) : text;
  }
}

/** Makes each column as wide as its widest cell; colour codes take no width. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widthOf = (text: string) => stripVTControlCharacters(text).length;
  const columns = Math.max(0, ...rows.map((cells) => cells.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((cells) => widthOf(cells[column] ?? ""))),
  );
  return rows.map((cells) =>
    cells
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)))
      .join("  ")
      .trimEnd(),
  );
}
