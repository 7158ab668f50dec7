import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import test from "node:test";
import { type CommandTable, defineCommand, EXIT, UsageError } from "../../../src/cli/command.ts";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { NotFoundError } from "../../../src/model/errors.ts";

const loaded: string[] = [];

const devices = defineCommand({
  description: "Lists the devices.",
  options: {
    output: { type: "string", short: "o", default: "table", argument: "FORMAT", summary: "how to print" },
    watch: { type: "boolean", summary: "go on" },
  },
  positionals: { usage: "[DEVICE]", min: 0, max: 1 },
  async run({ values, positionals, stdout }) {
    stdout.write(`${values.output} ${values.watch ?? false} ${positionals.join()}`);
    if (positionals[0] === "gone") throw new NotFoundError("device gone is not there");
    if (positionals[0] === "wrong") throw new UsageError("wrong is wrong");
    if (positionals[0] === "broken") throw new TypeError("a fault");
    return positionals[0] === "failed" ? EXIT.failed : EXIT.done;
  },
});

const table: CommandTable = {
  devices: {
    summary: "list the devices",
    load: async () => {
      loaded.push("devices");
      return { default: devices };
    },
  },
  status: { summary: "show the state", load: () => assert.fail("status was not called") },
};

async function call(...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await dispatch(args, table, { stdout, stderr });
  return { code, output: String(stdout.read() ?? ""), errors: String(stderr.read() ?? "") };
}

test("a command gets its options and arguments, and its answer is the exit code", async () => {
  assert.deepEqual(await call("devices", "uplink-0", "-o", "json", "--watch"), {
    code: 0,
    output: "json true uplink-0",
    errors: "",
  });
  assert.equal((await call("devices", "failed")).code, 1);
});

test("help lists the commands and loads none", async () => {
  const before = loaded.length;
  for (const args of [["--help"], ["-h"], ["help"], ["--help", "devices"]]) {
    const { code, output } = await call(...args);
    assert.match(output, / {2}devices {2}list the devices\n {2}status {3}show the state\n/);
    assert.equal(code, 0);
  }
  assert.equal(loaded.length, before);
});

test("a command's help shows its options, however it is asked for", async () => {
  const { code, output } = await call("devices", "--help");
  assert.match(output, /^Usage: lanyard devices \[OPTIONS\] \[DEVICE\]\n\nLists the devices\.\n/);
  assert.match(output, / {2}-o, --output FORMAT {2}how to print \(default: table\)\n {6}--watch/);
  assert.equal(code, 0);
  assert.equal((await call("help", "devices")).output, output);
});

const wrong: Record<string, { args: string[]; message: string }> = {
  "a slip in a command's name": {
    args: ["devicse"],
    message: '"devicse" is not a command; did you mean "devices"?',
  },
  "a word that is no command": {
    args: ["frobnicate"],
    message: '"frobnicate" is not a command; expected one of devices, status',
  },
  "a property that every object has": {
    args: ["toString"],
    message: '"toString" is not a command; expected one of devices, status',
  },
  "a slip in an option's name": {
    args: ["devices", "--ouput", "json"],
    message: "devices: no option --ouput; did you mean --output?",
  },
  "an unknown option": {
    args: ["devices", "--zzz"],
    message: "devices: no option --zzz; expected --output, --watch, --help",
  },
  "an option without its value": {
    args: ["devices", "-o"],
    message: "devices: Option '-o, --output <value>' argument missing; see: lanyard devices --help",
  },
  "too many arguments": {
    args: ["devices", "a", "b"],
    message: 'devices: "b" is too much. Usage: lanyard devices [OPTIONS] [DEVICE]',
  },
  "what the command itself refuses": { args: ["devices", "wrong"], message: "wrong is wrong" },
};

for (const [what, { args, message }] of Object.entries(wrong)) {
  test(`${what} is wrong usage, in one line`, async () => {
    const { code, errors } = await call(...args);
    assert.equal(errors, `lanyard: ${message}\n`);
    assert.equal(code, 2);
  });
}

test("nothing at all is answered with the list of commands and is wrong usage", async () => {
  const { code, errors } = await call();
  assert.match(errors, /Commands:\n {2}devices/);
  assert.equal(code, 2);
});

test("a failure with a message for a person is one line without a stack", async () => {
  const { code, errors } = await call("devices", "gone");
  assert.equal(errors, "lanyard: device gone is not there\n");
  assert.equal(code, 1);
});

test("a fault of the program keeps its stack", async () => {
  const { code, errors } = await call("devices", "broken");
  assert.match(errors, /^lanyard: TypeError: a fault\n {4}at .*dispatch\.test\.ts/);
  assert.equal(code, 1);
});
