// One end of a transfer: a program of its own, because it runs in a pod's network namespace.
//
//   traffic-end.ts receive ADDRESS                  takes one connection and counts what it brings
//   traffic-end.ts send FROM-ADDRESS ADDRESS PORT   sends as fast as TCP lets it, until its input ends
//
// Says what happens on standard output, a line of JSON each (TrafficReport).
import { connect, createServer } from "node:net";
import { monotonicNow } from "./clock.ts";
import type { TrafficReport } from "./traffic-report.ts";

/** Between two counts of the receiver, in milliseconds. */
const SAMPLE_MS = 100;
const CHUNK = Buffer.alloc(65_536, "lanyard ");

const [role, ...rest] = process.argv.slice(2);
if (role === "receive") receive(rest[0] ?? "");
else if (role === "send") send(rest[0] ?? "", rest[1] ?? "", Number(rest[2]));
else throw new Error(`"${role}" is no end of a transfer; expected receive or send`);

function receive(address: string): void {
  let bytes = 0;
  const sample = () => report({ kind: "sample", at: monotonicNow(), bytes });
  const server = createServer((connection) => {
    // one connection and no other: what goes on arriving comes on this one
    server.close();
    sample();
    const timer = setInterval(sample, SAMPLE_MS);
    connection.on("data", (chunk) => {
      bytes += chunk.length;
    });
    connection.on("error", fail);
    connection.on("close", () => {
      clearInterval(timer);
      sample();
      report({ kind: "done", bytes });
    });
  });
  server.on("error", fail);
  server.listen(0, address, () => {
    const listening = server.address();
    if (listening !== null && typeof listening === "object")
      report({ kind: "listening", port: listening.port });
  });
}

function send(localAddress: string, host: string, port: number): void {
  const connection = connect({ host, port, localAddress });
  connection.on("error", fail);
  let isEnding = false;
  const fill = () => {
    if (isEnding) return;
    while (connection.write(CHUNK)) if (isEnding) return;
  };
  connection.on("connect", () => {
    report({ kind: "connected", at: monotonicNow() });
    connection.on("drain", fill);
    fill();
  });
  connection.on("close", () => report({ kind: "done", bytes: connection.bytesWritten }));
  process.stdin.on("end", () => {
    isEnding = true;
    connection.end();
  });
  process.stdin.resume();
}

function fail(error: Error): never {
  console.error(error.message);
  process.exit(1);
}

function report(what: TrafficReport): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}
