import { KubeletError } from '../../errors.ts';
import { ALIGNMENT, completeTypes, type DBusValue, type Variant } from './signature.ts';

/** Marshals values of one message, little-endian (D-Bus specification, "Marshaling (Wire Format)"). */
export class DBusWriter {
  #buffer = Buffer.alloc(512);
  #length = 0;

  /** What was written so far. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Writes one value for each complete type of the signature. Throws KubeletError `DBus` when a value does not fit its type. */
  write(signature: string, values: readonly DBusValue[]): void {
    const types = completeTypes(signature);
    if (types.length !== values.length) throw mismatch(signature, values);
    types.forEach((type, index) => {
      this.#value(type, values[index]!);
    });
  }

  /** Zero bytes up to a multiple of `alignment`. */
  align(alignment: number): void {
    const padding = -this.#length & (alignment - 1);
    this.#reserve(padding);
    this.#length += padding;
  }

  #value(type: string, value: DBusValue): void {
    const code = type[0]!;
    this.align(ALIGNMENT[code]!);
    if (code === 'a') this.#array(type.slice(1), value);
    else if (code === '(' || code === '{') this.write(type.slice(1, -1), list(type, value));
    else if (code === 'v') this.#variant(value);
    else if (typeof value === 'string') this.#text(code, value);
    else this.#number(code, value);
  }

  #variant(value: DBusValue): void {
    if (typeof value !== 'object' || !('signature' in value)) throw mismatch('v', value);
    const { signature, value: inner } = value as Variant;
    this.#text('g', signature);
    this.write(signature, [inner]);
  }

  #array(element: string, value: DBusValue): void {
    const at = this.#length;
    this.#reserve(4);
    this.#length += 4;
    // The padding before the first element is no part of the array's length.
    this.align(ALIGNMENT[element[0]!]!);
    const start = this.#length;
    if (element === 'y' && value instanceof Uint8Array) this.#raw(value);
    else for (const item of list(`a${element}`, value)) this.#value(element, item);
    this.#buffer.writeUInt32LE(this.#length - start, at);
  }

  #text(code: string, value: string): void {
    if (!'sog'.includes(code) || value.includes('\0')) throw mismatch(code, value);
    const bytes = Buffer.from(value, 'utf8');
    this.#number(code === 'g' ? 'y' : 'u', bytes.length);
    this.#raw(bytes);
    this.#number('y', 0);
  }

  #number(code: string, value: DBusValue): void {
    const size = code === 'y' ? 1 : (ALIGNMENT[code] ?? 0);
    this.#reserve(size);
    const at = this.#length;
    if (code === 'b' && typeof value === 'boolean') this.#buffer.writeUInt32LE(value ? 1 : 0, at);
    else if (code === 't' && typeof value === 'bigint') this.#buffer.writeBigUInt64LE(value, at);
    else if (code === 'x' && typeof value === 'bigint') this.#buffer.writeBigInt64LE(value, at);
    else if (typeof value !== 'number') throw mismatch(code, value);
    else if (code === 'y') this.#buffer.writeUInt8(value, at);
    else if (code === 'n') this.#buffer.writeInt16LE(value, at);
    else if (code === 'q') this.#buffer.writeUInt16LE(value, at);
    else if (code === 'i') this.#buffer.writeInt32LE(value, at);
    else if (code === 'u') this.#buffer.writeUInt32LE(value, at);
    else if (code === 'd') this.#buffer.writeDoubleLE(value, at);
    else throw mismatch(code, value);
    this.#length += size;
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const larger = Buffer.alloc(Math.max(this.#buffer.length * 2, this.#length + count));
    larger.set(this.bytes());
    this.#buffer = larger;
  }
}

function list(type: string, value: DBusValue): readonly DBusValue[] {
  if (Array.isArray(value)) return value;
  throw mismatch(type, value);
}

function mismatch(type: string, value: unknown): KubeletError {
  return new KubeletError(`a ${typeof value} does not fit the D-Bus type ${type}`, { code: 'DBus' });
}
