// What `import('tracing/entry.ts')` means in the single executable (hack/executable/bundle.ts): its text lies in the executable and becomes code
// only here, so that an agent without tracing does not even hold it in memory.
import { getAsset } from 'node:sea';
import * as grpc from '@grpc/grpc-js';

type Entry = typeof import('./entry.ts');

/** Its one package that the program has in any case; the others are in it. */
const shared: Readonly<Record<string, unknown>> = { '@grpc/grpc-js': grpc };

const made = { exports: {} };
new Function('require', 'module', getAsset('tracing.cjs', 'utf8'))(
  (name: string) => shared[name] ?? process.getBuiltinModule(name),
  made,
);
export const { PodSpans, startTracing } = made.exports as Entry;
