import { runDemo } from "../../demo/front.ts";
import { defineCommand, EXIT } from "../command.ts";
import { allowsColour } from "../output.ts";

export default defineCommand({
  description:
    "Runs the agent in a small world of its own, in network namespaces, so that this machine's network is not\n" +
    "touched: two pods get their devices and interfaces, real traffic is measured against what is configured, an\n" +
    "interface is plugged into a running pod. Ends with exit code 0 when every figure is inside its tolerance,\n" +
    "and removes everything it made.",
  options: {
    serve: { type: "boolean", default: false, summary: "go on serving after the last step, until Ctrl-C" },
  },
  async run({ values, stdout }) {
    const hasPassed = await runDemo({
      isServing: values.serve,
      hasColour: allowsColour(stdout),
      say: (line) => stdout.write(`${line}\n`),
    });
    return hasPassed ? EXIT.done : EXIT.failed;
  },
});
