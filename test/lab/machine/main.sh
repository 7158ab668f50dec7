# The guest's process 1, by busybox's sh: makes the guest ready, runs the command that lab.sh put into /run/ctl, writes
# down its exit code, and turns the machine off.
B=/run/lab/bin/busybox
release=$($B uname -r)

# The exit code, when it was not the command's, is 125.
end() {
  $B sync
  [ -z "$LAB_CWD" ] || $B umount "$LAB_CWD" 2>/dev/null
  echo "$1" >/run/ctl/exit-code
  echo b >/proc/sysrq-trigger
}

$B mkdir -p /dev/pts /dev/shm /dev/virtio-ports "/lib/modules/$release" /etc/modprobe.d
$B mount -t devpts -o ptmxmode=666 devpts /dev/pts
$B mount -t tmpfs -o mode=1777 shm /dev/shm
if ! [ -e /dev/fd ]; then
  $B ln -s /proc/self/fd /dev/fd
  for pair in 0:stdin 1:stdout 2:stderr; do $B ln -s "fd/${pair%:*}" "/dev/${pair#*:}"; done
fi
$B mount --bind "/run/lab/modules/$release" "/lib/modules/$release"
# These modules make links of their own when they are loaded, unless told not to.
printf 'options dummy numdummies=0\noptions bonding max_bonds=0\noptions ifb numifbs=0\n' >/etc/modprobe.d/lab.conf
echo /run/lab/bin/modprobe >/proc/sys/kernel/modprobe
$B mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
$B mount -t bpf bpf /sys/fs/bpf 2>/dev/null
$B mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
[ -e /sys/fs/cgroup/cgroup.procs ] || $B mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/lab/bin HOME=/root LANG=C.UTF-8
. /run/ctl/environment
$B mkdir -p "$LAB_CWD" &&
  $B mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose cwd "$LAB_CWD" &&
  cd "$LAB_CWD" || end 125
$B hostname lab
$B ip link set lo up

# There is no udev here: nothing loads the drivers of what is on the PCI bus, or names the serial ports.
drivers=
for device in /sys/bus/pci/devices/*; do
  case $(cat "$device/vendor")$(cat "$device/device") in
    0x80860x10c9) drivers="$drivers igbvf igb" ;;
    0x80860x10d3) drivers="$drivers e1000e" ;;
    0x1af40x1000 | 0x1af40x1041) drivers="$drivers virtio_net" ;;
  esac
done
for driver in $drivers; do $B modprobe "$driver"; done
for port in /sys/class/virtio-ports/*; do
  [ -e "$port/name" ] || continue
  read -r name <"$port/name"
  $B ln -s "../${port##*/}" "/dev/virtio-ports/$name"
done

$B mkfifo /run/out /run/err
$B cat /run/out >"$($B realpath /dev/virtio-ports/lab.out)" &
out=$!
$B cat /run/err >"$($B realpath /dev/virtio-ports/lab.err)" &
err=$!
/bin/bash /run/ctl/command </dev/null >/run/out 2>/run/err
code=$?
# A process that was left in the background must not hold the machine open.
($B sleep 3 && $B kill $out $err) 2>/dev/null &
wait $out $err
end $code
