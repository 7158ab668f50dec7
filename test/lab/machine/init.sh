#!/bin/busybox sh
# The guest's first program, in its initial RAM disk: puts the host's / (9p, read-only) under a folder in memory, which
# takes what is written, makes that the root, and goes on with main.sh there.
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
$B mount -t devtmpfs dev /dev
for module in $($B cat /order); do
  $B insmod "/modules/$module" || echo "lab: insmod $module failed" >/dev/kmsg
done
options=trans=virtio,version=9p2000.L,msize=512000
$B mount -t 9p -o $options,cache=loose,ro root /lower &&
  $B mount -t tmpfs tmpfs /upper &&
  $B mkdir /upper/files /upper/work &&
  $B mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /new || {
  echo "lab: the guest has no root file system" >/dev/kmsg
  echo b >/proc/sysrq-trigger
}
for folder in proc sys dev; do
  $B mkdir -p /new/$folder
  $B mount --move /$folder /new/$folder
done
$B mkdir -p /new/run /new/tmp
$B mount -t tmpfs -o mode=755 run /new/run
$B mount -t tmpfs -o mode=1777 tmp /new/tmp
$B mkdir -p /new/run/lab /new/run/ctl
$B mount -t 9p -o $options,cache=loose,ro lab /new/run/lab
$B mount -t 9p -o $options ctl /new/run/ctl
exec $B switch_root /new /run/lab/bin/busybox sh /run/ctl/main
