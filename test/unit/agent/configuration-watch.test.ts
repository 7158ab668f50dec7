import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { pino } from "pino";
import { readConfiguration } from "../../../src/agent/configuration.ts";
import { ConfigurationWatch } from "../../../src/agent/configuration-watch.ts";

const PATIENCE = { timeout: 20_000 };

for (const [what, text] of [
  ["what a fault does", "health: { carrier: report }\n"],
  ["the prefix of resources", "resourcePrefix: example.org\n"],
]) {
  test(
    `${what} is told when it changes, also where the file has no pools but policies may`,
    PATIENCE,
    async (t) => {
      const folder = mkdtempSync(join(tmpdir(), "lanyard-configuration-"));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      const config = join(folder, "config.yaml");
      writeFileSync(config, "");
      const paths = { config };
      const initial = await readConfiguration(paths);
      const watch = new ConfigurationWatch({ paths, initial, log: pino({ level: "silent" }) });
      const changed = new Promise<void>((resolve) => watch.onChange(resolve));
      watch.start();
      t.after(() => watch.stop());
      writeFileSync(config, text ?? "");
      await changed;
      assert.notDeepEqual(watch.current, initial.agent);
    },
  );
}
