import { request } from "node:http";
import { ControlClient } from "../control/client.ts";
import type { DevicesReport, PodReport, StatusReport } from "../control/report.ts";
import type { AttachmentStatus } from "../model/attachment.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import { type MetricSample, parseMetrics } from "./metrics-text.ts";
import type { DemoPlaces } from "./places.ts";

/** How long a scrape may take, in milliseconds. */
const SCRAPE_MS = 5000;

/** The running agent as anybody sees it: by its control socket and its metrics. */
export class AgentView {
  readonly #control: ControlClient;
  readonly #metricsSocket: string;

  constructor(places: DemoPlaces) {
    this.#control = new ControlClient(places.agentSocket);
    this.#metricsSocket = places.metricsSocket;
  }

  status(): Promise<StatusReport> {
    return this.#control.status();
  }

  devices(): Promise<DevicesReport> {
    return this.#control.devices();
  }

  /** One scrape of /metrics. Throws LanyardError `unavailable`. */
  metrics(): Promise<MetricSample[]> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error) =>
        reject(
          new LanyardError("unavailable", `/metrics does not answer: ${errorText(error)}`, { cause: error }),
        );
      const asked = request({ socketPath: this.#metricsSocket, path: "/metrics" }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("error", fail);
        response.on("end", () => {
          if (response.statusCode === 200) resolve(parseMetrics(text));
          else fail(new Error(`status ${response.statusCode}: ${text.slice(0, 200)}`));
        });
      });
      asked.setTimeout(SCRAPE_MS, () => asked.destroy(new Error(`nothing within ${SCRAPE_MS / 1000} s`)));
      asked.on("error", fail);
      asked.end();
    });
  }
}

/** A pod of a report; undefined when it is not there. */
export function findPod(status: StatusReport, name: string): PodReport | undefined {
  return status.pods?.find((pod) => pod.name === name);
}

/** A pod's interface in a report; undefined when it is not there. */
export function findAttachment(
  status: StatusReport,
  pod: string,
  interfaceName: string,
): AttachmentStatus | undefined {
  return status.attachments.find(
    (attachment) => attachment.pod.name === pod && attachment.interfaceName === interfaceName,
  );
}
