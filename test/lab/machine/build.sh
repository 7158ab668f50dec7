#!/usr/bin/env bash
# build.sh WORK RESULT - makes what lab.sh boots, of Debian packages, in the folder RESULT; WORK is for what is only
# needed meanwhile. Both are empty folders. Needs root, apt-get and dpkg; nothing of this machine's own packages is
# read or changed.
#
# RESULT then holds
#   qemu/       QEMU with exactly the libraries it needs, started through its own ld.so
#   vmlinux     Debian's kernel as an ELF image, which starts faster than the compressed one
#   initrd      busybox, and the modules that reach the root file system
#   guest/      what the guest sees at /run/lab: busybox, kernel modules
#   versions    what it was made of
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$1 result=$2
suite=${LAB_SUITE:-trixie}
qemu_suite=${LAB_QEMU_SUITE:-$suite}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Modules taken from Debian's kernel, with those they need.
modules="
  9p 9pnet_virtio overlay
  igb igbvf e1000e virtio_net
  8021q dummy veth ifb bonding bridge macvlan macvtap ipvlan ipvtap vrf vxlan geneve tun nlmon macsec
  team team_mode_activebackup ip_gre sit ip6_tunnel xfrm_interface
  nf_tables nft_ct nft_nat nft_chain_nat nft_fib_inet nft_fwd_netdev nft_dup_netdev nf_flow_table_inet
  nft_flow_offload psample
  vfio-pci vfio_iommu_type1 uio_pci_generic pci-stub vdpa vhost_vdpa virtio_vdpa vhost_net vduse
  netlink_diag af_packet_diag inet_diag tcp_diag udp_diag unix_diag raw_diag configfs netconsole"
# Folders of which every module is taken.
module_folders="net/sched"

say() { echo "lab: $*" >&2; }
die() { say "$*"; exit 125; }

# The mirror that this machine's own Debian comes from; Debian's own elsewhere.
find_mirror() {
  local id='' codename='' mirror=''
  if [[ -e /etc/os-release ]]; then
    id=$(sed -n 's/^ID=//p' /etc/os-release) codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  fi
  if [[ $id == debian ]]; then
    # Stanzas of sources.list(5): `URIs: ...`, `Suites: ...`, or one line `deb [options] URI suite components`.
    mirror=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v suite="$codename" '
      /^URIs:/ {uri = $2}
      /^Suites:/ {has = 0; for (i = 2; i <= NF; i++) if ($i == suite) has = 1}
      /^Components:/ {if (has && $2 == "main") {print uri; exit}}') || :
    [[ -n $mirror ]] || mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
      awk -v suite="$codename" '$1 == "deb" {
        for (i = 2; i < NF; i++) if ($i ~ /:\// && $(i + 1) == suite) {print $i; exit}}') || :
  fi
  echo "${mirror:-http://deb.debian.org/debian}"
}

# An apt of our own, whose package state is empty: what is downloaded does not depend on this machine's release.
prepare_apt() {
  local mirror name
  mirror=${LAB_MIRROR:-$(find_mirror)}
  [[ -r $keyring ]] || die "$keyring is missing; install it with: apt-get install -y debian-archive-keyring"
  mkdir -p "$work"/apt/{lists/partial,cache/archives/partial}
  for name in $(printf '%s\n' "$suite" "$qemu_suite" | sort -u); do
    echo "deb [signed-by=$keyring] $mirror $name main"
  done >"$work/apt/sources.list"
  : >"$work/apt/status"
  cat >"$work/apt/apt.conf" <<CONF
Dir::State "$work/apt"; Dir::State::status "$work/apt/status"; Dir::Cache "$work/apt/cache";
Dir::Etc::SourceList "$work/apt/sources.list"; Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null"; Dir::Etc::PreferencesParts "/dev/null";
APT::Architecture "amd64"; APT::Architectures "amd64"; APT::Install-Recommends "false"; APT::Sandbox::User "root";
Acquire::Languages "none"; Acquire::Retries "3"; APT::Get::Assume-Yes "true"; APT::Update::Error-Mode "any";
CONF
  export APT_CONFIG=$work/apt/apt.conf
  apt-get -qq update || die "apt cannot read $suite of $mirror; another mirror can be named by LAB_MIRROR"
}

# fetch FOLDER SUITE PACKAGE...: packages with all they depend on, as files.
fetch() {
  local folder=$work/$1 from=$2
  shift 2
  mkdir -p "$folder/partial"
  apt-get -qq -t "$from" -o Dir::Cache::archives="$folder" --download-only install "$@" >"$work/log" ||
    { cat "$work/log" >&2 && die "the packages $* cannot be downloaded"; }
}

download() {
  local image
  image=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image/ {print $2; exit}')
  kernel=$(apt-cache policy "$image" | awk '/Candidate/ {print $2}')
  release=${image#linux-image-}
  source=linux-source-$(cut -d. -f1,2 <<<"$kernel")
  say "kernel $kernel, QEMU $(apt-cache policy qemu-system-x86 | awk '/Candidate/ {print $2}')"
  fetch qemu.deb "$qemu_suite" qemu-system-x86
  fetch tools.deb "$suite" "linux-headers-$release" make gawk sed grep coreutils findutils tar dash xz-utils zstd kmod
  mkdir "$work/kernel.deb"
  # Some headers bring the image with them.
  mv "$work"/tools.deb/linux-image-*.deb "$work/kernel.deb/" 2>/dev/null || :
  cd "$work/kernel.deb"
  ls linux-image-*.deb >/dev/null 2>&1 || apt-get -qq download "$image=$kernel" || die "$image cannot be downloaded"
  apt-get -qq download "$source=$kernel" busybox-static || die "$source cannot be downloaded"
  cd /
  say "downloaded $(cat "$work"/*.deb/*.deb | wc -c | awk '{print int($1 / 1e6)}') MB in $SECONDS s"
}

unpack() {
  local folder name package
  for folder in qemu tools; do
    for name in bin sbin lib lib64; do
      mkdir -p "$work/$folder/usr/$name"
      ln -s "usr/$name" "$work/$folder/$name"
    done
    for package in "$work/$folder.deb"/*.deb; do
      case ${package##*/} in linux-image* | linux-modules* | systemd* | udev*) continue ;; esac
      dpkg -x "$package" "$work/$folder"
    done
  done
  for package in "$work"/kernel.deb/{linux-image-*,busybox-static*}.deb; do dpkg -x "$package" "$work/kernel"; done
}

assemble_qemu() {
  local name file
  mkdir -p "$result"/qemu/{lib,share,modules}
  cp "$work/qemu/usr/bin/qemu-system-x86_64" "$result/qemu/"
  cp -L "$work/qemu/lib64/ld-linux-x86-64.so.2" "$result/qemu/ld.so"
  chroot "$work/qemu" /lib64/ld-linux-x86-64.so.2 --list /usr/bin/qemu-system-x86_64 |
    awk '$3 ~ /^\// {print $3}' |
    while read -r file; do cp -L "$work/qemu$file" "$result/qemu/lib/"; done
  for name in bios-256k.bin kvmvapic.bin linuxboot_dma.bin pvh.bin multiboot_dma.bin; do
    file=$(find "$work/qemu/usr/share/qemu" "$work/qemu/usr/share/seabios" -name "$name" | head -n 1)
    [[ -z $file ]] || cp -L "$file" "$result/qemu/share/"
  done
}

# The kernel and its modules are made ready by Debian's tools of the kernel's own release (see compile.sh).
assemble_kernel() {
  local tools=$work/tools
  mkdir -p "$tools"/{dev,tmp,sources} "$result"/guest/{bin,modules}
  [[ -e $tools/dev/null ]] || mknod -m 666 "$tools/dev/null" c 1 3 ||
    die "the build's chroot needs /dev/null, which mknod refuses: CAP_MKNOD is missing"
  ln -sf gawk "$tools/usr/bin/awk"
  cp "$work"/kernel/boot/vmlinuz-* "$tools/vmlinuz"
  mv "$work/kernel/usr/lib/modules/$release" "$tools/modules"
  dpkg-deb --fsys-tarfile "$work"/kernel.deb/"$source"*.deb | tar -xO "./usr/src/$source.tar.xz" >"$tools/source.tar.xz"
  cp "$here/compile.sh" "$tools/compile.sh"
  chroot "$tools" /usr/bin/env -i PATH=/usr/sbin:/usr/bin LC_ALL=C \
    sh /compile.sh "$release" "$(echo $modules)" "$module_folders" || die "the kernel modules cannot be built"
  mv "$tools/vmlinux" "$result/vmlinux"
  mv "$tools/result/lib/modules/$release" "$result/guest/modules/"
  cp "$work/kernel/usr/bin/busybox" "$result/guest/bin/"
  for name in modprobe lsmod insmod rmmod ping; do ln -s busybox "$result/guest/bin/$name"; done
}

assemble_initrd() {
  local tree=$work/initrd modules=$result/guest/modules/$release path
  mkdir -p "$tree"/{bin,proc,sys,dev,modules,lower,upper,new}
  cp "$result/guest/bin/busybox" "$tree/bin/"
  # modules.dep: a module, a colon, and what it needs, the nearest first.
  awk -v wanted="9pnet_virtio.ko 9p.ko overlay.ko" '
    {sub(":", "", $1); name = $1; sub(".*/", "", name); path[name] = $1; all[name] = $0}
    END {
      count = split(wanted, names, " ")
      for (i = 1; i <= count; i++)
        for (j = split(all[names[i]], chain, " "); j >= 1; j--) if (!seen[chain[j]]++) print chain[j]
    }' "$modules/modules.dep" |
    while read -r path; do
      cp "$modules/$path" "$tree/modules/"
      echo "${path##*/}" >>"$tree/order"
    done
  install -m 755 "$here/init.sh" "$tree/init"
  (cd "$tree" && find . | "$result/guest/bin/busybox" cpio -o -H newc 2>/dev/null) >"$result/initrd"
}

prepare_apt
download
unpack
assemble_qemu
assemble_kernel
assemble_initrd
printf 'kernel %s\nqemu %s\n' "$kernel" "$(dpkg-deb -f "$work"/qemu.deb/qemu-system-x86_*.deb Version)" >"$result/versions"
