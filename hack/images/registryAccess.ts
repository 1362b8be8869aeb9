/** A request that gave 401 and names where tokens are to be had: the token, asked for with a user and a password. */
export async function tokenFor(challenge: string, login: string): Promise<string | undefined> {
  const field = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1];
  const realm = field('realm');
  if (!challenge.startsWith('Bearer ') || realm === undefined) return undefined;
  const url = new URL(realm);
  for (const name of ['service', 'scope']) url.searchParams.set(name, field(name) ?? '');
  const headers = { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
  const answer = await fetch(url, { headers });
  if (!answer.ok) throw new Error(`GET ${url}: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { token: string }).token;
}
