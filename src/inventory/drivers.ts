/** A driver that hands the function to a program, and that the kernel never chooses by itself. */
export function isForPrograms(driver: string): boolean {
  return /vfio|uio|pci-stub/.test(driver);
}

/** vfio-pci itself, or a variant that knows more of a card, such as mlx5_vfio_pci (drivers/vfio/pci/). */
export function isVfioDriver(driver: string | undefined): boolean {
  return driver !== undefined && /(?:^|[-_])vfio[-_]pci$/.test(driver);
}
