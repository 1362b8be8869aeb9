import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { busyboxBuild, busyboxPackages } from '../busyboxBuild.ts';
import { unpackDebian } from '../debian.ts';
import type { ImageDefinition } from '../definition.ts';
import { fillBusybox } from './busybox.ts';

const configuration = `worker_processes 1;
error_log /dev/stderr;
pid /run/nginx.pid;
events { worker_connections 256; }
http {
  access_log /dev/stdout;
  default_type text/html;
  server {
    listen 80;
    root /usr/share/nginx/html;
  }
}
`;

function definition(name: string, tag: string): ImageDefinition {
  return {
    name,
    refs: [`registry.k8s.io/e2e-test-images/nginx:${tag}`],
    config: { Cmd: ['nginx', '-g', 'daemon off;'], ExposedPorts: { '80/tcp': {} }, Labels: { tag } },
    groups: [],
    packages: busyboxPackages,
    inputs: [
      import.meta.filename,
      path.join(import.meta.dirname, '../debian.ts'),
      path.join(import.meta.dirname, 'busybox.ts'),
      busyboxBuild,
    ],
    async build({ root }) {
      await unpackDebian(root, ['nginx-light', 'coreutils']);
      await fillBusybox(root);
      appendFileSync(path.join(root, 'etc/passwd'), 'www-data:x:33:33:www-data:/var/www:/bin/false\n');
      appendFileSync(path.join(root, 'etc/group'), 'www-data:x:33:\n');
      for (const directory of ['run', 'var/lib/nginx', 'var/log/nginx', 'usr/share/nginx/html', 'etc/nginx']) {
        mkdirSync(path.join(root, directory), { recursive: true });
      }
      writeFileSync(path.join(root, 'etc/nginx/nginx.conf'), configuration);
      writeFileSync(path.join(root, 'usr/share/nginx/html/index.html'), '<title>Welcome to nginx!</title>\n');
    },
  };
}

/** The web server that update and template specs run, under both tags they ask for. */
export const nginx = definition('nginx', '1.15-4');
export const nginxNew = definition('nginx-new', '1.27-0');
