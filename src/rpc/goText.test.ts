import { status } from '@grpc/grpc-js';
import { RpcError } from './error.ts';
import { rpcText } from './goText.ts';

test.each([
  ['Deadline exceeded', 'context deadline exceeded'],
  ['Deadline exceeded after 0.300s,LB pick: 0.001s', 'context deadline exceeded'],
  ['Deadline exceeded by the disk', 'Deadline exceeded by the disk'],
])('%s is told as %s', (message, told) => {
  const error = new RpcError('Prepare', { code: status.DEADLINE_EXCEEDED, details: message });
  expect(rpcText(error)).toBe(`rpc error: code = DeadlineExceeded desc = ${told}`);
});
