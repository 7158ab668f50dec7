import { execFileSync } from "node:child_process";

/** Makes this many veth pairs, so twice as many links, and takes them away at the end. */
export function makeVethPairs(count: number): Disposable {
  const names = Array.from({ length: count }, (_, number) => `many${number}`);
  batch(
    "ip",
    names.map((name) => `link add ${name} type veth peer name p${name}`),
  );
  return {
    [Symbol.dispose]: () =>
      batch(
        "ip",
        names.map((name) => `link del ${name}`),
      ),
  };
}

/** Runs lines of `ip -batch` or `tc -batch`. */
export function batch(program: "ip" | "tc", lines: readonly string[]): void {
  execFileSync(program, ["-batch", "-"], {
    input: `${lines.join("\n")}\n`,
    stdio: ["pipe", "ignore", "inherit"],
  });
}
