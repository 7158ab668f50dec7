import { InvalidValueError } from "../../model/errors.ts";
import type { AttachmentRequest } from "../request.ts";
import type { Step } from "../steps/steps.ts";
import { planDeviceInfo, planPrograms } from "./common.ts";

/** A device that a program drives: it has no link, so that its addresses are told and no more. */
export function planUserspaceDevice(request: AttachmentRequest): Step[] {
  const { interfaceName, qosClass, tuning, mtu, defaultGateways } = request;
  const place = `of interface ${interfaceName}, a device that a program drives`;
  if (qosClass !== undefined) {
    const expected = "none: the kernel sees none of its packets. A VF is limited by its own rates";
    throw new InvalidValueError(`QoS class ${place}`, qosClass.name, expected);
  }
  for (const [what, value] of Object.entries({ tuning, MTU: mtu, "default gateway": defaultGateways })) {
    if (value !== undefined) throw new InvalidValueError(`${what} ${place}`, value, "none: it has no link");
  }
  return [...planDeviceInfo(request), ...planPrograms(request)];
}
