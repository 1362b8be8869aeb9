import { randomBytes } from 'node:crypto';
import type { KubeObject, Mutable, Pod, TokenRequest } from '../../types/k8s.ts';
import { type Kind, RESOURCES } from '../resources.ts';
import { jsonPatch, mergePatch, strategicMerge } from './patch.ts';
import type { ApiRequest } from './request.ts';
import { type DeleteRequest, deleteObject, prepareCreate, prepareUpdate, Refusal, reapIfDone } from './rules.ts';
import { matcher } from './selectors.ts';
import { apiTime, type Storage } from './storage.ts';

/** What a handler may ask of the fake. */
export interface HandlerContext {
  readonly storage: Storage;
  readonly now: () => number;
  /** Answers of TokenReview and SubjectAccessReview; tests replace them. */
  readonly hooks: ReviewHooks;
}
export interface ReviewHooks {
  tokenReview: (spec: Record<string, unknown>) => Record<string, unknown>;
  subjectAccessReview: (spec: Record<string, unknown>) => Record<string, unknown>;
}

type Writable = Mutable<KubeObject>;
const clone = <T>(value: T) => JSON.parse(JSON.stringify(value)) as Mutable<T>;

function existing({ storage }: HandlerContext, { kind, namespace, name }: ApiRequest): KubeObject {
  const found = storage.get(kind!, namespace, name!);
  const { plural } = RESOURCES[kind!];
  if (!found) throw new Refusal(404, 'NotFound', `${plural} "${name}" not found`, { name: name!, kind: plural });
  return found;
}

/** Serves any request but a watch; returns the status and body. Throws Refusal for error answers. */
export function handle(context: HandlerContext, request: ApiRequest): { status: number; body: object } {
  switch (request.verb) {
    case 'get':
      return { status: 200, body: existing(context, request) };
    case 'list':
      return { status: 200, body: list(context, request) };
    case 'create':
      return { status: 201, body: create(context, request) };
    case 'update':
      return { status: 200, body: write(context, request, clone(request.body) as Writable) };
    case 'patch':
      return { status: 200, body: patch(context, request) };
    case 'delete': {
      const options = (request.body ?? {}) as DeleteRequest;
      const grace = request.query.get('gracePeriodSeconds');
      const merged = grace === null ? options : { ...options, gracePeriodSeconds: Number(grace) };
      return {
        status: 200,
        body: deleteObject(context.storage, request.kind!, existing(context, request), merged, context.now()),
      };
    }
    default:
      throw new Refusal(405, 'MethodNotAllowed', `the fake does not serve ${request.verb}`);
  }
}

function list({ storage }: HandlerContext, { kind, namespace, query }: ApiRequest): object {
  const all = storage.list(kind!, namespace, matcher(query.get('fieldSelector'), query.get('labelSelector')));
  const limit = Number(query.get('limit') ?? 0) || all.length;
  const start = Number(query.get('continue') ?? 0);
  const end = start + limit;
  const metadata = {
    resourceVersion: storage.version,
    ...(end < all.length ? { continue: String(end), remainingItemCount: all.length - end } : null),
  };
  // Items of a list carry no kind and apiVersion, as in the real server's answers.
  const items = all.slice(start, end).map(({ kind: _kind, apiVersion: _version, ...item }) => item);
  return { kind: `${kind}List`, apiVersion: RESOURCES[kind!].apiVersion, metadata, items };
}

function create(context: HandlerContext, request: ApiRequest): object {
  const { kind, namespace, subresource } = request;
  if (subresource !== undefined) return createSub(context, request, subresource);
  if (kind === 'TokenReview') return review(request, context.hooks.tokenReview);
  if (kind === 'SubjectAccessReview') return review(request, context.hooks.subjectAccessReview);
  const object = clone(request.body) as Writable;
  object.metadata ??= {};
  const meta = object.metadata;
  if (namespace !== undefined) meta.namespace = namespace;
  if (!meta.name && meta.generateName) meta.name = meta.generateName + randomBytes(3).toString('hex').slice(0, 5);
  if (!meta.name)
    throw new Refusal(
      422,
      'Invalid',
      `${kind} is invalid: metadata.name: Required value: name or generateName is required`,
    );
  if (context.storage.get(kind!, meta.namespace, meta.name)) {
    throw new Refusal(409, 'AlreadyExists', `${RESOURCES[kind!].plural} "${meta.name}" already exists`);
  }
  delete meta.uid;
  prepareCreate(kind!, object);
  return context.storage.put(kind!, object);
}

function review(request: ApiRequest, answer: (spec: Record<string, unknown>) => Record<string, unknown>): object {
  const body = request.body as { spec?: Record<string, unknown> };
  return { ...body, status: answer(body.spec ?? {}) };
}

function createSub(context: HandlerContext, request: ApiRequest, subresource: string): object {
  const { kind, body } = request;
  if (kind === 'ServiceAccount' && subresource === 'token') return token(context, request);
  const object = existing(context, request);
  if (kind === 'Pod' && subresource === 'binding') {
    bindPod(context, object as Pod, (body as { target: { name: string } }).target.name);
  } else if (kind === 'Pod' && subresource === 'eviction') {
    deleteObject(
      context.storage,
      'Pod',
      object,
      (body as { deleteOptions?: DeleteRequest }).deleteOptions ?? {},
      context.now(),
    );
  } else {
    throw new Refusal(404, 'NotFound', 'the server could not find the requested resource');
  }
  return { kind: 'Status', apiVersion: 'v1', status: 'Success', code: 201 };
}

/** Puts a Pod on a node as the scheduler's binding does. */
export function bindPod(context: HandlerContext, object: Pod, node: string): Pod {
  const pod = clone(object);
  if (pod.spec!.nodeName) {
    throw new Refusal(409, 'Conflict', `pod ${pod.metadata!.name} is already assigned to node "${pod.spec!.nodeName}"`);
  }
  pod.spec!.nodeName = node;
  pod.metadata!.generation = (pod.metadata!.generation ?? 0) + 1;
  const condition = { type: 'PodScheduled', status: 'True', lastTransitionTime: apiTime(context.now()) };
  pod.status = { ...pod.status, conditions: [...(pod.status?.conditions ?? []), condition] };
  return context.storage.put('Pod', pod as KubeObject) as Pod;
}

/** Tokens are counted so that a test can tell a fresh one from a cached one. */
let tokens = 0;

function token({ now }: HandlerContext, { body, namespace, name }: ApiRequest): object {
  const request = body as TokenRequest;
  const seconds = request.spec?.expirationSeconds ?? 3600;
  if (seconds < 600) {
    const why = 'may not specify a duration less than 10 minutes';
    throw new Refusal(
      422,
      'Invalid',
      `TokenRequest is invalid: spec.expirationSeconds: Invalid value: ${seconds}: ${why}`,
    );
  }
  const expirationTimestamp = apiTime(now() + seconds * 1000);
  const value = `fake-token.${namespace}.${name}.${++tokens}`;
  const spec = { audiences: ['https://kubernetes.default.svc'], ...request.spec, expirationSeconds: seconds };
  return { ...request, spec, status: { token: value, expirationTimestamp } };
}

function write(context: HandlerContext, request: ApiRequest, after: Writable): object {
  const kind: Kind = request.kind!;
  const before = existing(context, request);
  prepareUpdate(kind, before, after, request.subresource);
  // As in the real server, a write that changes nothing makes no new version and no event.
  const versioned = { ...after, metadata: { ...after.metadata, resourceVersion: before.metadata!.resourceVersion } };
  if (same(versioned, before)) return before;
  return reapIfDone(context.storage, kind, context.storage.put(kind, after as KubeObject));
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}

function patch(context: HandlerContext, request: ApiRequest): object {
  const { storage } = context;
  const applies = request.contentType.startsWith('application/apply-patch');
  const before = storage.get(request.kind!, request.namespace, request.name!);
  if (!before && applies) return create(context, { ...request, subresource: undefined });
  const current = existing(context, request);
  let after: unknown;
  try {
    if (request.contentType.startsWith('application/strategic-merge-patch'))
      after = strategicMerge(current, request.body);
    else if (request.contentType.startsWith('application/json-patch'))
      after = jsonPatch(current, request.body as never);
    else if (request.contentType.startsWith('application/merge-patch') || applies)
      after = mergePatch(current, request.body);
    else
      throw new Refusal(
        415,
        'UnsupportedMediaType',
        `the body of the request was in an unknown format: ${request.contentType}`,
      );
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(422, 'Invalid', (error as Error).message);
  }
  return write(context, request, clone(after) as Writable);
}
