/**
 * An agent that does one operation and kills itself with SIGKILL at a chosen point: right before or right
 * after the n-th write to its journal, or call of a program. Started by crash.test.ts; prints "done" when it came to the end
 * alive.
 */
import type { AttachmentEngine } from "../../../src/attachment/engine.ts";
import { Kernel } from "../../../src/linux/kernel.ts";
import { CRASH_OWNER, crashCatalog, crashPod, crashReferences, programReference } from "./crash-scene.ts";
import { makeEngine, openJournal } from "./fixtures.ts";
import { LedgerPrograms } from "./ledger.ts";

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

const programs = new LedgerPrograms(folder);
const attachServed = (engine: AttachmentEngine) =>
  engine.attach({ pod: crashPod, namespacePath, owner: CRASH_OWNER, references: [programReference()] });

const whole = await makeEngine({ kernel, journal, catalog, assigned, programs });
if (operation === "change" || operation === "detach") await reconcile(whole, "gold");
if (operation === "releaseServed") await attachServed(whole);

let count = 0;
const engine = await makeEngine({
  kernel,
  journal: dyingAt(journal, ["begin", "extend", "intend", "beginChange", "setState", "remove"]),
  catalog,
  assigned,
  programs: dyingAt(programs, ["add", "delete"]),
});
if (operation === "attachServed") await attachServed(engine);
else if (operation === "releaseServed") await engine.releaseOwned(CRASH_OWNER);
else await reconcile(engine, { attach: "gold", change: "bronze", detach: undefined }[operation]);
process.stdout.write("done\n");
process.exit(0);

/** The same, but of all calls of these methods the `point`-th is the last thing this process does, or does not do. */
function dyingAt<T extends object>(real: T, methods: readonly string[]): T {
  return new Proxy(real, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        const isLast = methods.includes(String(name)) && ++count === Number(point);
        if (isLast && moment === "before") process.kill(process.pid, "SIGKILL");
        const result: unknown = value.apply(target, args);
        if (isLast) process.kill(process.pid, "SIGKILL");
        return result;
      };
    },
  });
}
