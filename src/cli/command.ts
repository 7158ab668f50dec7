import type { ParseArgsConfig, parseArgs } from "node:util";
import { LanyardError } from "../model/errors.ts";

/** Exit codes of every command: 0 done, 1 failed, 2 wrong usage. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** One option of a command, as node's parseArgs takes it, with the words that help needs. */
export interface OptionSpec {
  type: "string" | "boolean";
  short?: string;
  multiple?: boolean;
  default?: string | boolean;
  /** What stands for the value in help: `DIR`. Left out for a boolean. */
  argument?: string;
  /** One line for help, in lower case and without a full stop. */
  summary: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What was written behind the options. */
export interface PositionalSpec {
  /** As help shows them: `[DEVICE...]`. */
  usage: string;
  min: number;
  max: number;
}

/** Where a command writes. Answers go to `stdout`; notes and errors go to `stderr`. */
export interface Streams {
  stdout: NodeJS.WritableStream & { isTTY?: boolean };
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
}

/** One call of a command. */
export interface Call<Options extends OptionSpecs> extends Streams {
  values: ReturnType<typeof parseArgs<ParserConfig<Options>>>["values"];
  positionals: string[];
}

/** A command, the default export of its file in `commands/`. */
export interface Command<Options extends OptionSpecs = OptionSpecs> {
  /** What it does, in a few plain sentences for its help. */
  description: string;
  options: Options;
  positionals?: PositionalSpec;
  /**
   * Does the work and answers with the exit code.
   *
   * @throws UsageError when the options make no sense together; LanyardError when the work failed
   */
  run(call: Call<Options>): Promise<ExitCode>;
}

/** A row of the command table: enough for the list in help, the rest is loaded when it is called. */
export interface CommandEntry {
  /** One line for the list of commands. */
  summary: string;
  load: () => Promise<{ default: Command }>;
}

export type CommandTable = Readonly<Record<string, CommandEntry>>;

/** The call was written wrongly. The message says what was wrong and what would be right. */
export class UsageError extends LanyardError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("invalid", message, options);
  }
}

/** Writes a command down so that its `run` sees the types that follow from its options. */
export function defineCommand<const Options extends OptionSpecs>(command: Command<Options>): Command {
  return command as unknown as Command;
}

interface ParserConfig<Options extends OptionSpecs> extends ParseArgsConfig {
  options: { -readonly [Name in keyof Options]: Options[Name] };
  allowPositionals: true;
  strict: true;
}
