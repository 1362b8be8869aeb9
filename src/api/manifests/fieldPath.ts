/** Where a value stands in an object, in the API's own notation, with its parts for looking up the line. */
export class FieldPath {
  static readonly root = new FieldPath([], '');

  readonly parts: readonly (string | number)[];
  readonly text: string;

  private constructor(parts: readonly (string | number)[], text: string) {
    this.parts = parts;
    this.text = text;
  }

  /** A field: `spec.hostNetwork`. */
  child(...names: string[]): FieldPath {
    return names.reduce(
      (at, name) => new FieldPath([...at.parts, name], at.text === '' ? name : `${at.text}.${name}`),
      this as FieldPath,
    );
  }

  /** An item of a list: `spec.containers[0]`. */
  index(index: number): FieldPath {
    return new FieldPath([...this.parts, index], `${this.text}[${index}]`);
  }

  /** A key of a map: `resources.limits[cpu]`. */
  key(key: string): FieldPath {
    return new FieldPath([...this.parts, key], `${this.text}[${key}]`);
  }
}
