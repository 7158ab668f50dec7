import { ControlClient } from "../../control/client.ts";
import type { CniReport, PodReport, StatusReport } from "../../control/report.ts";
import type { AttachmentStatus } from "../../model/attachment.ts";
import { podKey } from "../../model/pod.ts";
import { formatRate } from "../../model/quantity.ts";
import type { PfStatus } from "../../provisioning/status.ts";
import { defineCommand, EXIT } from "../command.ts";
import { allowsColour, formatAnswer, formatTable, outputOption, parseFormat } from "../output.ts";
import { socketOption } from "../socket-option.ts";

export default defineCommand({
  description: "Shows the pods, their interfaces and how they are shaped, and what the agent could not do.",
  options: { output: outputOption, socket: socketOption },
  async run({ values, stdout }) {
    const format = parseFormat(values.output);
    const report = await new ControlClient(values.socket).status();
    stdout.write(formatAnswer(format, report, () => formatStatus(report, allowsColour(stdout))));
    return EXIT.done;
  },
});

/** The report for people: one table a subject, and then every sentence worth saying. */
export function formatStatus(report: StatusReport, colour: boolean): string {
  const state = report.isReady ? "ready" : "starting or stopping";
  const sections = [
    `lanyard ${report.version}, process ${report.processId}, up ${formatSeconds(report.uptime)}, ${state}, ` +
      `${report.mode} mode, kubelet folder ${report.kubeletDirectory}\n`,
    ...(report.cni === undefined ? [] : [formatCni(report.cni)]),
    formatTable(
      report.resources,
      [
        { heading: "RESOURCE", cell: (row) => row.resource },
        { heading: "REGISTERED", cell: (row) => (row.isRegistered ? "yes" : "no") },
        { heading: "LAST ERROR", cell: (row) => row.lastError },
      ],
      { colour },
    ),
    ...(report.pods === undefined ? [] : [formatPods(report.pods, colour)]),
    formatAttachments(report.attachments, colour),
    ...(report.pfs.length === 0 ? [] : [formatPfs(report.pfs, colour)]),
    formatSentences("Not enforced:", report.attachments.flatMap(describeUnenforced)),
    formatSentences("Kernel:", report.kernelLacks),
    formatSentences("Notes:", report.notes),
  ];
  return sections.filter((section) => section !== "").join("\n");
}

/** What is wrong with it stands among the notes. */
function formatCni({ socket, multusSocket, networkFile, behind, queuedCalls }: CniReport): string {
  const network = networkFile === undefined ? "no network file" : `${networkFile} behind ${behind}`;
  const sockets = multusSocket === undefined ? socket : `${socket} and ${multusSocket}`;
  const queue = queuedCalls === 0 ? "" : `, ${queuedCalls} queued ${queuedCalls === 1 ? "call" : "calls"}`;
  return `CNI at ${sockets}, ${network}${queue}\n`;
}

function formatPods(pods: readonly PodReport[], colour: boolean): string {
  return formatTable(
    pods,
    [
      { heading: "POD", cell: podKey },
      { heading: "PHASE", cell: (pod) => pod.phase },
      { heading: "DEVICES", cell: (pod) => Object.values(pod.devices).flat().join(",") || undefined },
      { heading: "NAMESPACE", cell: (pod) => pod.namespacePath },
      { heading: "MESSAGE", cell: (pod) => pod.message },
    ],
    { colour },
  );
}

function formatAttachments(attachments: readonly AttachmentStatus[], colour: boolean): string {
  return formatTable(
    attachments,
    [
      { heading: "POD", cell: ({ pod }) => podKey(pod) },
      { heading: "INTERFACE", cell: (row) => row.interfaceName },
      { heading: "NETWORK", cell: (row) => row.podNetworkName },
      { heading: "TYPE", cell: (row) => row.type },
      { heading: "DEVICE", cell: (row) => row.device?.id },
      { heading: "STATE", cell: (row) => row.state },
      { heading: "ADDRESSES", cell: (row) => row.addresses.join(",") || undefined },
      { heading: "CLASS", cell: (row) => row.qos?.className },
      { heading: "SENDS UP TO", cell: (row) => rate(row.qos?.egressCeiling) },
      { heading: "RECEIVES UP TO", cell: (row) => rate(row.qos?.ingressCeiling) },
      { heading: "ENFORCED BY", cell: (row) => describeBackends(row) },
    ],
    { colour },
  );
}

function formatPfs(pfs: readonly PfStatus[], colour: boolean): string {
  return formatTable(
    pfs,
    [
      { heading: "PF", cell: (pf) => pf.name },
      { heading: "ADDRESS", cell: (pf) => pf.pciAddress },
      { heading: "POLICY", cell: (pf) => pf.policy },
      { heading: "VFS", cell: (pf) => pf.vfs.length },
      { heading: "STATE", cell: (pf) => pf.state },
      { heading: "MESSAGE", cell: (pf) => pf.message || undefined },
    ],
    { colour },
  );
}

function describeBackends({ qos }: AttachmentStatus): string | undefined {
  const backends = [qos?.egressBackend, qos?.ingressBackend].filter(
    (backend) => backend !== undefined && backend !== "",
  );
  return backends.length === 0 ? undefined : backends.join(", ");
}

function describeUnenforced({ pod, interfaceName, qos }: AttachmentStatus): string[] {
  return (qos?.notEnforced ?? []).map((sentence) => `${podKey(pod)} ${interfaceName}: ${sentence}`);
}

function formatSentences(heading: string, sentences: readonly string[]): string {
  return sentences.length === 0
    ? ""
    : `${heading}\n${sentences.map((sentence) => `  ${sentence}\n`).join("")}`;
}

function rate(bitsPerSecond: number | undefined): string | undefined {
  return bitsPerSecond === undefined ? undefined : formatRate(bitsPerSecond);
}

function formatSeconds(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
