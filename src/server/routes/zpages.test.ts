import { parse } from 'yaml';
import { ask, eachOnItsOwn, host, identity, start } from '../fake/testServer.ts';

eachOnItsOwn();
const open = { authorization: { mode: 'AlwaysAllow' } };
const get = (path: string, accept?: string) =>
  ask(path, { ...identity, headers: accept === undefined ? {} : { accept } });
const object = (kind: string, version = 'v1beta1', form = 'json') =>
  `application/${form};v=${version};g=config.k8s.io;as=${kind}`;

test.each([undefined, 'text/plain', '*/*', `application/json, text/plain;q=0.5`])('text for %s', async (accept) => {
  await start(open);
  const flagz = await get('/flagz', accept);
  expect(flagz).toMatchObject({ status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' } });
  expect(flagz.body).toMatch(/^\nkubelet flagz\nWarning: This endpoint is not meant to be machine parseable.*\nv=2\n$/);
  const statusz = (await get('/statusz', accept)).body;
  expect(statusz).toMatch(/^\nkubelet statusz\n/);
  expect(statusz).toMatch(/Started: \d{4}-.*Z\nUp: \d+ hr \d\d min \d\d sec\n.*\nBinary version: 1\.36\.3\n/);
});

test('objects for those who name the version', async () => {
  await start(open);
  const flagz = await get('/flagz', object('Flagz'));
  expect(JSON.parse(flagz.body)).toEqual({
    kind: 'Flagz',
    apiVersion: 'config.k8s.io/v1beta1',
    metadata: { name: 'kubelet' },
    flags: { v: '2' },
  });
  expect(flagz.headers.warning).toBeUndefined();
  const statusz = parse((await get('/statusz', object('Statusz', 'v1beta1', 'yaml'))).body);
  expect(statusz).toMatchObject({ kind: 'Statusz', binaryVersion: '1.36.3', emulationVersion: '1.36' });
  const old = await get('/statusz', object('Statusz', 'v1alpha1'));
  expect(old.headers.warning).toContain('This version of the statusz endpoint is deprecated.');
});

test.each(['application/json', 'image/png', object('Statusz'), object('Flagz', 'v9')])(
  '%s is not acceptable',
  async (accept) => {
    await start(open);
    const { status, body } = await get('/flagz', accept);
    expect([status, JSON.parse(body).reason]).toEqual([406, 'NotAcceptable']);
  },
);

test('not there with the gates or the debugging handlers off', async () => {
  await start(open);
  host.gates = { ...host.gates, enabled: () => false };
  expect([(await get('/flagz')).status, (await get('/statusz')).status]).toEqual([404, 404]);
});
