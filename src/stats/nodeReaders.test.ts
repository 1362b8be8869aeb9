import { networkOf } from './nodeReaders.ts';

const dev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0
  cni0: 10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0
  ens5: 1000 5 3 0 0 0 0 0 2000 6 4 0 0 0 0 0
`;
const route = 'Iface\tDestination\tGateway\nens5\t0000000A\t00000000\nens5\t00000000\t0100000A\n';

test('the node’s figures are those of the interface of its default route, whatever it is called', () => {
  expect(networkOf(dev, route, 't')).toMatchObject({
    ...{ name: 'ens5', rxBytes: 1000, rxErrors: 3, txBytes: 2000, txErrors: 4 },
    interfaces: [{ name: 'cni0' }, { name: 'ens5' }],
  });
});

test('without a default route the first interface stands for all; without any there is nothing', () => {
  expect(networkOf(dev, '', 't')).toMatchObject({ name: 'cni0', rxBytes: 10, txBytes: 20 });
  expect(networkOf('', '', 't')).toBeUndefined();
});
