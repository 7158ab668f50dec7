// The demo as a program of its own, for the tests that end it in every way.
import { runDemo } from "../../../src/demo/front.ts";
import { errorText } from "../../../src/model/errors.ts";

try {
  const isServing = process.argv.includes("--serve");
  const say = (line: string) => process.stdout.write(`${line}\n`);
  process.exitCode = (await runDemo({ isServing, hasColour: false, say })) ? 0 : 1;
} catch (error) {
  process.stdout.write(`${errorText(error)}\n`);
  process.exitCode = 1;
}
