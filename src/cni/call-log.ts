import type { Logger } from "pino";
import { errorText } from "../model/errors.ts";

/** What of the environment tells one call from another, and whose work it is part of (W3C Trace Context). */
const TOLD: ReadonlyMap<string, string> = new Map([
  ["CNI_CONTAINERID", "sandbox"],
  ["CNI_IFNAME", "interface"],
  ["TRACEPARENT", "traceparent"],
  ["TRACESTATE", "tracestate"],
  ["BAGGAGE", "baggage"],
]);

/** The runtime asks for it every few seconds. */
const QUIET_COMMANDS: ReadonlySet<string> = new Set(["STATUS", "VERSION"]);

/** Does a call, and logs in one line whose it was, how long it took and what it came to. Throws what the call throws. */
export async function logCall<T>(
  log: Logger,
  environment: ReadonlyMap<string, string>,
  call: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  const command = environment.get("CNI_COMMAND") ?? "";
  const about = () => ({
    command,
    ...podIn(environment.get("CNI_ARGS") ?? ""),
    ...Object.fromEntries(
      [...TOLD].flatMap(([name, field]) => (environment.get(name) ? [[field, environment.get(name)]] : [])),
    ),
    milliseconds: Math.round(performance.now() - start),
  });
  try {
    const result = await call();
    log[QUIET_COMMANDS.has(command) ? "debug" : "info"](about(), `${command} is done`);
    return result;
  } catch (error) {
    log.warn({ ...about(), err: error }, `${command} failed: ${errorText(error)}`);
    throw error;
  }
}

/** Also where something else in CNI_ARGS cannot be used. */
function podIn(args: string): { pod?: string } {
  const read = (name: string) => new RegExp(`(?:^|;)${name}=([^;]*)`).exec(args)?.[1];
  const name = read("K8S_POD_NAME");
  return name === undefined ? {} : { pod: `${read("K8S_POD_NAMESPACE") ?? ""}/${name}` };
}
