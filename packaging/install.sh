#!/bin/sh
# Installs, upgrades and removes kubelet-ts from its archive:
#   ./install.sh            installs, or takes the place of the version that is installed
#   ./install.sh remove     removes everything that was installed; what the kubelet itself wrote in /var/lib/kubelet stays
#   --root DIR              works on the system in DIR instead of this one
set -eu
here=$(cd "$(dirname "$0")" && pwd)
action=install
root=
while [ $# -gt 0 ]; do
  case "$1" in
    install | remove) action=$1 ;;
    --root) root=${2:?--root needs a directory}; shift ;;
    *) echo "install.sh: what is \"$1\"? Usage: install.sh [install|remove] [--root DIR]" >&2; exit 2 ;;
  esac
  shift
done
if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
  echo "install.sh: only root can do this" >&2
  exit 1
fi
# Every file ("f PATH") and directory ("d PATH") that an installation made, in the order in which it made them.
list=$root/usr/lib/kubelet-ts/installed

systemd() {
  if [ -z "$root" ] && [ -d /run/systemd/system ]; then systemctl "$@"; fi
}

listed() {
  [ -f "$list" ] && grep -qx "f $1" "$list"
}

make_directory() {
  [ -d "$root$1" ] && return
  make_directory "$(dirname "$1")"
  mkdir "$root$1"
  echo "d $1" >> "$new"
}

# Into place under another name first: a program that runs keeps its file, and nobody sees half of one.
put() {
  make_directory "$(dirname "$2")"
  cp -P "$1" "$root$2.kubelet-ts-new"
  mv -f "$root$2.kubelet-ts-new" "$root$2"
}

install_all() {
  cd "$here/root"
  files=$(find . ! -type d | sed 's/^\.//' | sort)
  for file in $files; do
    if [ "$file" != /etc/default/kubelet ] && { [ -e "$root$file" ] || [ -L "$root$file" ]; } && ! listed "$file"; then
      echo "install.sh: $root$file is there and not of this archive: remove the other kubelet first" >&2
      exit 1
    fi
  done
  new=$(mktemp)
  trap 'rm -f "$new"' EXIT
  if [ -f "$list" ]; then grep '^d ' "$list" > "$new" || true; fi
  for file in $files; do
    # An administrator's settings stay.
    if [ "$file" != /etc/default/kubelet ] || [ ! -e "$root$file" ]; then put "$here/root$file" "$file"; fi
    echo "f $file" >> "$new"
  done
  for directory in /etc/kubernetes/manifests /var/lib/kubelet; do make_directory "$directory"; done
  for library in $(missing_libraries); do
    put "$here/libraries/$library" "/usr/lib/kubelet-ts/$library"
    echo "f /usr/lib/kubelet-ts/$library" >> "$new"
  done
  # What an older version had and this one has not.
  if [ -f "$list" ]; then
    grep '^f ' "$list" | while read -r _ file; do grep -qx "f $file" "$new" || rm -f "$root$file"; done
  fi
  echo "f /usr/lib/kubelet-ts/installed" >> "$new"
  cp "$new" "$list"
  chmod 644 "$list"
  systemd daemon-reload
  systemd try-restart kubelet
  echo "kubelet-ts is installed; systemctl enable --now kubelet starts it"
}

# Of a system in a directory nobody knows what its loader would find.
missing_libraries() {
  if [ -n "$root" ]; then ls "$here/libraries"; return; fi
  LD_TRACE_LOADED_OBJECTS=1 "$here/root/usr/lib/kubelet-ts/kubelet-ts" | sed -n 's/^[[:space:]]*\(.*\) => not found$/\1/p'
}

remove_all() {
  if [ ! -f "$list" ]; then
    echo "install.sh: nothing is installed ($list is not there)" >&2
    exit 1
  fi
  systemd disable --now kubelet || true
  old=$(cat "$list")
  echo "$old" | sed -n 's/^f //p' | while read -r file; do rm -f "$root$file"; done
  # Deepest first; one that somebody else has put something into stays.
  echo "$old" | sed -n 's/^d //p' | sort -r | while read -r directory; do rmdir "$root$directory" 2>/dev/null || true; done
  systemd daemon-reload
  echo "kubelet-ts is removed"
}

"${action}_all"
