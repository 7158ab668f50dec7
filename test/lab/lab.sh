#!/usr/bin/env bash
# lab.sh - a virtual machine for one command: a stock Debian kernel with SR-IOV cards, on this machine's files.
#
#   lab.sh build                    makes the machine, unless it is there already
#   lab.sh run [OPTION...] COMMAND  boots it, runs the command in it, and ends with the command's exit code
#   lab.sh key                      prints what stands for the machine's contents, for a cache of its folder
#
# OPTION is one of
#   -C FOLDER   where the command runs; shared with this machine, to be written too (default: the current folder)
#   -e N=VALUE  environment of the command (may be repeated)
#   -t SECONDS  how long the machine may live (default 600)
#   -n KINDS    network cards, separated by commas: igb, e1000e, virtio (default igb,igb), all on one wire
#   -c COUNT    processors (default: 1 where they are emulated, which is fastest, otherwise 2)
#   -m MB       memory (default 2048)
#   -a WORDS    more arguments for the kernel
#   -x WORDS    more arguments for QEMU
#   -v          shows the machine's console on stderr at the end
#
# COMMAND is one word for a shell, or a program with its arguments; -- may stand before it. Its stdin is /dev/null. Card
# number i is eth<i-1>. The guest's root is this machine's, under a layer in memory, so that Node, ip, tc and libraries
# are those of this machine; /tmp and /run are empty. In it, /dev/virtio-ports/lab.qmp is QEMU's own monitor: set_link
# with the name n1 pulls the first card's cable, device_del with the id nic1 pulls the card.
#
# The machine lies in $LANYARD_LAB (default: lanyard-lab in $XDG_CACHE_HOME or ~/.cache), 142 MB, built once in 40
# seconds of 400 MB of Debian packages (machine/build.sh). What is being built stands aside until it is whole; builds at
# one time wait for each other; an older one is removed when no machine runs on it. Exit code 125: the lab itself failed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$(realpath -m "${LANYARD_LAB:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/lanyard-lab}")

say() { echo "lab: $*" >&2; }
die() { say "$*"; exit 125; }

# Everything that the contents of a built machine follow from, except what Debian's mirror holds at the time.
key() {
  {
    echo "${LAB_SUITE:-trixie} ${LAB_QEMU_SUITE:-}"
    cat "$here"/machine/{build,compile,init}.sh
  } | sha256sum | cut -c 1-16
}

# Opens the built machine as descriptor 6, and holds a lock on it, so that nobody removes it meanwhile.
open_machine() {
  local name
  name=$(key)
  machine=$cache/$name
  [[ $(uname -sm) == "Linux x86_64" ]] || die "the lab needs Linux on x86-64; this is $(uname -sm)"
  until [[ -e $machine/versions ]] && { exec 6<"$machine"; } 2>/dev/null && flock -s 6 && [[ -e $machine/versions ]]; do
    build || exit 125
  done
}

# A subshell, so that its lock and what it does at its end are its own. It is asked how it went, which makes bash go on
# after a failure in it: each has its own end.
build() (
  [[ $(id -u) == 0 ]] || die "only root can build the lab: kernel modules are compiled in a chroot"
  for tool in apt-get apt-cache dpkg dpkg-deb; do
    command -v "$tool" >/dev/null || die "the lab is made of Debian packages, and $tool is not on this machine"
  done
  mkdir -p "$cache" || die "the folder $cache cannot be made"
  exec 7>"$cache/lock" || die "the folder $cache cannot be written"
  flock -n 7 || {
    say "waiting for another build in $cache"
    flock 7 || die "$cache/lock cannot be locked"
  }
  [[ ! -e $machine/versions ]] || exit 0
  say "building the lab's machine in $machine"
  work=$cache/work
  # What an interrupted build left.
  rm -rf "$work" "$machine"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' HUP INT TERM
  mkdir -p "$work"/{work,result} || die "the folder $work cannot be made"
  bash "$here/machine/build.sh" "$work/work" "$work/result" || exit 125
  mv "$work/result" "$machine" || exit 125
  say "built in $SECONDS s: $(paste -sd , "$machine/versions"), $(du -sm "$machine" | cut -f 1) MB"
  remove_older
)

# Removes other builds in the cache that no machine runs on.
remove_older() {
  local folder
  for folder in "$cache"/*; do
    [[ $folder != "$machine" && ${folder##*/} =~ ^[0-9a-f]{16}$ && -e $folder/versions ]] || continue
    if flock -n -x "$folder" true; then rm -rf "$folder"; fi
  done
}

# A path as QEMU's options take it.
escape() { echo "${1//,/,,}"; }

run() {
  local folder=$PWD seconds=600 cards=igb,igb more_qemu='' more_kernel='' processors='' memory=2048 is_verbose=''
  local code=0 number=0 kind qemu status
  # Not local: it is removed when there are no locals any more.
  control=$(mktemp -d)
  trap 'rm -rf "$control"' EXIT
  : >"$control/variables"
  while (($# > 0)); do
    case $1 in
      -[Cetnxacm]) (($# > 1)) || die "the option $1 wants a value; lab.sh alone prints what there is" ;;&
      -[tcm]) [[ $2 =~ ^[1-9][0-9]{0,6}$ ]] || die "$1 $2: expected a whole number from 1 to 9999999" ;;&
      -C) folder=$(cd "$2" && pwd) || die "no folder $2" ;;
      -e) printf 'export %s=%q\n' "${2%%=*}" "${2#*=}" >>"$control/variables" ;;
      -t) seconds=$2 ;;
      -n) cards=$2 ;;
      -x) more_qemu=$2 ;;
      -a) more_kernel=$2 ;;
      -c) processors=$2 ;;
      -m) memory=$2 ;;
      -v)
        is_verbose=1
        shift
        continue
        ;;
      --)
        shift
        break
        ;;
      -*) die "unknown option $1; lab.sh alone prints what there is" ;;
      *) break ;;
    esac
    shift 2
  done
  (($# > 0)) || die "no command to run; lab.sh alone prints what there is"
  { printf 'LAB_CWD=%q\n' "$folder" && cat "$control/variables"; } >"$control/environment"
  if (($# == 1)); then printf '%s\n' "$1"; else printf '%q ' "$@"; fi >"$control/command"
  cp "$here/machine/main.sh" "$control/main"
  open_machine

  # KVM only where it runs an ordinary kernel: kvm_pvm runs none but those made for it.
  local accelerator=${LAB_ACCEL:-} processor=max
  if [[ -z $accelerator ]]; then
    accelerator=tcg
    if [[ -w /dev/kvm && ! -e /sys/module/kvm_pvm ]] && grep -qE '^flags.* (vmx|svm) ' /proc/cpuinfo; then accelerator=kvm; fi
  fi
  case $accelerator in
    kvm) accelerator=kvm,kernel-irqchip=split processor=host processors=${processors:-2} ;;
    tcg) accelerator=tcg,tb-size=512 processors=${processors:-1} ;;
    *) die "LAB_ACCEL=$accelerator: expected tcg or kvm" ;;
  esac

  local devices=() kinds
  IFS=, read -ra kinds <<<"$cards"
  for kind in "${kinds[@]}"; do
    number=$((number + 1))
    case $kind in
      igb | e1000e) ;;
      virtio) kind=virtio-net-pci ;;
      *) die "unknown network card $kind; expected igb, e1000e or virtio" ;;
    esac
    devices+=(
      -device "pcie-root-port,id=rp$number,chassis=$number,slot=$number"
      -netdev "hubport,id=n$number,hubid=0"
      -device "$kind,id=nic$number,bus=rp$number,netdev=n$number,mac=$(printf '52:54:00:00:00:%02x' "$number"),romfile="
    )
  done

  # The command's output passes through pipes, which QEMU can open again whatever our own output is.
  local out err
  exec 8> >(exec cat) && out=$!
  exec 9> >(exec cat >&2) && err=$!
  local arguments=(
    "$machine/qemu/ld.so" --library-path "$machine/qemu/lib" "$machine/qemu/qemu-system-x86_64" -L "$machine/qemu/share"
    -name lab -M q35 -accel "$accelerator" -cpu "$processor" -smp "$processors" -m "$memory"
    -nodefaults -no-user-config -display none -no-reboot
    -kernel "$machine/vmlinux" -initrd "$machine/initrd"
    # What is off costs time to start or to run, and is nothing a test looks at. no_timer_check: where the host is busy,
    # the kernel takes an emulated timer for a broken one, and stops.
    -append "console=ttyS0 quiet panic=-1 intel_iommu=on mitigations=off lsm=capability cryptomgr.notests tsc=reliable init_on_alloc=0 audit=0 no_timer_check $more_kernel"
    # Without interrupt remapping, vfio refuses to give a device away.
    -device intel-iommu,intremap=on
    -chardev "file,id=console,path=console" -serial chardev:console
    -device virtio-serial-pci,id=ports
    -chardev file,id=out,path=/proc/self/fd/8,append=on -device virtserialport,bus=ports.0,chardev=out,name=lab.out
    -chardev file,id=err,path=/proc/self/fd/9,append=on -device virtserialport,bus=ports.0,chardev=err,name=lab.err
    -chardev socket,id=monitor,path=monitor,server=on,wait=off -mon chardev=monitor,mode=control
    -chardev socket,id=qmp,path=monitor -device virtserialport,bus=ports.0,chardev=qmp,name=lab.qmp
    -fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap
    -device virtio-9p-pci,fsdev=root,mount_tag=root
    -fsdev "local,id=lab,path=$(escape "$machine/guest"),security_model=none,readonly=on"
    -device virtio-9p-pci,fsdev=lab,mount_tag=lab
    -fsdev "local,id=ctl,path=$(escape "$control"),security_model=none"
    -device virtio-9p-pci,fsdev=ctl,mount_tag=ctl
    -fsdev "local,id=cwd,path=$(escape "$folder"),security_model=none,multidevs=remap"
    -device virtio-9p-pci,fsdev=cwd,mount_tag=cwd
    "${devices[@]}"
  )
  # shellcheck disable=SC2206
  arguments+=($more_qemu)

  # QEMU runs beside us, so that a signal reaches us at once, and dies with us however we end.
  cd "$control"
  QEMU_MODULE_DIR=$machine/qemu/modules setpriv --pdeathsig KILL timeout -k 5 "$seconds" \
    setpriv --pdeathsig KILL "${arguments[@]}" </dev/null 2> >(exec grep -v -e 'is not connected to host network' -e 'terminating on signal' >&9) &
  qemu=$!
  trap 'kill "$qemu" 2>/dev/null; wait "$qemu" 2>/dev/null; exit 130' HUP INT TERM
  wait "$qemu" && status=0 || status=$?
  cd /
  exec 8>&- 9>&-
  wait "$out" "$err" 2>/dev/null || :
  if [[ -n $is_verbose ]]; then cat "$control/console" >&2; fi
  if [[ -s $control/exit-code ]]; then
    code=$(cat "$control/exit-code")
  else
    code=125
    if ((status == 124)); then say "the machine was still running after $seconds s"; else say "the machine died; QEMU ended with $status"; fi
    if [[ -z $is_verbose ]]; then tail -n 40 "$control/console" >&2 || :; fi
  fi
  return "$code"
}

# Held back until what runs then has ended and cleaned up.
trap 'exit 130' HUP INT TERM
case ${1:-} in
  build)
    open_machine
    say "the machine is in $machine"
    ;;
  run)
    shift
    run "$@"
    ;;
  key) key ;;
  *)
    sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//p}' "$0"
    exit 2
    ;;
esac
