#!/usr/bin/env bash
# fetch.sh - container runtimes for npm run test:system, out of Debian's packages; prints the folder they are in.
#
# The folder holds
#   newest/   containerd, its shim, ctr and runc in bin/, CNI plugins in cni/: of each package the newest that runs here
#   oldest/   the same of Debian 12, which is the oldest that is promised to work
#   versions  what they are
#
# They lie in $LANYARD_SYSTEM (default: lanyard-system in $XDG_CACHE_HOME or ~/.cache), fetched once in about 15 seconds.
# Needs apt-get and dpkg; nothing of this machine's own packages is read, changed or installed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$(realpath -m "${LANYARD_SYSTEM:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/lanyard-system}")
mirror=${LANYARD_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
suites="sid trixie bookworm"
oldest=bookworm

say() { echo "system: $*" >&2; }
die() {
  say "$*"
  exit 125
}

for tool in apt-get dpkg dpkg-deb; do
  command -v "$tool" >/dev/null || die "the runtimes are Debian packages, and $tool is not on this machine"
done
architecture=$(dpkg --print-architecture)
folder=$cache/$({ echo "$architecture $mirror" && cat "$here/fetch.sh"; } | sha256sum | cut -c 1-16)

mkdir -p "$cache" || die "the folder $cache cannot be made"
exec 7>"$cache/lock" || die "the folder $cache cannot be written"
flock 7 || die "$cache/lock cannot be locked"
if [[ -e $folder/versions ]]; then
  echo "$folder"
  exit 0
fi

# What an interrupted run left, and what an older script fetched.
find "$cache" -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
work=$cache/work
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/apt/{lists/partial,cache/archives/partial} "$work/result"

[[ -r $keyring ]] || die "$keyring is missing; install it with: apt-get install -y debian-archive-keyring"
for suite in $suites; do
  echo "deb [signed-by=$keyring] $mirror $suite main"
done >"$work/apt/sources.list"
: >"$work/apt/status"
cat >"$work/apt/apt.conf" <<CONF
Dir::State "$work/apt"; Dir::State::status "$work/apt/status"; Dir::Cache "$work/apt/cache";
Dir::Etc::SourceList "$work/apt/sources.list"; Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null"; Dir::Etc::PreferencesParts "/dev/null";
APT::Architecture "$architecture"; APT::Architectures "$architecture"; APT::Sandbox::User "root";
Acquire::Languages "none"; Acquire::Retries "3";
CONF
export APT_CONFIG=$work/apt/apt.conf
say "fetching container runtimes into $folder"
# A mirror may lack a suite; what cannot be had at all is told below.
apt-get -qq update >&2 || say "apt cannot read all of $suites at $mirror; another mirror can be named by LANYARD_MIRROR"

# Whether what is in a folder runs on this machine: newer packages want a newer C library.
runs() {
  case $1 in
    containerd) "$2/usr/bin/containerd" --version ;;
    runc) "$2/usr/sbin/runc" --version ;;
    containernetworking-plugins) CNI_COMMAND=VERSION "$2/usr/lib/cni/bridge" </dev/null ;;
  esac >/dev/null 2>&1
}

# take PACKAGE PLACE SUITE...: unpacks the package of the first suite whose programs run here.
take() {
  local package=$1 place=$work/result/$2 suite tree
  shift 2
  for suite in "$@"; do
    tree=$work/$package-$suite
    if [[ ! -e $tree ]]; then
      if ! (cd "$work" && apt-get -qq download "$package/$suite") >&2; then
        say "$package of $suite cannot be downloaded"
        continue
      fi
      dpkg -x "$work/$package"_*.deb "$tree"
      dpkg-deb -f "$work/$package"_*.deb Version >"$tree.version"
      rm "$work/$package"_*.deb
    fi
    runs "$package" "$tree" || continue
    mkdir -p "$place"/{bin,cni}
    find "$tree"/usr/{bin,sbin} -type f -exec cp {} "$place/bin/" \; 2>/dev/null || :
    find "$tree/usr/lib/cni" -type f -exec cp {} "$place/cni/" \; 2>/dev/null || :
    echo "${place##*/} $package $(cat "$tree.version")" >>"$work/result/versions"
    return
  done
  die "no $package of $* can be had that runs on this machine"
}

for package in containerd runc containernetworking-plugins; do
  # shellcheck disable=SC2086
  take "$package" newest $suites
  take "$package" oldest "$oldest"
done
mv "$work/result" "$folder"
say "fetched in $SECONDS s: $(paste -sd , "$folder/versions")"
echo "$folder"
