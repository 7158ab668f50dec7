import { judgeBytes } from "../figure.ts";
import { findMetric, type MetricSample } from "../metrics-text.ts";
import { payloadOnLink, payloadOnWire } from "../rate.ts";
import type { Scene } from "../scene.ts";
import type { Measured } from "./measure-classes.ts";

/**
 * Step 5: /metrics tells the bytes that were sent in step 3, with the pods' labels.
 *
 * What a pod sends passes its queue first and is counted by its link afterwards; what is too much never
 * reaches the link. What a pod receives is counted by its link first: the queue behind it drops what is too
 * much, TCP sends that again, and so only the queue's counter is the same as what arrived.
 */
export async function compareCounters(
  { tell, figures }: Scene,
  measured: readonly Measured[],
): Promise<void> {
  tell.heading("5. /metrics tells the same bytes");
  tell.say(
    "Links count a packet with its headers once, also when it leaves in many segments; queues count every",
    "segment with its headers. Both are brought to payload and compared with what the programs wrote.",
  );
  for (const each of measured) {
    for (const figure of compare(each)) {
      figures.push(figure);
      tell.say(
        `${figure.what} (${figure.layer}): wrote ${figure.expected}, counted ${figure.measured}  ${tell.verdict(figure.holds)}`,
      );
    }
  }
}

function compare({ course, carried, mtu, before, after }: Measured) {
  const growth = (name: string, labels: Record<string, string>) => subtract(name, labels, before, after);
  const link = ([pod, name]: readonly [string, string], direction: "transmit" | "receive") => {
    const labels = { namespace: "default", pod, interface: name };
    const bytes = growth(`lanyard_interface_${direction}_bytes_total`, labels);
    const packets = growth(`lanyard_interface_${direction}_packets_total`, labels);
    const payload = bytes === undefined || packets === undefined ? undefined : payloadOnLink(bytes, packets);
    return judgeBytes(`${pod} ${name} ${direction}`, "link", carried.sent, payload);
  };
  const queue = ([pod, name]: readonly [string, string], direction: "transmit" | "receive") => {
    const labels = { namespace: "default", pod, interface: name, direction };
    const bytes = growth("lanyard_qos_bytes_total", labels);
    const payload = bytes === undefined ? undefined : payloadOnWire(bytes, mtu);
    return judgeBytes(`${pod} ${name} ${direction}`, "queue", carried.received, payload);
  };
  if (course.direction === "ingress") return [queue(course.shaped, "receive")];
  return [queue(course.shaped, "transmit"), link(course.shaped, "transmit"), link(course.open, "receive")];
}

function subtract(
  name: string,
  labels: Record<string, string>,
  before: readonly MetricSample[],
  after: readonly MetricSample[],
): number | undefined {
  const first = findMetric(before, name, labels);
  const last = findMetric(after, name, labels);
  return first === undefined || last === undefined ? undefined : last - first;
}
