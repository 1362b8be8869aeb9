// What `import koffi` means in the single executable (hack/executable/bundle.ts): there is no node_modules beside it, so the
// native part lies in the executable and is loaded from a file that exists for a moment only.
import { getRawAsset } from 'node:sea';
import type koffi from 'koffi';
import { loadAddon } from './addon.ts';

// koffi's own JavaScript adds nothing but warnings about calls of older versions.
export default loadAddon(new Uint8Array(getRawAsset('koffi.node') as ArrayBuffer)) as typeof koffi;
