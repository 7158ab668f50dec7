import type { Readable } from "node:stream";

/** What the front tells the world it has started, in one line of JSON; until then the world touches nothing. */
export interface Order {
  /** The demo's folder. */
  readonly folder: string;
  /** Goes on serving after the last step. */
  readonly isServing: boolean;
  /** Where the front offers the metrics to the user's own network; absent when it does not. */
  readonly metricsUrl?: string;
  readonly hasColour: boolean;
}

/** An order as it is written. */
export function writeOrder(order: Order): string {
  return `${JSON.stringify(order)}\n`;
}

/** Reads the order; undefined when the input ends without one. `onEnd` is called when it ends later. */
export function readOrder(input: Readable, onEnd: () => void): Promise<Order | undefined> {
  return new Promise((resolve) => {
    let text = "";
    input.setEncoding("utf8");
    input.on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\n")) resolve(JSON.parse(text.slice(0, text.indexOf("\n"))) as Order);
    });
    const end = () => {
      resolve(undefined);
      onEnd();
    };
    input.on("end", end);
    input.on("error", end);
  });
}
