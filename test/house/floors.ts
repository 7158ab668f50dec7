import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { findImports } from "./sources.ts";

/** The rooms of the house (folders of src/), floor by floor from the ground up: see docs/architecture.md. */
const FLOORS: readonly (readonly string[])[] = [
  ["model"],
  ["linux", "rpc"],
  ["inventory", "qos", "clients"],
  ["attachment", "provisioning"],
  ["kubelet", "cni", "controllers", "standalone", "control", "metrics"],
  ["agent", "demo"],
  ["cli"],
];

/** Packages and Node modules that only some places may import. Any other dependency may be used anywhere. */
const RESERVED: Readonly<Record<string, readonly string[]>> = {
  koffi: ["src/linux/ffi.ts"],
  "@grpc/grpc-js": ["src/rpc/", "src/kubelet/", "src/standalone/kubelet/"],
  "@bufbuild/protobuf": ["src/rpc/", "src/kubelet/", "src/standalone/kubelet/"],
  "prom-client": ["src/metrics/"],
  yaml: ["src/standalone/", "src/agent/", "src/demo/", "src/cli/"],
  "node:sqlite": ["src/linux/database.ts", "src/attachment/", "src/provisioning/"],
};

/** Stands outside: it runs before anything is installed. */
const OUTSIDE = "src/prepare.mjs";

const PROMISES_OF_WORK = /\b(?:TODO|FIXME)\b/;

/** Something in the sources that the house does not allow. */
export interface Fault {
  /** File relative to the root, with the line where there is one: `src/qos/tree.ts:12`. */
  place: string;
  /** What is wrong, and what would be right. */
  message: string;
}

/**
 * Checks that imports only go down the house: to a lower floor or within a room, without circles, to packages
 * that are declared and allowed there, and that no file leaves work to somebody who does not exist.
 *
 * @param files content by path relative to the root, with forward slashes
 * @param dependencies names of the packages that package.json declares for running
 */
export function checkHouse(files: ReadonlyMap<string, string>, dependencies: readonly string[]): Fault[] {
  const faults: Fault[] = [];
  const graph = new Map<string, string[]>();
  for (const [file, source] of files) {
    source.split("\n").forEach((text, index) => {
      const word = PROMISES_OF_WORK.exec(text)?.[0];
      if (word !== undefined) {
        faults.push({
          place: `${file}:${index + 1}`,
          message: `"${word}": do it now, or say it in an issue`,
        });
      }
    });
    if (!/^src\/.*\.ts$/.test(file)) continue;
    if (floorOf(file) === undefined) {
      const message = `is in no room of the house; expected src/ROOM/ with ROOM one of ${FLOORS.flat().join(", ")}`;
      faults.push({ place: file, message });
      continue;
    }
    const targets: string[] = [];
    for (const { specifier, line } of findImports(source)) {
      const place = `${file}:${line}`;
      if (specifier === undefined) {
        faults.push({
          place,
          message: "imports a computed name, which no check can follow; expected a literal",
        });
      } else if (specifier.startsWith(".")) {
        const target = posix.normalize(posix.join(posix.dirname(file), specifier));
        targets.push(target);
        const message = forbiddenFile(file, target);
        if (message !== undefined) faults.push({ place, message });
      } else {
        const message = forbiddenPackage(file, specifier, dependencies);
        if (message !== undefined) faults.push({ place, message });
      }
    }
    graph.set(file, targets);
  }
  for (const circle of findCircles(graph)) {
    faults.push({ place: circle[0] ?? "", message: `imports go in a circle: ${circle.join(" -> ")}` });
  }
  return faults;
}

/** Reads what {@link checkHouse} looks at: the sources, the native code and the protocol definitions. */
export function readHouse(root: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of ["src", "native", "proto"]) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      const file = path.slice(root.length + 1);
      const isMade = file.startsWith("src/rpc/generated/") || file.startsWith("native/build/");
      if (entry.isFile() && !isMade && file !== OUTSIDE) files.set(file, readFileSync(path, "utf8"));
    }
  }
  return files;
}

function forbiddenFile(file: string, target: string): string | undefined {
  const [room, floor] = [roomOf(file), floorOf(file) ?? 0];
  const [targetRoom, targetFloor] = [roomOf(target), floorOf(target)];
  if (room === targetRoom) return undefined;
  if (targetFloor === undefined) return `imports ${target}, which is in no room of the house`;
  if (targetFloor === floor) {
    return (
      `imports ${target}: ${room} and ${targetRoom} stand side by side on floor ${floor} and do not know ` +
      "each other; what both need lies on a lower floor"
    );
  }
  if (targetFloor > floor) {
    return `imports ${target}: ${room} is on floor ${floor}, ${targetRoom} above it on floor ${targetFloor}; imports only go down`;
  }
  return undefined;
}

function forbiddenPackage(
  file: string,
  specifier: string,
  dependencies: readonly string[],
): string | undefined {
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const places = RESERVED[name];
  if (
    places !== undefined &&
    !places.some((place) => file === place || (place.endsWith("/") && file.startsWith(place)))
  ) {
    return `imports ${name}, which only ${places.join(", ")} may`;
  }
  if (!name.startsWith("node:") && !dependencies.includes(name)) {
    return `imports ${name}, which is not in the dependencies of package.json`;
  }
  return undefined;
}

function roomOf(file: string): string | undefined {
  return /^src\/([^/]+)\//.exec(file)?.[1];
}

function floorOf(file: string): number | undefined {
  const room = roomOf(file);
  const floor = FLOORS.findIndex((rooms) => room !== undefined && rooms.includes(room));
  return floor === -1 ? undefined : floor;
}

/** Every circle that a walk through the graph closes, each named once, from its first file back to it. */
function findCircles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  const finished = new Set<string>();
  const path: string[] = [];
  const walk = (file: string): void => {
    if (finished.has(file)) return;
    const start = path.indexOf(file);
    if (start !== -1) {
      circles.push([...path.slice(start), file]);
      return;
    }
    path.push(file);
    for (const target of graph.get(file) ?? []) walk(target);
    path.pop();
    finished.add(file);
  };
  for (const file of graph.keys()) walk(file);
  return circles;
}
