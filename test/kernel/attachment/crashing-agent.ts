/**
 * An agent that attaches one interface and kills itself with SIGKILL at a chosen point: right before or right
 * after the n-th write to its journal. Started by crash.test.ts; prints "done" when it came to the end alive.
 */
import type { AttachmentEngine } from "../../../src/attachment/engine.ts";
import type { Journal } from "../../../src/attachment/journal.ts";
import { Kernel } from "../../../src/linux/kernel.ts";
import { crashCatalog, crashPod, crashReferences } from "./crash-scene.ts";
import { makeEngine, openJournal } from "./fixtures.ts";

const [folder = "", namespacePath = "", nic = "", operation = "", point = "", moment = ""] =
  process.argv.slice(2);
const kernel = new Kernel();
const journal = openJournal(folder);

const assigned = [{ resource: "lanyard.dev/nics", id: nic, container: "main" }];
const catalog = crashCatalog();
const reconcile = (engine: AttachmentEngine, className: string | undefined) =>
  engine.reconcile({
    pod: crashPod,
    namespacePath,
    references: className === undefined ? [] : crashReferences(className),
  });

if (operation !== "attach") {
  await reconcile(await makeEngine({ kernel, journal, catalog, assigned }), "gold");
}
const engine = await makeEngine({
  kernel,
  journal: dyingAt(journal, Number(point), moment),
  catalog,
  assigned,
});
await reconcile(engine, { attach: "gold", change: "bronze", detach: undefined }[operation]);
process.stdout.write("done\n");
process.exit(0);

/** The journal, but its `point`-th write is the last thing this process does, or the last it does not do. */
function dyingAt(real: Journal, point: number, moment: string): Journal {
  const writes = new Set(["begin", "intend", "beginChange", "setState", "remove"]);
  let count = 0;
  return new Proxy(real, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        const isLast = writes.has(String(name)) && ++count === point;
        if (isLast && moment === "before") process.kill(process.pid, "SIGKILL");
        const result: unknown = value.apply(target, args);
        if (isLast) process.kill(process.pid, "SIGKILL");
        return result;
      };
    },
  });
}
