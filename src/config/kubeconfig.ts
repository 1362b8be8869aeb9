import { dirname, resolve } from 'node:path';
import { parseYaml, YamlError } from '../lib/yaml.ts';
import type { ExecConfig } from './kubeconfigExec.ts';
import { KubeconfigError, readText } from './kubeconfigFile.ts';

/** The parts of a kubeconfig that its current context selects, with its files read. */
export interface KubeconfigContent {
  readonly server: string;
  /** PEM texts. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly insecureSkipTlsVerify: boolean;
  readonly tlsServerName?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly exec?: ExecConfig;
  /** Files whose change matters, the kubeconfig first. */
  readonly files: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/** Reads a kubeconfig and what it refers to. Throws KubeconfigError; its code is `KubeconfigMissing` when the file does not exist. */
export async function readKubeconfig(path: string): Promise<KubeconfigContent> {
  const file = resolve(path);
  return new Reader(file).read(await readText(file, 'KubeconfigMissing'));
}

/** Fields that change who asks or how, and that this client does not have: using the rest would act as somebody else. */
const REFUSED_USER: Readonly<Record<string, string>> = {
  'auth-provider': 'use exec or tokenFile instead',
  username: 'basic authentication was removed from Kubernetes; use a client certificate or a token',
  password: 'basic authentication was removed from Kubernetes; use a client certificate or a token',
  as: 'impersonation is not for nodes; remove it',
  'as-groups': 'impersonation is not for nodes; remove it',
  'as-uid': 'impersonation is not for nodes; remove it',
  'as-user-extra': 'impersonation is not for nodes; remove it',
};

class Reader {
  readonly #file: string;
  readonly #files: string[];
  #lineOf: (path: readonly (string | number)[]) => number = () => 1;

  constructor(file: string) {
    this.#file = file;
    this.#files = [file];
  }

  async read(text: string): Promise<KubeconfigContent> {
    const root = this.#parse(text);
    const current = root['current-context'];
    if (typeof current !== 'string' || current === '') throw this.#error(['current-context'], 'must name a context');
    const context = this.#named(root, 'contexts', 'context', current, ['current-context']);
    const cluster = this.#named(root, 'clusters', 'cluster', context.value.cluster, [...context.path, 'cluster']);
    const user = this.#named(root, 'users', 'user', context.value.user, [...context.path, 'user']);
    const clusterPart = await this.#cluster(cluster.value, cluster.path);
    return { ...clusterPart, ...(await this.#user(user.value, user.path)), files: this.#files };
  }

  #parse(text: string): Json {
    try {
      const [document] = parseYaml(text);
      if (!document || !isJson(document.value)) throw new YamlError('must hold a Config (a map)', 1);
      this.#lineOf = document.lineOf;
      return document.value;
    } catch (error) {
      // The parser's message can quote the text, which may be a key: only the line is safe to show.
      throw new KubeconfigError(
        `${this.#file}:${(error as YamlError).line ?? 1}: is not a kubeconfig in YAML or JSON`,
        {
          code: 'InvalidKubeconfig',
        },
      );
    }
  }

  #named(root: Json, list: string, part: string, name: unknown, from: Path): { value: Json; path: Path } {
    if (typeof name !== 'string') throw this.#error(from, `must name one of the ${list}`);
    const items = Array.isArray(root[list]) ? (root[list] as unknown[]) : [];
    const index = items.findIndex((item) => isJson(item) && item.name === name);
    if (index < 0) throw this.#error(from, `names "${name}", which is not among the ${list}`);
    const value = (items[index] as Json)[part];
    if (value !== undefined && value !== null && !isJson(value))
      throw this.#error([list, index, part], 'must be a map');
    return { value: (value as Json) ?? {}, path: [list, index, part] };
  }

  async #cluster(cluster: Json, path: Path) {
    const server = this.#text(cluster, path, 'server');
    if (server === undefined || !isHttpUrl(server)) {
      throw this.#error([...path, 'server'], 'must be a URL such as https://10.0.0.1:6443');
    }
    if (cluster['proxy-url']) {
      throw this.#error([...path, 'proxy-url'], 'is not supported: the node must reach the API server directly');
    }
    const insecure = cluster['insecure-skip-tls-verify'] === true;
    const ca = await this.#pem(cluster, path, 'certificate-authority');
    if (insecure && ca !== undefined) {
      throw this.#error([...path, 'insecure-skip-tls-verify'], 'and a certificate-authority cannot both be set');
    }
    const name = this.#text(cluster, path, 'tls-server-name');
    return { server, insecureSkipTlsVerify: insecure, ...(ca && { ca }), ...(name && { tlsServerName: name }) };
  }

  async #user(user: Json, path: Path) {
    for (const [field, advice] of Object.entries(REFUSED_USER)) {
      if (user[field]) throw this.#error([...path, field], `is not supported: ${advice}`);
    }
    const cert = await this.#pem(user, path, 'client-certificate');
    const key = await this.#pem(user, path, 'client-key');
    if ((cert === undefined) !== (key === undefined)) {
      throw this.#error(path, 'must have both client-certificate and client-key (or their -data forms), or neither');
    }
    const token = this.#text(user, path, 'token');
    const tokenFile = this.#text(user, path, 'tokenFile');
    const exec = user.exec === undefined || user.exec === null ? undefined : this.#exec(user.exec, [...path, 'exec']);
    return {
      ...(cert && key && { cert, key }),
      ...(token && { token }),
      ...(tokenFile && { tokenFile: resolve(dirname(this.#file), tokenFile) }),
      ...(exec && { exec }),
    };
  }

  #exec(exec: unknown, path: Path): ExecConfig {
    if (!isJson(exec)) throw this.#error(path, 'must be a map');
    const command = this.#text(exec, path, 'command');
    if (!command) throw this.#error([...path, 'command'], 'must name a program');
    const apiVersion = exec.apiVersion;
    if (apiVersion !== 'client.authentication.k8s.io/v1' && apiVersion !== 'client.authentication.k8s.io/v1beta1') {
      throw this.#error([...path, 'apiVersion'], 'must be client.authentication.k8s.io/v1');
    }
    if (exec.interactiveMode === 'Always') {
      throw this.#error([...path, 'interactiveMode'], 'must be Never or IfAvailable: a node agent has no terminal');
    }
    const args = Array.isArray(exec.args) ? exec.args.map(String) : [];
    const env = (Array.isArray(exec.env) ? exec.env : []).filter(isJson).map((e) => [String(e.name), String(e.value)]);
    // A bare name is looked up in PATH, a relative path starts at the kubeconfig.
    const program = command.includes('/') ? resolve(dirname(this.#file), command) : command;
    return {
      apiVersion,
      command: program,
      args,
      env: Object.fromEntries(env),
      provideClusterInfo: exec.provideClusterInfo === true,
      ...(typeof exec.installHint === 'string' && { installHint: exec.installHint }),
    };
  }

  /** A PEM text: `<name>-data` in base64 wins over the file `<name>`, as in client-go. */
  async #pem(part: Json, path: Path, name: string): Promise<string | undefined> {
    const data = this.#text(part, path, `${name}-data`);
    if (data) {
      const text = Buffer.from(data, 'base64').toString('utf8');
      if (!text.includes('-----BEGIN ')) throw this.#error([...path, `${name}-data`], 'must be a PEM text in base64');
      return text;
    }
    const file = this.#text(part, path, name);
    if (!file) return undefined;
    const absolute = resolve(dirname(this.#file), file);
    this.#files.push(absolute);
    const text = await readText(
      absolute,
      'InvalidKubeconfig',
      `${this.#file}:${this.#lineOf([...path, name])}: ${name} `,
    );
    if (!text.includes('-----BEGIN '))
      throw this.#error([...path, name], `must name a PEM file, and ${absolute} is none`);
    return text;
  }

  #text(part: Json, path: Path, name: string): string | undefined {
    const value = part[name];
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value !== 'string') throw this.#error([...path, name], 'must be a string');
    return value;
  }

  #error(path: Path, sentence: string): KubeconfigError {
    const name = path.filter((part) => typeof part === 'string').join('.');
    return new KubeconfigError(`${this.#file}:${this.#lineOf(path)}: ${name} ${sentence}`, {
      code: 'InvalidKubeconfig',
    });
  }
}

type Path = readonly (string | number)[];

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
