import { ControlClient } from "../../control/client.ts";
import type { DevicesReport } from "../../control/report.ts";
import type { Device } from "../../model/device.ts";
import { formatRate } from "../../model/quantity.ts";
import { defineCommand, EXIT } from "../command.ts";
import { allowsColour, formatAnswer, formatTable, outputOption, parseFormat } from "../output.ts";
import { socketOption } from "../socket-option.ts";

export default defineCommand({
  description: "Shows what the agent offers to the kubelet: every device of every pool, and its health.",
  options: { output: outputOption, socket: socketOption },
  async run({ values, stdout }) {
    const format = parseFormat(values.output);
    const report = await new ControlClient(values.socket).devices();
    stdout.write(formatAnswer(format, report, () => formatDevices(report, allowsColour(stdout))));
    return EXIT.done;
  },
});

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
      { heading: "HEALTH", cell: ({ device: { health } }) => (health.isHealthy ? "healthy" : health.reason) },
    ],
    { colour },
  );
  return notes.length === 0 ? table : `${table}\nNotes:\n${notes.map((note) => `  ${note}\n`).join("")}`;
}

function describeDevice(device: Device): string {
  if (device.kind === "hostDevice") return `link ${device.link}`;
  return `${formatRate(device.rate)} of ${device.link}`;
}
