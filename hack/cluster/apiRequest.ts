import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import type { Cluster } from './state.ts';

export interface ApiAnswer {
  status: number;
  body: string;
}

/** One request to the cluster's API server as its administrator, over a connection of its own. Times out after 20 s. */
export function apiRequest(cluster: Cluster, url: string): Promise<ApiAnswer> {
  const pki = (file: string): Buffer => readFileSync(path.join(cluster.layout.pki, file));
  const options = {
    host: '127.0.0.1',
    port: cluster.state.apiPort,
    path: url,
    ca: pki('ca.crt'),
    cert: pki('admin.crt'),
    key: pki('admin.key'),
    agent: false,
    timeout: 20_000,
  } as const;
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    sent.on('timeout', () => sent.destroy(new Error(`the API server did not answer ${url} within 20 s`)));
    sent.on('error', reject);
    sent.end();
  });
}
