import type { Command, CommandTable, OptionSpec } from "./command.ts";

/** What every command takes besides its own options. */
export const HELP_OPTION: OptionSpec = { type: "boolean", short: "h", summary: "show this help" };

/** The list of commands. */
export function describeCommands(table: CommandTable): string {
  const rows = Object.entries(table).map(([name, { summary }]) => [`  ${name}`, summary] as const);
  return [
    "Lanyard, the network agent of a Kubernetes node",
    "",
    "Usage: lanyard COMMAND [OPTIONS]",
    "",
    "Commands:",
    ...alignPairs(rows),
    "",
    'More about one: "lanyard COMMAND --help"',
    "",
  ].join("\n");
}

/** All there is to know about one command. */
export function describeCommand(name: string, command: Command): string {
  const options = { ...command.options, help: HELP_OPTION };
  return [
    describeUsage(name, command),
    "",
    command.description,
    "",
    "Options:",
    ...alignPairs(Object.entries(options).map(([option, spec]) => describeOption(option, spec))),
    "",
  ].join("\n");
}

/** One line: how the command is written. */
export function describeUsage(name: string, command: Command): string {
  return ["Usage: lanyard", name, "[OPTIONS]", command.positionals?.usage].filter(Boolean).join(" ");
}

function describeOption(name: string, spec: OptionSpec): readonly [string, string] {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  const argument = spec.argument === undefined ? "" : ` ${spec.argument}`;
  const fallback = typeof spec.default === "string" ? ` (default: ${spec.default})` : "";
  return [`  ${short}--${name}${argument}`, `${spec.summary}${fallback}`];
}

function alignPairs(pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...pairs.map(([left]) => left.length));
  return pairs.map(([left, right]) => `${left.padEnd(width)}  ${right}`);
}
