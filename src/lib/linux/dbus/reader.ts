import { KubeletError } from '../../errors.ts';
import { ALIGNMENT, completeTypes, type DBusValue } from './signature.ts';

/** Variants within variants: the signature's own depth limit does not see them. */
const MAX_VARIANTS = 32;

/** Reads marshalled values of either byte order. Throws KubeletError `DBus` on bytes that are no such values. */
export class DBusReader {
  readonly #bytes: Buffer;
  readonly #little: boolean;
  #at: number;
  #variants = 0;

  constructor(bytes: Buffer, little: boolean, at = 0) {
    this.#bytes = bytes;
    this.#little = little;
    this.#at = at;
  }

  /** Where the next value begins, before its padding. */
  get at(): number {
    return this.#at;
  }

  /** One value for each complete type of the signature. */
  read(signature: string): DBusValue[] {
    return completeTypes(signature).map((type) => this.#value(type));
  }

  align(alignment: number): void {
    this.#at += -this.#at & (alignment - 1);
  }

  #value(type: string): DBusValue {
    const code = type[0]!;
    this.align(ALIGNMENT[code]!);
    switch (code) {
      case 'a':
        return this.#array(type.slice(1));
      case '(':
      case '{':
        return this.read(type.slice(1, -1));
      case 'v':
        return this.#variant();
      case 's':
      case 'o':
        return this.#text(Number(this.#number('u')));
      case 'g':
        return this.#text(Number(this.#number('y')));
      case 'b':
        return this.#number('u') !== 0;
      default:
        return this.#number(code);
    }
  }

  #variant(): DBusValue {
    if (++this.#variants > MAX_VARIANTS) throw broken('its variants are nested too deeply');
    const signature = this.#text(Number(this.#number('y')));
    const values = this.read(signature);
    if (values.length !== 1) throw broken('a variant holds no single value');
    this.#variants--;
    return { signature, value: values[0]! };
  }

  #array(element: string): DBusValue {
    const length = Number(this.#number('u'));
    this.align(ALIGNMENT[element[0]!]!);
    const end = this.#at + length;
    if (end > this.#bytes.length) throw broken('an array ends after it');
    if (element === 'y') return new Uint8Array(this.#take(length));
    const items: DBusValue[] = [];
    while (this.#at < end) items.push(this.#value(element));
    if (this.#at !== end) throw broken('an array has another length than it says');
    return items;
  }

  #text(length: number): string {
    const text = this.#take(length).toString('utf8');
    this.#take(1);
    return text;
  }

  #number(code: string): number | bigint {
    const view = this.#take(code === 'y' ? 1 : ALIGNMENT[code]!);
    const little = this.#little;
    switch (code) {
      case 'y':
        return view.readUInt8();
      case 'n':
        return little ? view.readInt16LE() : view.readInt16BE();
      case 'q':
        return little ? view.readUInt16LE() : view.readUInt16BE();
      case 'i':
        return little ? view.readInt32LE() : view.readInt32BE();
      case 'u':
        return little ? view.readUInt32LE() : view.readUInt32BE();
      case 'x':
        return little ? view.readBigInt64LE() : view.readBigInt64BE();
      case 't':
        return little ? view.readBigUInt64LE() : view.readBigUInt64BE();
      default:
        return little ? view.readDoubleLE() : view.readDoubleBE();
    }
  }

  #take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw broken('it ends within a value');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

function broken(what: string): KubeletError {
  return new KubeletError(`a D-Bus message cannot be read: ${what}`, { code: 'DBus' });
}
