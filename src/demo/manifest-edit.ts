import { readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Document, parseAllDocuments, Scalar } from "yaml";
import { NotFoundError } from "../model/errors.ts";
import { NETWORKS_ANNOTATION } from "../model/networks-annotation.ts";

/** A network as a pod's annotation names it. */
export interface WrittenNetwork {
  readonly podNetworkName: string;
  readonly interfaceName: string;
  readonly qosClassName?: string;
  readonly ips?: readonly string[];
}

/**
 * Changes the networks a pod of a manifest asks for, as a person with an editor would: comments and everything
 * else stay. The file is replaced in one step, so that nobody reads half of it.
 * @throws NotFoundError when no such pod is in the file
 */
export async function editNetworks(
  path: string,
  pod: string,
  change: (networks: readonly WrittenNetwork[]) => readonly WrittenNetwork[],
): Promise<void> {
  const text = changeNetworks(await readFile(path, "utf8"), pod, change);
  // begins with a dot: no manifest until it has its name
  const draft = join(dirname(path), `.${basename(path)}.draft`);
  await writeFile(draft, text);
  await rename(draft, path);
}

/** The text of a manifest with other networks for one of its pods. */
export function changeNetworks(
  text: string,
  pod: string,
  change: (networks: readonly WrittenNetwork[]) => readonly WrittenNetwork[],
): string {
  const documents = [...parseAllDocuments(text)].filter((each) => each instanceof Document);
  const found = documents.find(
    (each) => each.get("kind") === "Pod" && each.getIn(["metadata", "name"]) === pod,
  );
  if (found === undefined) throw new NotFoundError(`no pod ${pod} in the manifest`);
  const place = ["metadata", "annotations", NETWORKS_ANNOTATION];
  const before = JSON.parse(String(found.getIn(place) ?? "[]")) as WrittenNetwork[];
  const scalar = new Scalar(writeNetworks(change(before)));
  scalar.type = Scalar.BLOCK_LITERAL;
  found.setIn(place, scalar);
  return documents.map((each) => each.toString({ lineWidth: 0 })).join("");
}

/** One network on a line, as the examples have it. */
function writeNetworks(networks: readonly WrittenNetwork[]): string {
  const lines = networks.map((network) => `  ${JSON.stringify(network).replace(/(?<=[:,])(?=["[])/g, " ")}`);
  return `[\n${lines.join(",\n")}\n]\n`;
}
