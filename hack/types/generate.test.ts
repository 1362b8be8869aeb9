import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate, swaggerPath } from './generate.ts';
import { shortNames } from './render.ts';

const GENERATED = join(process.cwd(), 'src/types/generated');
// The OpenAPI file comes with a 100 MB Go module; a checkout without it cannot compare.
const whenPresent = existsSync(swaggerPath()) ? test : test.skip;

describe('generated API types', () => {
  whenPresent('are what the pinned OpenAPI file gives', () => {
    const files = generate(readFileSync(swaggerPath(), 'utf8'));
    expect([...files.keys()].sort()).toEqual(readdirSync(GENERATED).sort());
    for (const [file, content] of files) expect(readFileSync(join(GENERATED, file), 'utf8')).toBe(content);
  });

  test('hold the required-ness of the OpenAPI file', () => {
    const container = readFileSync(join(GENERATED, 'container.ts'), 'utf8');
    expect(container).toMatch(/interface Container \{[^}]*readonly name: string;/);
    expect(container).toMatch(/interface Container \{[^}]*readonly image\?: string;/);
  });

  test('a clash of short names is refused', () => {
    expect(() => shortNames(['a.v1.Thing', 'b.v1.Thing'])).toThrow('a.v1.Thing');
    expect(shortNames(['io.k8s.api.storage.v1.TokenRequest', 'io.k8s.api.authentication.v1.TokenRequest']).size).toBe(
      2,
    );
  });
});
