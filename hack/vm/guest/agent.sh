#!/bin/bash
# Runs what comes through the virtio-serial port, as root, one request after the other. Request: `ID SECONDS BASE64(script)`;
# answer: `ID CODE BASE64(stdout) BASE64(stderr)`. A read fails while nobody is connected at the other end.
exec 3<>/dev/virtio-ports/kubelet-ts.agent
out=$(mktemp -d)
while :; do
  if ! IFS=' ' read -r -u 3 id seconds script; then
    sleep 0.2
    continue
  fi
  [[ "$id" =~ ^[0-9a-f-]+$ && "$seconds" =~ ^[0-9]+$ ]] || continue
  base64 -d <<< "$script" > "$out/script" 2> /dev/null || continue
  timeout -k 2 "$seconds" bash "$out/script" > "$out/stdout" 2> "$out/stderr" < /dev/null
  echo "$id $? =$(base64 -w0 "$out/stdout") =$(base64 -w0 "$out/stderr")" >&3
done
