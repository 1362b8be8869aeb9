// A DRA driver as a program of the node: it gives containers a variable with the name of their claim, by CDI. Registers itself as a driver
// does. Prints each call as a line of JSON; reads lines: `hang METHOD`, `lie`, `refuse`, `heal`.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { FakeDraPlugin } from '../../src/dra/fake/fakeDraPlugin.ts';
import { registrationProtocol } from '../../src/plugins/protocols/registration.ts';
import { startRpcServer } from '../../src/rpc/server.ts';
import { serveService } from '../../src/rpc/service.ts';

const [, , driver = '', root = '', cdi = ''] = process.argv;
const directory = path.join(root, 'plugins', driver);
mkdirSync(directory, { recursive: true });
mkdirSync(cdi, { recursive: true });
const kind = `${driver}/claim`;
const specOf = (uid: string) => path.join(cdi, `${driver}-${uid}.json`);
const tell = (method: string, request: object) => process.stdout.write(`${JSON.stringify({ method, request })}\n`);
let hanging = '';
let refusing = false;
const fault = (method: string) => {
  if (refusing) throw new Error('it refuses');
  return hanging === method ? new Promise<void>(() => {}) : undefined;
};

const plugin = await FakeDraPlugin.start({ directory, driver, socket: 'dra.sock' });
plugin.prepare = async ({ uid, name, namespace }) => {
  tell('NodePrepareResources', { uid, name, namespace });
  await fault('NodePrepareResources');
  const devices = [{ name: uid, containerEdits: { env: [`DRA_CLAIM=${name}`] } }];
  writeFileSync(specOf(uid), JSON.stringify({ cdiVersion: '0.5.0', kind, devices }));
  return { devices: [{ poolName: 'pool', deviceName: uid, requestNames: [], cdiDeviceIds: [`${kind}=${uid}`] }] };
};
plugin.unprepare = async ({ uid, name, namespace }) => {
  tell('NodeUnprepareResources', { uid, name, namespace });
  await fault('NodeUnprepareResources');
  rmSync(specOf(uid), { force: true });
  return {};
};
await startRpcServer({
  path: path.join(root, 'plugins_registry', `${driver}-reg.sock`),
  services: [
    serveService(registrationProtocol, 'pluginregistration.Registration', {
      GetInfo: () => ({
        type: 'DRAPlugin',
        name: driver,
        endpoint: plugin.info.endpoint,
        supportedVersions: [...plugin.info.versions],
      }),
      NotifyRegistrationStatus: (status) => {
        tell('Notify', status);
        return {};
      },
    }),
  ],
});
createInterface({ input: process.stdin }).on('line', (line) => {
  const [what, method = ''] = line.split(' ');
  hanging = what === 'hang' ? method : '';
  refusing = what === 'refuse';
  // An answer about a claim that nobody asked for, and none about the others.
  plugin.lie = what === 'lie' ? (answer) => ({ nobody: Object.values(answer)[0]! }) : (answer) => answer;
  tell('Told', { line });
});
process.stdin.on('end', () => process.exit(0)); // the test is over, however it ended
