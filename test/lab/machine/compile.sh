# compile.sh RELEASE MODULES FOLDERS - runs in the build's chroot, by dash: takes the kernel out of its compressed image,
# builds the modules Debian leaves out (netdevsim, vdpa_sim and what they need) from Debian's source of the same
# kernel, and puts them with the chosen ones, uncompressed, into /result.
set -eu
release=$1 modules=$2 folders=$3
result=/result/lib/modules/$release
mkdir -p "$result/extra"

# The image is a small program and, somewhere behind it, a zstd stream.
offset=$(LC_ALL=C grep -obUaP '\x28\xb5\x2f\xfd' /vmlinuz | head -n 1 | cut -d : -f 1)
tail -c +$((offset + 1)) /vmlinuz | zstd -dc >/vmlinux 2>/dev/null || true
head -c 4 /vmlinux | grep -q ELF

xz -dc -T0 /source.tar.xz | tar -x -C /sources --strip-components=1 --wildcards --exclude '*/selftests/*' \
  '*/drivers/net/netdevsim/*' '*/drivers/vdpa/vdpa_sim/*' '*/drivers/vhost/vringh.c' '*/drivers/ptp/ptp_mock.c'
cd /sources
mv drivers/net/netdevsim drivers/vdpa/vdpa_sim drivers/vhost/vringh.c drivers/ptp/ptp_mock.c .
rm -rf drivers tools
echo 'obj-m += vringh.o ptp_mock.o netdevsim/ vdpa_sim/' >Kbuild
make -s -j"$(nproc)" -C "/usr/src/linux-headers-$release" M=/sources CONFIG_NETDEVSIM=m CONFIG_VDPA_SIM=m \
  CONFIG_VDPA_SIM_NET=m CONFIG_VDPA_SIM_BLOCK=m CONFIG_PTP_1588_CLOCK_MOCK=m CONFIG_VHOST_RING=m \
  KCFLAGS=-DCONFIG_PTP_1588_CLOCK_MOCK_MODULE=1 modules
find /sources -name '*.ko' | while read -r file; do strip -g -o "$result/extra/${file##*/}" "$file"; done

mkdir -p /debian/lib/modules
mv /modules "/debian/lib/modules/$release"
depmod -b /debian "$release"

# With each module those that must be loaded before it, a line `insmod PATH` for each.
needed() { modprobe -d /debian -S "$release" --show-depends "$1" 2>/dev/null; }
chosen() {
  for name in $modules; do needed "$name" || echo "lab: the kernel has no module $name" >&2; done
  for folder in $folders; do
    find "/debian/lib/modules/$release/kernel/$folder" -name '*.ko*' | while read -r file; do
      name=${file##*/}
      needed "${name%%.ko*}" || true
    done
  done
  # What the modules built here import from.
  for name in psample vhost_iotlb vdpa; do needed "$name"; done
}
chosen | awk '$1 == "insmod" {print $2}' | sort -u | while read -r file; do
  path=${file#/debian/lib/modules/$release/}
  mkdir -p "$result/${path%/*}"
  case $path in
    *.xz) xz -dc "$file" >"$result/${path%.xz}" ;;
    *.zst) zstd -qdc "$file" >"$result/${path%.zst}" ;;
    *) cp "$file" "$result/$path" ;;
  esac
done
cp "/debian/lib/modules/$release"/modules.builtin* "/debian/lib/modules/$release/modules.order" "$result/"
depmod -b /result "$release"
