import { parseArgs } from "node:util";
import { errorText, LanyardError } from "../model/errors.ts";
import { nearestWord } from "../model/nearest.ts";
import { type Command, type CommandTable, EXIT, type ExitCode, type Streams, UsageError } from "./command.ts";
import { describeCommand, describeCommands, describeUsage, HELP_OPTION } from "./help.ts";

/**
 * Finds the command that the arguments name, runs it, and turns whatever it throws into a message and an exit
 * code. A LanyardError is one line, since its message is for a person; anything else is a fault of the program
 * and keeps its stack.
 */
export async function dispatch(
  args: readonly string[],
  table: CommandTable,
  streams: Streams,
): Promise<ExitCode> {
  try {
    return await callCommand(args, table, streams);
  } catch (error) {
    if (!(error instanceof LanyardError)) {
      streams.stderr.write(`lanyard: ${error instanceof Error ? error.stack : errorText(error)}\n`);
      return EXIT.failed;
    }
    streams.stderr.write(`lanyard: ${error.message}\n`);
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
}

async function callCommand(
  args: readonly string[],
  table: CommandTable,
  streams: Streams,
): Promise<ExitCode> {
  const [first, ...rest] = args;
  if (first === undefined) {
    streams.stderr.write(describeCommands(table));
    return EXIT.usage;
  }
  const asksForHelp = ["--help", "-h", "help"].includes(first);
  if (asksForHelp && (first !== "help" || rest.length === 0)) {
    streams.stdout.write(describeCommands(table));
    return EXIT.done;
  }
  // "lanyard help devices" is "lanyard devices --help", and "lanyard --version" is "lanyard version".
  const [name = "", ...others] = asksForHelp
    ? [...rest, "--help"]
    : first === "--version"
      ? ["version"]
      : args;
  const entry = Object.hasOwn(table, name) ? table[name] : undefined;
  if (entry === undefined) throw unknownCommand(name, Object.keys(table));
  const { default: command } = await entry.load();
  const { values, positionals } = parseCall(name, command, others);
  if (values.help === true) {
    streams.stdout.write(describeCommand(name, command));
    return EXIT.done;
  }
  const { min, max } = command.positionals ?? { min: 0, max: 0 };
  if (positionals.length < min || positionals.length > max) {
    const surplus = positionals.slice(max).map((text) => `"${text}"`);
    const fault = surplus.length > 0 ? `${surplus.join(", ")} is too much` : "something is missing";
    throw new UsageError(`${name}: ${fault}. ${describeUsage(name, command)}`);
  }
  return await command.run({ values, positionals, ...streams });
}

function parseCall(name: string, command: Command, args: readonly string[]) {
  const options = { ...command.options, help: HELP_OPTION };
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined || !code.startsWith("ERR_PARSE_ARGS_")) throw error;
    const known = Object.keys(options).map((option) => `--${option}`);
    const written = /^Unknown option '([^']*)'/.exec(message)?.[1];
    if (written === undefined)
      throw new UsageError(`${name}: ${message}; see: lanyard ${name} --help`, { cause: error });
    const nearest = nearestWord(written, known);
    const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
    throw new UsageError(`${name}: no option ${written}${hint || `; expected ${known.join(", ")}`}`, {
      cause: error,
    });
  }
}

function unknownCommand(name: string, names: readonly string[]): UsageError {
  const nearest = nearestWord(name, names);
  const hint = nearest === undefined ? `expected one of ${names.join(", ")}` : `did you mean "${nearest}"?`;
  return new UsageError(`"${name}" is not a command; ${hint}`);
}
