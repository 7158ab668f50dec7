import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { gunzipSync } from "node:zlib";
import { probeCapabilities } from "../../../src/linux/capabilities.ts";
import { Kernel } from "../../../src/linux/kernel.ts";

/** Options of the kernel's build, where it tells them. */
function readBuild(): string | undefined {
  try {
    return gunzipSync(readFileSync("/proc/config.gz")).toString();
  } catch {
    return undefined;
  }
}

test("what the kernel is found to have is what it was built with", async (context) => {
  const build = readBuild();
  const kernel = new Kernel();
  try {
    await using scratch = await kernel.makeNamespace();
    const found = await probeCapabilities(scratch);
    const kinds = [
      ["qdiscs", "htb", "NET_SCH_HTB"],
      ["qdiscs", "tbf", "NET_SCH_TBF"],
      ["qdiscs", "fq", "NET_SCH_FQ"],
      ["qdiscs", "fq_codel", "NET_SCH_FQ_CODEL"],
      ["qdiscs", "ingress", "NET_SCH_INGRESS"],
      ["filters", "u32", "NET_CLS_U32"],
      ["filters", "matchall", "NET_CLS_MATCHALL"],
      ["filters", "flower", "NET_CLS_FLOWER"],
      ["filters", "bpf", "NET_CLS_BPF"],
      ["actions", "mirred", "NET_ACT_MIRRED"],
      ["actions", "police", "NET_ACT_POLICE"],
      ["actions", "skbedit", "NET_ACT_SKBEDIT"],
      ["actions", "gact", "NET_ACT_GACT"],
      ["linkKinds", "ifb", "IFB"],
    ] as const;
    if (build === undefined)
      return context.skip("the kernel does not tell its build options in /proc/config.gz");
    for (const [set, kind, option] of kinds) {
      // A module may be built and not be installed: only what is built in, or is not, must agree.
      const isBuiltIn = build.includes(`\nCONFIG_${option}=y`);
      const isModule = build.includes(`\nCONFIG_${option}=m`);
      if (!isModule) assert.equal(found[set].has(kind), isBuiltIn, kind);
      // Of u32 and matchall one does for both.
      if (kind === "u32" || kind === "matchall") continue;
      const isMissing = found.missing.some((line) => line.includes(` ${kind}: `));
      assert.equal(isMissing, !found[set].has(kind), kind);
    }
  } finally {
    await kernel.stop();
  }
});
