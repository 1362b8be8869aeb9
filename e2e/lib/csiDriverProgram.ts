// A CSI driver that really mounts, as a program of the node: bind mounts of directories. Registers itself as node-driver-registrar does.
// Prints each call as a line of JSON; reads lines: `hang METHOD`, `heal`.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { createMounter } from '../../src/lib/linux/mounter.ts';
import { registrationProtocol } from '../../src/plugins/protocols/registration.ts';
import { startRpcServer } from '../../src/rpc/server.ts';
import { serveService } from '../../src/rpc/service.ts';
import { FakeCsiDriver } from '../../src/volumes/csi/fake/driver.ts';

const [, , name = '', root = '', data = ''] = process.argv;
const directory = path.join(root, 'plugins', name);
mkdirSync(directory, { recursive: true });
mkdirSync(data, { recursive: true });
const endpoint = path.join(directory, 'csi.sock');
const driver = new FakeCsiDriver({
  socket: endpoint,
  data,
  mounter: createMounter(),
  nodeId: 'the-node',
  maxVolumes: 7,
  topology: { [`${name}/zone`]: 'here' },
  capabilities: ['STAGE_UNSTAGE_VOLUME', 'EXPAND_VOLUME', 'GET_VOLUME_STATS', 'SINGLE_NODE_MULTI_WRITER'],
});
driver.before = async (call) => {
  process.stdout.write(`${JSON.stringify(call)}\n`);
  await fault(call);
};
let fault: FakeCsiDriver['before'] = () => {};
await driver.start();
await startRpcServer({
  path: path.join(root, 'plugins_registry', `${name}-reg.sock`),
  services: [
    serveService(registrationProtocol, 'pluginregistration.Registration', {
      GetInfo: () => ({ type: 'CSIPlugin', name, endpoint, supportedVersions: ['1.0.0'] }),
      NotifyRegistrationStatus: (status) => {
        process.stdout.write(`${JSON.stringify({ method: 'Notify', request: status })}\n`);
        return {};
      },
    }),
  ],
});
createInterface({ input: process.stdin }).on('line', (line) => {
  const [what, method] = line.split(' ');
  fault = (call) => (what === 'hang' && call.method === method ? new Promise(() => {}) : undefined);
  process.stdout.write(`${JSON.stringify({ method: 'Told', request: { line } })}\n`);
});
process.stdin.on('end', () => process.exit(0)); // the test is over, however it ended
