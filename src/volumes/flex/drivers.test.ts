import { failure, until } from '../../lib/fake/until.ts';
import { FlexNode } from './fake/driver.ts';

const inits = (flex: FlexNode) => flex.node.programs.filter((program) => program.endsWith(' init')).length;

test('a driver is asked once what it can do, and again when its program is another', async () => {
  using flex = new FlexNode();
  flex.install();
  const [one, two] = await Promise.all([flex.drivers.find('k8s/dummy'), flex.drivers.find('k8s/dummy')]);
  expect(one).toBe(two);
  expect(await flex.drivers.find('k8s/dummy')).toBe(one);
  expect([one!.capabilities.attach, one!.capabilities.fsGroup, inits(flex)]).toEqual([false, true, 1]);
  flex.attach = true;
  flex.install('k8s/dummy', 'another');
  expect((await flex.drivers.find('k8s/dummy'))!.capabilities.attach).toBe(true);
  flex.uninstall();
  expect(await flex.drivers.find('k8s/dummy')).toBeUndefined();
});

test.each([['../../etc/passwd'], ['k8s/..'], ['.hidden/driver'], ['a/b/c'], ['kubernetes.io/secret'], ['']])(
  '%j names no driver, and no program is looked for',
  async (name) => {
    using flex = new FlexNode();
    const { message } = (await failure(flex.drivers.require(name))) as Error;
    expect(message).toBe(
      `no volume plugin matched: there is no FlexVolume driver ${name} (no driver can have this name)`,
    );
    expect(flex.node.programs).toEqual([]);
  },
);

test('a driver that does not answer init with Success is refused, with what it said', async () => {
  using flex = new FlexNode();
  flex.install();
  const { answer } = flex.node;
  flex.node.answer = () => ({ output: '{"status":"Failure","message":"no tools"}' });
  await expect(flex.drivers.require('k8s/dummy')).rejects.toThrow(
    'no volume plugin matched: FlexVolume driver k8s/dummy cannot be used: init command failed, status: Failure, reason: no tools',
  );
  flex.node.answer = () => ({ killed: true });
  await expect(flex.drivers.require('k8s/dummy')).rejects.toThrow('the driver did not answer init within 60s');
  flex.node.answer = answer;
  expect(await flex.drivers.require('k8s/dummy')).toBeDefined();
});

test('who waits for a driver hears when its program comes, changes and goes', async () => {
  using flex = new FlexNode();
  const heard: (string | undefined)[] = [];
  const subscription = flex.drivers.subscribe('k8s/dummy', () => heard.push(flex.drivers.version('k8s/dummy')));
  flex.install();
  await until(() => heard.length > 0 && heard.at(-1) !== undefined);
  flex.uninstall();
  await until(() => heard.at(-1) === undefined);
  flex.install('k8s/dummy', 'again');
  await until(() => heard.at(-1) !== undefined);
  subscription[Symbol.dispose]();
  expect(flex.drivers.version('k8s/dummy')).toBeUndefined();
});
