// A runtime in a process of its own whose every command prints 15.9 MB, half to each output, and fails: so that a test can measure what
// the agent's thread alone does with the answer. `node loudRuntime.ts SOCKET`; it says `ready` and ends when its standard input does.
import * as grpc from '@grpc/grpc-js';
import { criProtocol } from '../protocol.ts';

const OUTPUT = Buffer.alloc(7_950_000);
const codec = criProtocol.method('runtime.v1.RuntimeService', 'ExecSync');
const answer = codec.response.encode({ stdout: OUTPUT, stderr: OUTPUT, exitCode: 1 });

const server = new grpc.Server({ 'grpc.max_send_message_length': -1 });
const definition: grpc.ServiceDefinition = {
  ExecSync: {
    path: codec.path,
    requestStream: false,
    responseStream: false,
    requestSerialize: codec.request.encode,
    requestDeserialize: codec.request.decode,
    responseSerialize: () => answer,
    responseDeserialize: codec.response.decode,
  },
};
const exec: grpc.handleUnaryCall<object, object> = (_call, done) => done(null, {});
server.addService(definition, { ExecSync: exec });
server.bindAsync(`unix:${process.argv[2]}`, grpc.ServerCredentials.createInsecure(), () =>
  process.stdout.write('ready\n'),
);
process.stdin.on('end', () => process.exit()).resume();
