import { release } from "node:os";
import { readVersion } from "../../agent/version.ts";
import { defineCommand, EXIT } from "../command.ts";
import { formatAnswer, outputOption, parseFormat } from "../output.ts";

export default defineCommand({
  description: "Shows which Lanyard this is, and what it runs on.",
  options: { output: outputOption },
  async run({ values, stdout }) {
    const facts = {
      lanyard: readVersion(),
      node: process.versions.node,
      kernel: release(),
      architecture: process.arch,
    };
    const line = `lanyard ${facts.lanyard} (node ${facts.node}, kernel ${facts.kernel}, ${facts.architecture})\n`;
    stdout.write(formatAnswer(parseFormat(values.output), facts, () => line));
    return EXIT.done;
  },
});
