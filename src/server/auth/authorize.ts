import { HttpError } from '../http/exchange.ts';
import type { NodeAttributes } from './attributes.ts';
import type { AccessReviewer } from './reviews.ts';
import type { UserInfo } from './user.ts';

/** Let in, or the status and text to answer with. */
export type Authorization =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly status: 403 | 500; readonly text: string; readonly cause?: unknown };

/** Asks for each subresource in order until one is allowed. Texts are kubelet's (InstallAuthFilter). Rejects with an HttpError when nobody can be asked just now. */
export async function authorize(
  user: UserInfo,
  { verb, subresources }: NodeAttributes,
  review: AccessReviewer | undefined,
): Promise<Authorization> {
  if (!review) return { allowed: true };
  for (const subresource of subresources) {
    try {
      if (await review(user, verb, subresource)) return { allowed: true };
    } catch (cause) {
      if (cause instanceof HttpError) throw cause;
      const text = `Authorization error (user=${user.name}, verb=${verb}, resource=nodes, subresource=${subresource})`;
      return { allowed: false, status: 500, text, cause };
    }
  }
  const wanted = `[${subresources.join(' ')}]`;
  const text = `Forbidden (user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=${wanted})\n`;
  return { allowed: false, status: 403, text };
}
