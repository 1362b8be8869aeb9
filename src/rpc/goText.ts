import { status } from '@grpc/grpc-js';
import { errorMessage } from '../lib/errors.ts';
import { RpcError } from './error.ts';

/**
 * What a call was rejected with, as Go's gRPC prints it; of another error its message. Without the times and counts that grpc-js puts into
 * its own texts: a message that changes at each attempt is a new Event each time.
 */
export function rpcText(error: unknown): string {
  if (!(error instanceof RpcError)) return errorMessage(error);
  return `rpc error: code = ${error.grpcCodeName} desc = ${description(error)}`;
}

function description({ grpcCode, message }: RpcError): string {
  // With how long it took, or without if the time was over before the call began to wait, or by the server's word.
  if (grpcCode === status.DEADLINE_EXCEEDED && /^Deadline exceeded($| after)/.test(message))
    return 'context deadline exceeded';
  return message.replace(/^No connection established\. Last error: (?:null|undefined|Error: )?/, 'connection error: ');
}
