/** Where the field's device plugins write device-info files, and where attachments have their copies (specification 1.1.0). */
export const DEVICE_INFO_FOLDERS: DeviceInfoFolders = {
  devices: "/var/run/k8s.cni.cncf.io/devinfo/dp",
  attachments: "/var/run/k8s.cni.cncf.io/devinfo/cni",
};

export interface DeviceInfoFolders {
  /** One file for each device that is given away. */
  readonly devices: string;
  /** One file for each attachment that uses a device. */
  readonly attachments: string;
}

/** What every device-info file's name ends with. */
export const DEVICE_INFO_SUFFIX = "-device.json";

/** `intel.com-vfs-0000:86:00.1-device.json`, as CNI plugins of the field look for it. */
export function deviceInfoFileName(resource: string, id: string): string {
  return `${resource}-${id}${DEVICE_INFO_SUFFIX}`.replaceAll("/", "-");
}

/** `1b2f3c-net1-device.json`: of the interface of this name of the pod with this UID. */
export function attachmentInfoFileName(podUid: string, interfaceName: string): string {
  return `${podUid}-${interfaceName}${DEVICE_INFO_SUFFIX}`;
}
