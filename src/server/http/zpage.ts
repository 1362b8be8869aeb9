import { stringify } from 'yaml';
import { type Exchange, send } from './exchange.ts';

const GROUP = 'config.k8s.io';
/** The newest first; older ones are told of as such. */
const VERSIONS = ['v1beta1', 'v1alpha1'];
const ACCEPTED = 'application/json, application/yaml, text/plain';

/** A page of the component about itself (KEP-4827, KEP-4828): text for people, an object for programs that name its version. */
export interface ZPage {
  /** Flagz or Statusz. */
  readonly kind: string;
  readonly text: string;
  /** The object's own fields. */
  readonly fields: object;
}

const WARNING =
  'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for ' +
  'debugging purposes only.\n';

/** Answers in the first form that the client accepts; 406 when there is none. */
export function sendZPage(exchange: Exchange, page: ZPage): void {
  const name = page.kind.toLowerCase();
  for (const { type, parameters } of accepted(exchange.request.headers.accept ?? '')) {
    if (['*/*', 'text/*', 'text/plain'].includes(type) && !parameters.has('as')) {
      send(exchange, 200, 'text/plain; charset=utf-8', `\nkubelet ${name}\n${WARNING}${page.text}`);
      return;
    }
    const version = parameters.get('v') ?? '';
    const asked = parameters.get('g') === GROUP && parameters.get('as') === page.kind && VERSIONS.includes(version);
    if (!asked || !['application/json', 'application/yaml'].includes(type)) continue;
    const object = {
      kind: page.kind,
      apiVersion: `${GROUP}/${version}`,
      metadata: { name: 'kubelet' },
      ...page.fields,
    };
    const body = type === 'application/json' ? `${JSON.stringify(object)}\n` : stringify(object);
    send(exchange, 200, type, body, version === VERSIONS[0] ? {} : { warning: deprecation(name) });
    return;
  }
  refuse(exchange);
}

const deprecation = (name: string) =>
  `299 - "This version of the ${name} endpoint is deprecated. Please use a newer version."`;

function refuse(exchange: Exchange): void {
  const message = `only the following media types are accepted: ${ACCEPTED}`;
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' };
  const body = JSON.stringify({ ...status, message, reason: 'NotAcceptable', code: 406 });
  send(exchange, 406, 'application/json', `${body}\n`);
}

/** What an Accept header names, in its order; nothing means text. */
function accepted(header: string) {
  const names = header.trim() === '' ? ['text/plain'] : header.split(',');
  return names.map((entry) => {
    const [type = '', ...rest] = entry.split(';').map((part) => part.trim());
    const parameters = new Map(rest.map((part) => part.split('=', 2) as [string, string]));
    return { type: type.toLowerCase(), parameters };
  });
}
