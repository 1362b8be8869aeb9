import { diskIo, diskIoOf } from './diskIo.ts';

const text = `   7       0 loop0 1 0 2 0 0 0 0 0 0 0 0
 254       0 vda 100 11 2000 30 400 55 6000 70 8 90 110 0 0 0 0 12 13
 254      16 vdb 1 2 3 4 5 6 7 8 9 10 11 0 0 0 0 0 0
`;

test('the fields of one device', () => {
  expect(diskIo(text, '254:0')).toEqual({
    ...{ readsMerged: 11, sectorsRead: 2000, readMs: 30 },
    ...{ writesMerged: 55, sectorsWritten: 6000, writeMs: 70 },
    ...{ inProgress: 8, ioMs: 90, weightedMs: 110 },
  });
});

test.each(['0:40', '254:1', ''])('a device that is not counted: %j', (device) => {
  expect(new Set(Object.values(diskIo(text, device)))).toEqual(new Set([0]));
});

test('a directory that is not there', async () => {
  expect((await diskIoOf('/no/such/directory')).ioMs).toBe(0);
});
