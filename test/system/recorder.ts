import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Rig } from "./rig.ts";

/** What a runtime called the recording plugin with. */
export interface RecordedCall {
  readonly command: string;
  readonly args: string;
  readonly interfaceName: string;
  readonly containerId: string;
  readonly namespacePath: string;
  /** Standard input. */
  readonly configuration: {
    readonly cniVersion: string;
    readonly runtimeConfig?: Readonly<Record<string, unknown>>;
    readonly prevResult?: Readonly<Record<string, unknown>>;
  };
}

/**
 * A plugin that writes down how it is called and passes on the result before it. Chained behind another, it sees what a
 * runtime gives to plugins.
 */
export class Recorder {
  readonly #calls: string;
  readonly #errors: string;

  constructor(rig: Rig) {
    this.#calls = join(rig.folder, "calls");
    this.#errors = join(rig.folder, "errors");
    mkdirSync(this.#calls);
    mkdirSync(this.#errors);
    const passOn = `const { prevResult, cniVersion } = JSON.parse(require("fs").readFileSync(0, "utf8"));
      console.log(JSON.stringify({ ...prevResult, cniVersion }));`;
    rig.writeProgram(
      "recorder",
      `#!/bin/sh
place=$(mktemp "${this.#calls}/$(date +%s%N).XXXXXX")
cat >"$place.input"
echo "$CNI_COMMAND|$CNI_ARGS|$CNI_IFNAME|$CNI_CONTAINERID|$CNI_NETNS" >"$place"
mv "$place" "$place.call"
while [ -e "${this.#errors}/hold-$CNI_COMMAND" ]; do sleep 0.05; done
if [ -e "${this.#errors}/$CNI_COMMAND" ]; then cat "${this.#errors}/$CNI_COMMAND"; exit 1; fi
case $CNI_COMMAND in
  ADD) ${process.execPath} -e '${passOn}' <"$place.input" ;;
  VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0","1.1.0"]}' ;;
esac
`,
    );
  }

  /** What the plugin answers from now on. */
  fail(command: string, code: number, msg: string): void {
    writeFileSync(join(this.#errors, command), JSON.stringify({ cniVersion: "1.1.0", code, msg }));
  }

  /** Takes back what {@link fail} said. */
  succeed(command: string): void {
    rmSync(join(this.#errors, command));
  }

  /** Lets the plugin wait before its answer until what is returned is called. */
  hold(command: string): () => void {
    const place = join(this.#errors, `hold-${command}`);
    writeFileSync(place, "");
    return () => rmSync(place);
  }

  /** Waits for the first call of a command. */
  async called(command: string): Promise<RecordedCall> {
    for (;;) {
      const call = this.calls().find((each) => each.command === command);
      if (call !== undefined) return call;
      await sleep(10);
    }
  }

  /** In the order in which they were made. */
  calls(): RecordedCall[] {
    if (!existsSync(this.#calls)) return [];
    const files = readdirSync(this.#calls).filter((name) => name.endsWith(".call"));
    return files.sort().map((name) => {
      const text = readFileSync(join(this.#calls, name), "utf8").trim();
      const [command = "", args = "", interfaceName = "", containerId = "", namespacePath = ""] =
        text.split("|");
      const input = readFileSync(join(this.#calls, name.replace(/call$/, "input")), "utf8");
      const configuration = JSON.parse(input);
      return { command, args, interfaceName, containerId, namespacePath, configuration };
    });
  }
}
