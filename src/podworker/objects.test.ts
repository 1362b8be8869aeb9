import type { ObjectStore } from '../api/objectStore.ts';
import type { TokenManager } from '../api/tokens.ts';
import { realClock } from '../lib/clock.ts';
import { CsiDriver } from '../volumes/csi/driver.ts';
import { CsiDrivers } from '../volumes/csi/drivers.ts';
import { apiObjects } from './objects.ts';

test('a driver that registers is to a Pod as an object that appears, and each registration is another version of it', () => {
  using drivers = new CsiDrivers();
  const store = { subscribe: () => ({ [Symbol.dispose]: () => {} }) } as unknown as ObjectStore;
  const objects = apiObjects(store, {} as TokenManager, { CSIPlugin: drivers, FlexVolumeDriver: drivers });
  const changes: string[] = [];
  const look = () => objects.state('CSIPlugin', '', 'd');
  const subscription = objects.subscribe('CSIPlugin', '', 'd', () => changes.push(look().state));
  const driver = (name: string) => new CsiDriver({ name, endpoint: '/run/csi.sock', version: [1], clock: realClock });
  expect(look()).toEqual({ state: 'absent' });
  const first = driver('d');
  drivers.set(first);
  const version = look();
  drivers.set(driver('other'));
  drivers.set(driver('d'));
  expect(look()).not.toEqual(version);
  drivers.remove(first);
  drivers.remove(drivers.get('d')!);
  subscription[Symbol.dispose]();
  drivers.set(driver('d'));
  expect(changes).toEqual(['present', 'present', 'absent']);
});
