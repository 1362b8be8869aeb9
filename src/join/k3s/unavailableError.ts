import { KubeletError } from '../../lib/errors.ts';

/** No server could serve the request now, and the same request may go through later: the node waits, or starts with what it has. */
export class UnavailableError extends KubeletError {}
