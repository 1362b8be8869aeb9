import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  maxQuantity,
  parseQuantity,
  quantityMilli,
  quantityNumber,
  quantityOf,
  quantityOfMilli,
  quantityValue,
  subtractQuantities,
} from './quantity.ts';

describe('quantities', () => {
  // Text, canonical text, value(), milliValue().
  test.each<[string | number, string, bigint, bigint]>([
    ['0', '0', 0n, 0n],
    ['0Ki', '0', 0n, 0n],
    ['m', '0', 0n, 0n],
    ['-', '0', 0n, 0n],
    ['-0', '0', 0n, 0n],
    ['1', '1', 1n, 1000n],
    [2, '2', 2n, 2000n],
    [0.5, '500m', 1n, 500n],
    ['100m', '100m', 1n, 100n],
    ['0.1', '100m', 1n, 100n],
    ['1.5', '1500m', 2n, 1500n],
    ['1500m', '1500m', 2n, 1500n],
    ['1000m', '1', 1n, 1000n],
    ['100u', '100u', 1n, 1n],
    ['1n', '1n', 1n, 1n],
    ['0.1n', '1n', 1n, 1n],
    ['-0.1n', '-1n', -1n, -1n],
    ['-1.5', '-1500m', -2n, -1500n],
    ['+3', '3', 3n, 3000n],
    ['1.', '1', 1n, 1000n],
    ['.5', '500m', 1n, 500n],
    ['001', '1', 1n, 1000n],
    ['1000', '1k', 1000n, 1_000_000n],
    ['100000', '100k', 100_000n, 100_000_000n],
    ['1200', '1200', 1200n, 1_200_000n],
    ['50k', '50k', 50_000n, 50_000_000n],
    ['1.2M', '1200k', 1_200_000n, 1_200_000_000n],
    ['9E', '9E', 9_000_000_000_000_000_000n, 9_000_000_000_000_000_000_000n],
    ['9000E', '9000E', 9_000_000_000_000_000_000_000n, 9_000_000_000_000_000_000_000_000n],
    ['1Ki', '1Ki', 1024n, 1_024_000n],
    ['1024Ki', '1Mi', 1_048_576n, 1_048_576_000n],
    ['1.5Gi', '1536Mi', 1_610_612_736n, 1_610_612_736_000n],
    ['0.5Ki', '512', 512n, 512_000n],
    ['1.0001Ki', '1024102400u', 1025n, 1_024_103n],
    ['128974848', '128974848', 128_974_848n, 128_974_848_000n],
    ['129e6', '129e6', 129_000_000n, 129_000_000_000n],
    ['1E3', '1e3', 1000n, 1_000_000n],
    ['12e5', '1200e3', 1_200_000n, 1_200_000_000n],
    ['1e0', '1', 1n, 1000n],
    ['5e-3', '5e-3', 1n, 5n],
    ['8Ei', '9223372036854775807', 9_223_372_036_854_775_807n, 9_223_372_036_854_775_807_000n],
  ])('%s is %s', (text, canonical, value, milli) => {
    expect(formatQuantity(text)).toBe(canonical);
    expect(quantityValue(text)).toBe(value);
    expect(quantityMilli(text)).toBe(milli);
  });

  test.each([
    '',
    '1.1.M',
    '1+1.0M',
    '0.1mi',
    'aoeu',
    '.5i',
    '1i',
    '1K',
    '1 Gi',
    '1Gi ',
    '1e',
    '1e99',
    '--1',
    '1_0',
    'NaN',
  ])('%j is refused', (text) => {
    expect(() => parseQuantity(text)).toThrow(/is not a quantity/);
  });

  test.each([
    ['100m', '0.1', 0],
    ['1Gi', '1G', 1],
    ['1023Mi', '1Gi', -1],
    ['-1', '0', -1],
  ])('compares %s with %s: %d', (a, b, expected) => {
    expect(compareQuantities(a, b)).toBe(expected);
    expect(compareQuantities(b, a)).toBe(expected === 0 ? 0 : -expected);
  });

  test.each([
    ['1', '500m', '1500m', '500m'],
    ['1Gi', '1Gi', '2Gi', '0'],
    ['0', '1Gi', '1Gi', '-1Gi'],
    ['1Gi', '1G', '2073741824', '73741824'],
    ['1e3', '1k', '2e3', '0'],
  ])('%s and %s: sum %s, difference %s', (a, b, sum, difference) => {
    expect(formatQuantity(addQuantities(a, b))).toBe(sum);
    expect(formatQuantity(subtractQuantities(a, b))).toBe(difference);
  });

  test('canonical text reads back as the same quantity', () => {
    let seed = 7;
    const random = (n: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % n;
    };
    const suffixes = ['', 'n', 'u', 'm', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti', 'e3', 'e-2'];
    for (let i = 0; i < 2000; i++) {
      const text = `${random(2) ? '-' : ''}${random(100_000)}${random(2) ? `.${random(1000)}` : ''}${suffixes[random(suffixes.length)]}`;
      const canonical = formatQuantity(text);
      expect(compareQuantities(text, canonical)).toBe(0);
      expect(formatQuantity(canonical)).toBe(canonical);
    }
  });

  test('are made from integers and thousandths, compared by size, and read as numbers', () => {
    expect(formatQuantity(quantityOf(1n << 30n, 'BinarySI'))).toBe('1Gi');
    expect(formatQuantity(quantityOfMilli(2500))).toBe('2500m');
    expect(formatQuantity(maxQuantity('1', '900m'))).toBe('1');
    expect(quantityNumber('1500m')).toBe(1.5);
    expect(quantityNumber('16Gi')).toBe(17_179_869_184);
  });
});
