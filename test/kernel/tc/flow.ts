/**
 * Traffic for tests, run inside a namespace. `receive ADDRESS MILLISECONDS` listens for a TCP flow, prints its
 * port, and, that long after the first byte, what came. `send ADDRESS PORT` sends by TCP until it is ended.
 */
import { connect, createServer } from "node:net";

const [role, address = "", number = ""] = process.argv.slice(2);

if (role === "receive") {
  const server = createServer((socket) => {
    let start: bigint | undefined;
    let bytes = 0;
    let firstSecondBytes = 0;
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      start ??= process.hrtime.bigint();
      const elapsed = Number(process.hrtime.bigint() - start) / 1e6;
      if (elapsed > Number(number)) {
        process.stdout.write(`${JSON.stringify({ bytes, firstSecondBytes })}\n`);
        socket.destroy();
        server.close();
        return;
      }
      bytes += chunk.length;
      if (elapsed <= 1000) firstSecondBytes += chunk.length;
    });
  });
  server.listen(0, address, () => {
    const bound = server.address();
    process.stdout.write(`${typeof bound === "object" ? bound?.port : bound}\n`);
  });
} else {
  const socket = connect(Number(number), address);
  const chunk = Buffer.alloc(64 * 1024);
  const fill = () => {
    while (socket.write(chunk));
  };
  socket.on("connect", fill);
  socket.on("drain", fill);
  socket.on("error", () => {});
}
