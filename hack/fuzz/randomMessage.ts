// Bytes that a plug-in or a runtime might send.
import type { Type } from 'protobufjs';
import type { Random } from '../../src/lib/fake/random.ts';
import { ODD_TEXTS } from '../../src/podworker/fake/sim/hostilePod.ts';
import { randomBytes } from './settings.ts';

/** A message of this type: about half of its fields, with values that are odd but allowed. */
export function randomMessage(random: Random, type: Type, depth = 3): Buffer {
  const fields = type.fieldsArray.filter(() => random.chance(0.5));
  const object: Record<string, unknown> = {};
  for (const field of fields) {
    const one = () => scalar(random, field.type);
    const nested = field.resolvedType && 'fieldsArray' in field.resolvedType ? (field.resolvedType as Type) : undefined;
    if (field.map) object[field.name] = nested ? {} : { [random.pick(...ODD_TEXTS)]: one() };
    else if (nested) {
      if (depth > 0)
        object[field.name] = field.repeated
          ? [nested.decode(randomMessage(random, nested, depth - 1))]
          : nested.decode(randomMessage(random, nested, depth - 1));
    } else if (!field.resolvedType) object[field.name] = field.repeated ? [one(), one()] : one();
    else object[field.name] = field.repeated ? [random.int(5)] : random.int(5);
  }
  return Buffer.from(type.encode(type.fromObject(object)).finish());
}

/** The same bytes, or with one of them changed, or cut, doubled, replaced. */
export function damaged(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  if (random.chance(0.3) && copy.length > 0) copy[random.int(copy.length)] = random.int(256);
  if (random.chance(0.15)) return copy.subarray(0, random.int(copy.length + 1));
  if (random.chance(0.05)) return Buffer.concat([copy, copy]);
  return random.chance(0.1) ? randomBytes((n) => random.int(n), 200) : copy;
}

function scalar(random: Random, type: string): unknown {
  if (type === 'string') return random.pick(...ODD_TEXTS);
  if (type === 'bool') return random.chance(0.5);
  if (type === 'bytes') return randomBytes((n) => random.int(n), 20);
  return random.pick(0, 1, -1, 2 ** 31 - 1);
}
