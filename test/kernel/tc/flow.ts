/**
 * Traffic for tests, run inside a namespace. `receive ADDRESS MILLISECONDS` listens for a TCP flow, prints its
 * port, and, that long after the first byte, what came. `send ADDRESS PORT` sends by TCP until it is ended.
 * `datagrams ADDRESS COUNT` sends that many UDP packets of 1000 bytes to the discard port.
 */
import { createSocket } from "node:dgram";
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
} else if (role === "datagrams") {
  const socket = createSocket("udp4");
  // Nobody listens at the other end, which ICMP may say.
  socket.on("error", () => {});
  for (let sent = 0; sent < Number(number); sent++) {
    await new Promise((resolve) => socket.send(Buffer.alloc(1000), 9, address, resolve));
  }
  socket.close();
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
