import { statSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_CONFIG_PATH } from "../../agent/config-file.ts";
import { readConfiguration } from "../../agent/configuration.ts";
import { ControlClient } from "../../control/client.ts";
import type { DevicesReport } from "../../control/report.ts";
import { readLaidOutNode } from "../../inventory/laid-out-node.ts";
import { formPools } from "../../inventory/pools.ts";
import type { Device, FunctionDevice } from "../../model/device.ts";
import { formatRate } from "../../model/quantity.ts";
import { type Call, defineCommand, EXIT, UsageError } from "../command.ts";
import { describeDevices } from "../devices-document.ts";
import { allowsColour, formatAnswer, formatTable, outputOption, parseFormat } from "../output.ts";
import { socketOption } from "../socket-option.ts";

const options = {
  output: outputOption,
  socket: socketOption,
  root: {
    type: "string",
    argument: "DIR",
    summary: "ask no agent: read the node from files below DIR, which stands for /",
  },
  config: {
    type: "string",
    argument: "FILE",
    summary: "with --root: the agent's configuration",
  },
  "device-plugin-config": {
    type: "string",
    argument: "FILE",
    summary: "with --root: a configuration of the SR-IOV network device plugin",
  },
  "resource-prefix": {
    type: "string",
    argument: "PREFIX",
    summary: "with --device-plugin-config: for resources that name none (default: intel.com)",
  },
} as const;

export default defineCommand({
  description:
    "Shows what the agent offers to the kubelet: every device of every pool, its health, and what a container\n" +
    "gets with it (-o json). With --root it shows what would be offered, without an agent and without root.",
  options,
  async run(call) {
    const { values, stdout, stderr } = call;
    const format = parseFormat(values.output);
    const { problems = [], ...report } =
      values.root === undefined ? await askAgent(values) : await readTree(values.root, values);
    // A table has them under it; what a program reads is checked by few people.
    if (format !== "table") for (const problem of problems) stderr.write(`lanyard: ${problem}\n`);
    const document = () => describeDevices(report.pools, report.notes);
    stdout.write(
      format === "table"
        ? formatDevices(report, allowsColour(stdout))
        : formatAnswer(format, document(), () => ""),
    );
    return EXIT.done;
  },
});

type Values = Call<typeof options>["values"];

/** What is offered, with the mistakes in the configuration apart where they are this command's to tell. */
type Report = DevicesReport & { readonly problems?: readonly string[] };

async function askAgent(values: Values): Promise<Report> {
  for (const name of ["config", "device-plugin-config", "resource-prefix"] as const) {
    if (values[name] === undefined) continue;
    throw new UsageError(
      `devices: --${name} goes with --root DIR; a running agent has its own configuration`,
    );
  }
  return await new ControlClient(values.socket).devices();
}

async function readTree(root: string, values: Values): Promise<Report> {
  const { config, "device-plugin-config": devicePluginConfig, "resource-prefix": resourcePrefix } = values;
  if (config === undefined && devicePluginConfig === undefined) {
    throw new UsageError("devices: --root needs --config FILE or --device-plugin-config FILE");
  }
  if (resourcePrefix !== undefined && devicePluginConfig === undefined) {
    throw new UsageError("devices: --resource-prefix goes with --device-plugin-config FILE");
  }
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new UsageError(`devices: --root "${root}" is no folder`);
  }
  const { pools: configs, problems } = await readConfiguration({
    // What this machine's own agent is told says nothing of a node that was laid out.
    defaultConfig: join(root, DEFAULT_CONFIG_PATH),
    ...(config !== undefined && { config }),
    ...(devicePluginConfig !== undefined && { devicePluginConfig }),
    ...(resourcePrefix !== undefined && { resourcePrefix }),
  });
  const { pools, notes } = formPools(configs, await readLaidOutNode(root));
  return { pools, notes: [...problems, ...notes], problems };
}

/** The report for people: one row a device, then what is not offered and why. */
export function formatDevices({ pools, notes }: DevicesReport, colour: boolean): string {
  const rows = pools.flatMap((pool) => pool.devices.map((device) => ({ resource: pool.resource, device })));
  const table = formatTable(
    rows,
    [
      { heading: "RESOURCE", cell: (row) => row.resource },
      { heading: "DEVICE", cell: (row) => row.device.id },
      { heading: "IS", cell: (row) => describeDevice(row.device) },
      { heading: "NUMA", cell: (row) => row.device.numaNode },
      { heading: "HEALTH", cell: (row) => describeHealth(row.device) },
    ],
    { colour },
  );
  return notes.length === 0 ? table : `${table}\nNotes:\n${notes.map((note) => `  ${note}\n`).join("")}`;
}

function describeDevice(device: Device): string {
  if (device.kind === "hostDevice") return `link ${device.link}`;
  if (device.kind === "bandwidthShare") return `${formatRate(device.rate)} of ${device.link}`;
  return `${describeFunction(device)}, ${device.driver ?? "no driver"}`;
}

function describeFunction({ vfIndex, sfNumber, pfName, pfAddress, link }: FunctionDevice): string {
  const pf = pfName ?? pfAddress;
  if (vfIndex !== undefined) return `VF ${vfIndex} of ${pf}`;
  if (sfNumber !== undefined) return `SF ${sfNumber} of ${pf}`;
  return link === undefined ? "function" : `function ${link}`;
}

function describeHealth({ health }: Device): string {
  if (!health.isHealthy) return health.reason ?? "unhealthy";
  const reports = (health.findings ?? []).map(({ reason }) => reason);
  return reports.length === 0 ? "healthy" : `healthy, but ${reports.join("; ")}`;
}
